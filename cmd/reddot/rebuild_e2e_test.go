package main_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"reddot/events"
	"reddot/projector/testkit/natstest"
)

// rebuild removes the store of a server that has ended and starts another,
// which must come to the same state from the log alone and tell nothing again.
func (p program) rebuild(t *testing.T, dir string, before events.Status) *nats.Conn {
	t.Helper()
	if err := os.RemoveAll(filepath.Join(dir, "store")); err != nil {
		t.Fatal(err)
	}
	c := p.serve(t, dir, "--snapshots", "off")
	nc := connect(t, c.nats)
	after := settled(t, nc, before.Last)
	if after.Digest != before.Digest || after.Applied != before.Applied || after.Refused != before.Refused || after.Ignored != before.Ignored {
		t.Errorf("rebuilt: %+v\nbefore:  %+v", after, before)
	}
	for _, name := range []string{"changes", "receipts", "rejected"} {
		if n := c.metric(t, "reddot_events_"+name+"_total"); n != 0 {
			t.Errorf("%.0f events (%s) are told again", n, name)
		}
	}
	return nc
}

// testRebuild removes the store between two runs: the log alone gives it back,
// and nobody is told again.
func testRebuild(t *testing.T, p program) {
	dir := t.TempDir()
	c := p.serve(t, dir)
	d := newDrill(t, p, c.nats, 8_000)
	last := d.finish(t).last
	before := settled(t, d.nc, last)
	events := eventCount(t, d.nc)
	c.terminate(t)
	nc := p.rebuild(t, dir, before)
	if got := eventCount(t, nc); got != events {
		t.Errorf("the events go on from %d to %d", events, got)
	}
	// It goes on from there.
	next := publish(t, nc, "unread.cmd.user.rebuilt.message", `{"id":"m1","from":"bob"}`)
	settled(t, nc, next)
	if got := eventCount(t, nc); got != events+1 {
		t.Errorf("one more message makes %d events", got-events)
	}
}

// eventCount is how many events are stored, without what reddots leave each other.
func eventCount(t *testing.T, nc *nats.Conn) (n uint64) {
	t.Helper()
	stream, err := jetStream(t, nc).Stream(t.Context(), subjects(t).EventStream())
	if err != nil {
		t.Fatal(err)
	}
	info, err := stream.Info(t.Context(), jetstream.WithSubjectFilter("unread-out.*.>"))
	if err != nil {
		t.Fatal(err)
	}
	for _, of := range info.State.Subjects {
		n += of
	}
	return n
}

// testForeign starts on streams that the store is not of, or that could lose
// commands. Each is refused, with the name of what is wrong.
func testForeign(t *testing.T, p program) {
	dir, url := t.TempDir(), natstest.Start(t).URL()
	c := p.serve(t, dir, "--nats", url)
	nc := connect(t, url)
	settled(t, nc, publish(t, nc, "unread.cmd.user.alice.message", `{"id":"m1","from":"bob"}`))
	c.terminate(t)

	serve := func(url string) result {
		return p.run(t, nil, "serve", "--data", dir, "--http", "127.0.0.1:0", "--nats", url, "--log-level", "error")
	}
	js := jetStream(t, nc)
	stream, err := js.Stream(t.Context(), subjects(t).CommandStream())
	if err != nil {
		t.Fatal(err)
	}
	drifted := stream.CachedInfo().Config
	drifted.MaxMsgs = 1000
	if _, err := js.UpdateStream(t.Context(), drifted); err != nil {
		t.Fatal(err)
	}
	serve(url).failed(t, 1, "UNREAD_COMMANDS", "max_msgs must be -1", "nats stream edit")
	drifted.MaxMsgs = -1
	if _, err := js.UpdateStream(t.Context(), drifted); err != nil {
		t.Fatal(err)
	}
	p.serve(t, dir, "--nats", url).terminate(t)

	// Another server, that has no such stream, and gets none.
	serve(natstest.Start(t).URL()).failed(t, 1, "UNREAD_COMMANDS", "is gone", "data folder")
	// The same server, with the stream deleted, and then made anew.
	if err := js.DeleteStream(t.Context(), subjects(t).CommandStream()); err != nil {
		t.Fatal(err)
	}
	serve(url).failed(t, 1, "UNREAD_COMMANDS", "is gone", "restore it")
	for _, made := range []struct {
		metadata map[string]string
		words    []string
	}{
		{drifted.Metadata, []string{"ends at seq 0", "made of the commands up to seq 1"}}, // it says that it is the same
		{nil, []string{"UNREAD_COMMANDS", "belongs to another stream"}},
	} {
		drifted.Metadata = made.metadata
		if _, err := js.CreateStream(t.Context(), drifted); err != nil {
			t.Fatal(err)
		}
		serve(url).failed(t, 1, made.words...)
		if err := js.DeleteStream(t.Context(), drifted.Name); err != nil {
			t.Fatal(err)
		}
	}
}
