package main_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// testTruncatedLog takes from the log its newest commands, as a power cut may do with
// --sync 1s. The server stops and says so; when told to go on with what is left
// it does, with the state of the log as it is, and gives no seq twice.
func testTruncatedLog(t *testing.T, p program) {
	for name, kept := range map[string]struct {
		store, events, snapshots bool // are those of later
	}{
		"store":     {store: true},
		"events":    {events: true},
		"snapshots": {snapshots: true},
		"all":       {true, true, true},
	} {
		t.Run(name, func(t *testing.T) {
			o := operate(t, p)
			o.publish(300)
			o.snapshot()
			o.stop()
			early := filepath.Join(t.TempDir(), "early")
			if err := os.CopyFS(early, os.DirFS(o.dir)); err != nil {
				t.Fatal(err)
			}
			o.start()
			o.publish(100)
			lost := o.snapshot()
			told := eventCount(t, connect(t, o.server.nats))
			o.stop()
			streams := filepath.Join("nats", "jetstream", "$G", "streams")
			for _, part := range []struct {
				path  string
				later bool
			}{
				{filepath.Join(streams, "UNREAD_COMMANDS"), false},
				{filepath.Join(streams, "UNREAD_EVENTS"), kept.events},
				{"store", kept.store},
				{"snapshots", kept.snapshots},
			} {
				if part.later {
					continue
				}
				path := filepath.Join(o.dir, part.path)
				if err := os.RemoveAll(path); err != nil {
					t.Fatal(err)
				}
				if err := os.CopyFS(path, os.DirFS(filepath.Join(early, part.path))); err != nil {
					t.Fatal(err)
				}
			}
			o.refuses().failed(t, 1, "it ends at seq 300, but", "was made of the commands up to seq 400",
				"a power cut may do with --sync 1s", `"reddot serve --accept-truncation"`)
			o.start("--accept-truncation")
			nc := connect(t, o.server.nats)
			if s := settled(t, nc, lost); s.Last != lost || s.State != "live" {
				t.Errorf("the log is not filled up to seq %d: %+v", lost, s)
			}
			if !strings.Contains(o.server.stderr.String(), "going on with a log that was cut") {
				t.Errorf("it is not logged:\n%s", o.server.stderr)
			}
			matches(t, "verified: the state at seq 400 is what the log says .*", o.run("verify").done(t))
			for _, id := range o.snapshots()[1:] { // the first is that of verify
				if strings.HasPrefix(id, fmt.Sprintf("%020d", lost)) {
					t.Errorf("snapshot %s of what is gone is left", id)
				}
			}
			// It goes on: who followed the events hears of new ones only.
			last := publish(t, nc, "unread.cmd.user.dora.message", `{"id":"m1","from":"emil"}`)
			settled(t, nc, last)
			if kept.events && eventCount(t, nc) != told+1 {
				t.Errorf("the events go from %d to %d", told, eventCount(t, nc))
			}
			replay(t, nc).compare(t, nc)
			o.stop()
			o.start() // it is accepted once for all
			replay(t, connect(t, o.server.nats)).compare(t, connect(t, o.server.nats))
		})
	}
}
