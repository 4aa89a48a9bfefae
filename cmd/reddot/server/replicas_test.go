package server_test

import (
	"errors"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"reddot/cmd/reddot/cluster"
	"reddot/cmd/reddot/server"
	"reddot/projector/testkit"
	"reddot/projector/testkit/natstest"
)

// TestSmallCluster: a cluster of two has no three replicas. That is taken for
// settled only after a while, and said.
func TestSmallCluster(t *testing.T) {
	c, err := cluster.Start(cluster.Config{Name: "test", Dir: t.TempDir(), Servers: 2})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	testkit.OK(t, c.Wait(testkit.Context(t)))
	conn := testkit.Must(nats.Connect(c.URLs()))(t)
	t.Cleanup(conn.Close)
	var log testkit.Buffer
	js := testkit.Must(jetstream.New(conn))(t)
	on := server.NewReplicas(slog.New(slog.NewTextHandler(&log, nil)), time.Hour)
	attempt := func() error {
		t.Helper()
		n := testkit.Must(on.Of(conn))(t)
		_, err := js.CreateStream(t.Context(), jetstream.StreamConfig{Name: "S", Replicas: n})
		return on.Refused(conn, err)
	}
	if err := attempt(); !errors.Is(err, server.ErrNotYet) || log.String() != "" {
		t.Errorf("%v; %s", err, log.String())
	}
	on.SetSettle(0)
	if err := attempt(); !errors.Is(err, server.ErrNotYet) || !strings.Contains(log.String(), "too few servers with JetStream for replicas") {
		t.Errorf("%v; %s", err, log.String())
	}
	if err := attempt(); err != nil {
		t.Error(err)
	}
	if n := testkit.Must(js.Stream(t.Context(), "S"))(t).CachedInfo().Config.Replicas; n != 1 {
		t.Errorf("%d replicas", n)
	}
}

// TestOneServer: a server that is one alone keeps one copy. Where there is no connection
// nobody knows.
func TestOneServer(t *testing.T) {
	on := server.NewReplicas(slog.New(slog.DiscardHandler), 0)
	conn := natstest.Start(t).Connect()
	if n := testkit.Must(on.Of(conn))(t); n != 1 {
		t.Errorf("%d replicas", n)
	}
	conn.Close()
	if _, err := on.Of(conn); !errors.Is(err, server.ErrNotYet) {
		t.Errorf("without a connection: %v", err)
	}
}

// TestKnownServers: one that is given by the name of this machine and tells of
// itself by its address is one.
func TestKnownServers(t *testing.T) {
	at := natstest.Start(t).Addr()
	conn, err := nats.Connect("nats://" + strings.Replace(at, "127.0.0.1", "localhost", 1) + ",nats://127.0.0.1:1")
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if got := server.KnownServers(conn); !slices.Equal(got, []string{"nats://127.0.0.1:1", "nats://" + at}) {
		t.Error(got)
	}
}
