package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
)

const (
	// maxMessage is the embedded server's limit for a message, in bytes. It is
	// above the limit for a command, so that one too long is refused by
	// reddot, which tells so, and not by the connection.
	maxMessage = 1 << 20
	// maxStore is the embedded server's limit for its files, in bytes: none, but
	// for the disk's own. JetStream's, unless it is given one, is three quarters
	// of what was free at the start, and stays when more is freed.
	maxStore = 1 << 50
	// writeDeadline is how long a client may take no bytes before it is
	// dropped. Generous: a client that waits for its disk is no reason.
	writeDeadline = time.Minute
	// readyWait bounds the wait for the listener once the server has started.
	readyWait = 10 * time.Second

	// natsFolder is the server's folder in the data folder.
	natsFolder = "nats"

	minSync = 100 * time.Millisecond
	maxSync = time.Minute
)

// syncPolicy says when stored messages are forced to disk: after every write,
// or at an interval. As a flag it reads "always" or a duration.
type syncPolicy struct {
	always bool
	every  time.Duration // ignored if always
}

// String is the flag's text.
func (p *syncPolicy) String() string {
	if p.always {
		return "always"
	}
	return p.every.String()
}

// Type is the flag's type in the help.
func (p *syncPolicy) Type() string { return "interval" }

// Set reads the flag.
func (p *syncPolicy) Set(s string) error {
	if s == "always" {
		*p = syncPolicy{always: true}
		return nil
	}
	d, err := time.ParseDuration(s)
	if strings.Trim(s, "0123456789.") == "" && s != "" {
		return fmt.Errorf("%s has no unit: use always, or %v to %v, as %ss", s, minSync, maxSync, s)
	}
	if err != nil || d < minSync || d > maxSync {
		return fmt.Errorf("use always, or %v to %v", minSync, maxSync)
	}
	*p = syncPolicy{every: d}
	return nil
}

// serverConfig configures the embedded NATS server.
type serverConfig struct {
	dir    string     // data directory; the server keeps its files in dir/nats
	listen string     // host:port; port 0 picks a free one
	sync   syncPolicy // of the streams' files
	reads  startReads // what is read of the log as soon as it has started
	log    *slog.Logger

	// failed, unless nil, is told once a stream's file could not be written. The
	// stream takes nothing any more then, until the server is started again.
	failed func(error)
}

// natsServer is a NATS server with JetStream in this process.
type natsServer struct {
	srv    *server.Server
	log    *serverLog
	listen string
	stop   func() error
}

// startServer starts a server and returns once it accepts connections.
func startServer(cfg serverConfig) (*natsServer, error) {
	s, err := openServer(cfg)
	if err != nil {
		return nil, err
	}
	if err := s.Listen(); err != nil {
		return nil, errors.Join(err, s.Shutdown())
	}
	return s, nil
}

// openServer starts a server that is for this process alone until Listen is
// called. Streams are recovered from dir before it returns: from their index, if
// the last end was a clean one, else by reading all of them. A second server on
// the same directory is refused.
func openServer(cfg serverConfig) (*natsServer, error) {
	host, port, err := parseListen(cfg.listen)
	if err != nil {
		return nil, err
	}
	dir, err := filepath.Abs(filepath.Join(cfg.dir, natsFolder))
	if err != nil {
		return nil, fmt.Errorf("find the data directory: %w", err)
	}
	if err := os.MkdirAll(dir, privateFolder); err != nil {
		return nil, fmt.Errorf("create the data directory: %w: choose another with --data", err)
	}
	// JetStream itself lets two servers write the same files.
	lock, err := vfs.Default.Lock(filepath.Join(dir, "LOCK"))
	if err != nil {
		return nil, lockError(cfg.dir, err)
	}
	files, err := checkBlocks(dir, cfg.reads)
	if err != nil {
		return nil, errors.Join(err, lock.Close())
	}
	cfg.log.Debug("files of the streams checked before the start", "files", files)
	s := &natsServer{log: &serverLog{log: cfg.log, failed: cfg.failed}, listen: cfg.listen}
	if s.srv, err = runServer(cfg, host, port, dir, s.log); err != nil {
		return nil, errors.Join(err, lock.Close())
	}
	s.stop = sync.OnceValue(func() error {
		shutdown(s.srv)
		return lock.Close()
	})
	return s, nil
}

