package main

import (
	"log/slog"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"reddot/cmd/reddot/datadir"
	"reddot/cmd/reddot/natsserver"
	"reddot/events"
)

// start starts a server on a free port, to be stopped by the test or at its
// end.
func start(t *testing.T, dir string) *natsserver.Server {
	t.Helper()
	s, err := natsserver.Start(natsserver.Config{Data: datadir.Dir(dir), Listen: "127.0.0.1:0",
		Sync: natsserver.SyncPolicy{Every: time.Second}, Logger: slog.New(slog.NewTextHandler(t.Output(), nil))})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func stopServer(t *testing.T, s *natsserver.Server) {
	t.Helper()
	if err := s.Shutdown(); err != nil {
		t.Fatal(err)
	}
}

// testServer is a server with the command stream.
func testServer(t *testing.T) (*natsserver.Server, jetstream.Stream) {
	t.Helper()
	s := start(t, t.TempDir())
	t.Cleanup(func() { stopServer(t, s) })
	return s, commandStream(t, s.URL())
}

func commandStream(t *testing.T, url string) jetstream.Stream {
	t.Helper()
	js, err := jetstream.New(connect(t, url))
	if err != nil {
		t.Fatal(err)
	}
	subjects := defaultSubjects(t)
	stream, err := js.CreateOrUpdateStream(t.Context(), jetstream.StreamConfig{
		Name: subjects.CommandStream(), Subjects: []string{subjects.Commands()}})
	if err != nil {
		t.Fatal(err)
	}
	return stream
}

func connect(t *testing.T, url string) *nats.Conn {
	t.Helper()
	nc, err := nats.Connect(url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(nc.Close)
	return nc
}

func defaultSubjects(t *testing.T) events.Subjects {
	t.Helper()
	s, err := events.NewSubjects(events.DefaultPrefix)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func lastSeq(t *testing.T, stream jetstream.Stream) uint64 {
	t.Helper()
	info, err := stream.Info(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return info.State.LastSeq
}

// readyWait bounds the wait for a server of a test, and for its answers.
const readyWait = 10 * time.Second

func shutdown(s *server.Server) {
	s.Shutdown()
	s.WaitForShutdown()
}
