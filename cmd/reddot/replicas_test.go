package main

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go/jetstream"

	"reddot/cmd/reddot/cluster"
	"reddot/events"
	"reddot/projector/testkit"
	"reddot/projector/testkit/natstest"
)

// TestReplicasUsage checks the flag.
func TestReplicasUsage(t *testing.T) {
	for _, args := range [][]string{
		{"--replicas", "6", "--nats", "nats://127.0.0.1:1"}, {"--replicas", "-1"}, {"--replicas", "3"}, {"--replicas", "x"},
	} {
		reddot(t, nil, append([]string{"serve", "--data", t.TempDir()}, args...)...).failed(t, exitUsage, "--replicas")
	}
}

// TestReplicas: what exists is never changed. Fewer servers than wanted are told of,
// in the log and in the status, with what changes that while it runs; more are left alone. What
// the emitter changes of its stream leaves its servers alone, too.
func TestReplicas(t *testing.T) {
	t.Parallel()
	testkit.Unraced(t)
	c := startCluster(t, 3)
	together(t, c)
	js := testkit.Must(jetstream.New(connect(t, c.URLs())))(t)
	at := []string{"--nats", c.URLs(), "--snapshots", "bucket:kept"}
	sites := func(s *serveRun) (replicas, wanted []int) {
		t.Helper()
		s.isReady()
		for _, k := range statusAt(t, c.URLs()).NATS.Streams {
			replicas, wanted = append(replicas, k.Replicas), append(wanted, k.Wanted)
		}
		s.stop()
		return replicas, wanted
	}
	is := func(what string, s *serveRun, wantReplicas, wantWanted []int) {
		t.Helper()
		if replicas, wanted := sites(s); !slices.Equal(replicas, wantReplicas) || !slices.Equal(wanted, wantWanted) {
			t.Errorf("%s: on %v servers, wanted %v, instead of %v and %v", what, replicas, wanted, wantReplicas, wantWanted)
		}
	}
	is("made as asked", serveOn(t, append(at, "--replicas", "1")...), []int{1, 1, 1}, []int{0, 0, 0})

	few := serveOn(t, at...)
	few.says("nats stream edit UNREAD_COMMANDS --replicas 3")
	few.isReady()
	text := reddot(t, nil, "status", "--server", c.URLs()).done(t)
	if !strings.Contains(text, "it should be on 3: nats stream edit UNREAD_EVENTS --replicas 3") || !strings.Contains(text, "of the cluster test with 3 known URLs") {
		t.Errorf("status prints\n%s", text)
	}
	edit := func(name string) { // as the advice does
		t.Helper()
		config := testkit.Must(js.Stream(t.Context(), name))(t).CachedInfo().Config
		config.Replicas = 3
		testkit.Must(js.UpdateStream(t.Context(), config))(t)
	}
	edit("UNREAD_COMMANDS")
	soon(t, "the stream is on three servers, with all that it has", func() bool {
		k := statusAt(t, c.URLs()).NATS.Streams[0]
		return k.Wanted == 0 && k.Replicas == 3 && k.Current == 3
	})
	soon(t, "it goes on", func() bool {
		return reddot(t, strings.NewReader(`{"subject":"unread.cmd.user.alice.message","payload":{"id":"m1","from":"bob"}}`), "publish", "--wait", "--server", c.URLs()).code == exitDone
	})
	is("fewer than wanted", few, []int{3, 1, 1}, []int{0, 3, 3})
	edit("UNREAD_EVENTS")
	is("edited", serveOn(t, append(at, "--events-max-age", "2h", "--replicas", "1")...), []int{3, 3, 1}, []int{0, 0, 0})
	if now := testkit.Must(js.Stream(t.Context(), "UNREAD_EVENTS"))(t).CachedInfo().Config; now.MaxAge != 2*time.Hour {
		t.Errorf("the events' age is %v", now.MaxAge)
	}
}

// TestReplicasWait: servers that are missing are waited for, and nothing is made
// on fewer meanwhile. Here the third one joins later.
func TestReplicasWait(t *testing.T) {
	t.Parallel()
	testkit.Unraced(t)
	c, err := cluster.Start(cluster.Config{Name: "test", Dir: t.TempDir(), Servers: 3, Later: 1,
		Change: func(i int, o *server.Options) { o.Routes = o.Routes[:2] }})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	together(t, c)
	s := serveOn(t, "--nats", c.URLs())
	s.says("has not yet 3 servers with JetStream that a stream can be put on")
	js := testkit.Must(jetstream.New(connect(t, c.URL(0))))(t)
	if _, err := js.Stream(t.Context(), "UNREAD_COMMANDS"); !errors.Is(err, jetstream.ErrStreamNotFound) {
		t.Errorf("the stream of the commands: %v", err)
	}
	if err := c.Begin(2); err != nil {
		t.Fatal(err)
	}
	s.isReady()
	for _, k := range statusAt(t, c.URLs()).NATS.Streams {
		if k.Replicas != 3 {
			t.Errorf("%+v", k)
		}
	}
	// Those that it never will have, too: it says so.
	many := serveOn(t, "--nats", c.URLs(), "--prefix", "many", "--replicas", "5")
	many.says("has not yet 5 servers with JetStream")
	many.stop()
}

// TestReplicasAlone: a server that is one alone keeps one copy; more can't be had.
func TestReplicasAlone(t *testing.T) {
	url := natstest.Start(t).URL()
	s := serveOn(t, "--nats", url)
	s.isReady()
	status := statusAt(t, url)
	name := status.NATS.Server
	want := []events.StreamSite{{Stream: "UNREAD_COMMANDS", Replicas: 1, Current: 1, Leader: name}, {Stream: "UNREAD_EVENTS", Replicas: 1, Current: 1, Leader: name}}
	if at := status.NATS; at.URL != url || at.Cluster != "" || !slices.Equal(at.Streams, want) {
		t.Errorf("%+v", at)
	}
	s.stop()
	_, r := servedBy(t, "--nats", url, "--replicas", "3", "--prefix", "other")
	r.failed(t, exitFailed, "is not one of a cluster, so --replicas 3 can't be had", "leave it out")
}