func runServer(cfg serverConfig, host string, port int, dir string, logger *serverLog) (*server.Server, error) {
	if err := probe(cfg.listen); err != nil {
		return nil, err
	}
	if port == 0 {
		port = server.RANDOM_PORT
	}
	s, err := server.NewServer(&server.Options{
		ServerName:             "reddot",
		Host:                   host,
		Port:                   port,
		DontListen:             true, // until Listen
		JetStream:              true,
		StoreDir:               dir,
		JetStreamMaxStore:      maxStore,
		SyncInterval:           cfg.sync.every,
		SyncAlways:             cfg.sync.always,
		MaxPayload:             maxMessage,
		WriteDeadline:          writeDeadline,
		NoSigs:                 true, // the program handles them
		DisableJetStreamBanner: true,
	})
	if err != nil {
		return nil, fmt.Errorf("configure the NATS server: %w", err)
	}
	s.SetLoggerV2(logger, cfg.log.Enabled(context.Background(), slog.LevelDebug), false, false)
	s.Start() // returns once it is ready, or has told a fatal error
	if err := logger.fatal(); err != nil {
		shutdown(s)
		return nil, fmt.Errorf("start the NATS server: %w", err)
	}
	if !s.ReadyForConnections(readyWait) {
		shutdown(s)
		return nil, fmt.Errorf("start the NATS server: it is not ready after %v", readyWait)
	}
	return s, nil
}

// Listen lets others connect. It is called once at most.
func (s *natsServer) Listen() error {
	s.srv.AcceptLoop(make(chan struct{})) // returns once it listens, or has told a fatal error
	if err := s.log.fatal(); err != nil {
		return fmt.Errorf("listen on %s: %w", s.listen, err)
	}
	return nil
}

// Connect connects to the server without the network.
func (s *natsServer) Connect() (*nats.Conn, error) {
	return nats.Connect("", nats.InProcessServer(s.srv))
}

// parseListen reads host:port.
func parseListen(listen string) (host string, port int, err error) {
	host, p, err := net.SplitHostPort(listen)
	if err != nil {
		return "", 0, fmt.Errorf("listen address %q: %w: use HOST:PORT", listen, err)
	}
	n, err := strconv.ParseUint(p, 10, 16)
	if err != nil {
		return "", 0, fmt.Errorf("listen address %q: use a port from 0 to 65535", listen)
	}
	return host, int(n), nil
}

// probe reports an address that can't be listened on before streams are
// recovered for nothing.
func probe(listen string) error {
	l, err := net.Listen("tcp", listen)
	if err != nil {
		return listenError("--listen", listen, err)
	}
	if err := l.Close(); err != nil {
		return fmt.Errorf("listen on %s: %w", listen, err)
	}
	return nil
}

// listenError says what to do about the address of a flag that can't be
// listened on.
func listenError(flag, address string, err error) error {
	if errors.Is(err, syscall.EADDRINUSE) {
		return fmt.Errorf("address %s is in use: choose another with %s", address, flag)
	}
	return fmt.Errorf("%w: choose another address with %s", err, flag)
}

// URL is where clients reach the server that listens, with the port that it
// really has.
func (s *natsServer) URL() string { return s.srv.ClientURL() }

// Shutdown stops the server and returns once its files are closed and its
// directory is free. Further calls do nothing.
func (s *natsServer) Shutdown() error { return s.stop() }

func shutdown(s *server.Server) {
	s.Shutdown()
	s.WaitForShutdown()
}

// serverLog passes the server's log on: warnings and errors as such,
// everything else for debugging. A fatal error is kept for startServer.
type serverLog struct {
	log    *slog.Logger
	failed func(error) // see serverConfig
	mu     struct {
		sync.Mutex
		fatal error
	}
}

func (l *serverLog) fatal() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.mu.fatal
}

func (l *serverLog) Fatalf(format string, v ...any) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.mu.fatal = errors.Join(l.mu.fatal, fmt.Errorf(format, v...))
}

func (l *serverLog) Errorf(format string, v ...any) {
	text := fmt.Sprintf(format, v...)
	l.log.Error("nats: " + text)
	// The server tells this nowhere else.
	if l.failed != nil && strings.Contains(text, "ritical write error: ") {
		l.failed(fmt.Errorf("the NATS server can't write to disk (mend it and start again; what was acknowledged is stored): %s", text))
	}
}

func (l *serverLog) Warnf(format string, v ...any) {
	l.log.Warn("nats: " + fmt.Sprintf(format, v...))
}

func (l *serverLog) Noticef(format string, v ...any) { l.debug(format, v...) }
func (l *serverLog) Debugf(format string, v ...any)  { l.debug(format, v...) }
func (l *serverLog) Tracef(format string, v ...any)  { l.debug(format, v...) }

// debug formats only what is shown: the server traces a lot.
func (l *serverLog) debug(format string, v ...any) {
	if l.log.Enabled(context.Background(), slog.LevelDebug) {
		l.log.Debug("nats: " + fmt.Sprintf(format, v...))
	}
}
