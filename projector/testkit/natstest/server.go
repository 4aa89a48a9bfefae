package natstest

import (
	"cmp"
	"errors"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"reddot/projector/testkit"
)

// reconnectWait is how long a connection waits before it looks for the server
// again.
const reconnectWait = 20 * time.Millisecond

// fileRoom is what the files of a server may take, in bytes. Without it JetStream
// takes a part of what happens to be free on the machine.
const fileRoom = 1 << 50

// Server is a NATS server that can be stopped and started again. Its methods
// belong to the test's goroutine.
type Server struct {
	// Options are those of the next Restart.
	Options server.Options

	tb  testing.TB // nil: that of an example
	now *server.Server
}

// Start starts a server with JetStream on a free port of loopback, and stops it at
// the end of the test. Where it listens and where its files are can be changed.
func Start(tb testing.TB, change ...func(*server.Options)) *Server {
	tb.Helper()
	return start(tb, append(change, func(o *server.Options) { jetStream(o, tb.TempDir()) }))
}

// StartCore is Start without JetStream.
func StartCore(tb testing.TB, change ...func(*server.Options)) *Server {
	tb.Helper()
	return start(tb, change)
}

// With changes all options, to those that are given.
func With(given *server.Options) func(*server.Options) {
	return func(o *server.Options) { *o = *given.Clone() }
}

func start(tb testing.TB, change []func(*server.Options)) *Server {
	tb.Helper()
	s := newServer(change)
	s.tb = tb
	s.Restart()
	tb.Cleanup(s.Stop)
	return s
}

// Open is Start for an example, which has no test: the files are in dir, and the
// caller stops the server. Connect and JetStream are not for it.
func Open(dir string, change ...func(*server.Options)) (*Server, error) {
	s := newServer(append(change, func(o *server.Options) { jetStream(o, dir) }))
	return s, s.run()
}

// jetStream completes options.
func jetStream(o *server.Options, dir string) {
	o.JetStream, o.StoreDir, o.JetStreamMaxStore = true, cmp.Or(o.StoreDir, dir), cmp.Or(o.JetStreamMaxStore, fileRoom)
}

func newServer(change []func(*server.Options)) *Server {
	s := new(Server)
	for _, f := range change {
		f(&s.Options)
	}
	o := &s.Options
	o.Host, o.Port, o.NoSigs, o.NoLog = cmp.Or(o.Host, "127.0.0.1"), cmp.Or(o.Port, server.RANDOM_PORT), true, true
	return s
}

// Restart starts the server again, at the same address and with the same files. It
// stops it first if it runs.
func (s *Server) Restart() {
	s.tb.Helper()
	if s.now != nil {
		s.Stop()
	}
	if err := s.run(); err != nil {
		s.tb.Fatal(err)
	}
}

func (s *Server) run() error {
	options := s.Options // the server changes its own
	now, err := server.NewServer(&options)
	if err != nil {
		return err
	}
	now.Start()
	if !now.ReadyForConnections(testkit.Patience) {
		return errors.New("the NATS server does not start")
	}
	s.now, s.Options.Port = now, options.Port
	return nil
}

// Stop stops the server, and returns when its files are closed. Twice is once.
func (s *Server) Stop() {
	s.now.Shutdown()
	s.now.WaitForShutdown()
}

// NATS returns the server that runs now.
func (s *Server) NATS() *server.Server { return s.now }

// URL is where the server is.
func (s *Server) URL() string { return s.now.ClientURL() }

// Addr is where the server is, as host:port.
func (s *Server) Addr() string { return s.now.Addr().String() }

// Connect opens a connection that finds the server again after a restart, and
// closes it at the end of the test.
func (s *Server) Connect(options ...nats.Option) *nats.Conn {
	s.tb.Helper()
	all := append([]nats.Option{nats.MaxReconnects(-1), nats.ReconnectWait(reconnectWait)}, options...)
	conn := testkit.Must(nats.Connect(s.URL(), all...))(s.tb)
	s.tb.Cleanup(conn.Close)
	return conn
}

// JetStream opens a connection for the test's own use of JetStream.
func (s *Server) JetStream() jetstream.JetStream {
	s.tb.Helper()
	return testkit.Must(jetstream.New(s.Connect()))(s.tb)
}
