package projector_test

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"reddot/events"
	"reddot/projector"
	"reddot/projector/fold"
	"reddot/projector/store"
	"reddot/projector/store/generation"
	"reddot/projector/store/row"
	"reddot/projector/storetest"
	"reddot/projector/testkit"
	"reddot/projector/twin"
)

// rebuilt asks for a rebuild and waits for its end.
func (p *process) rebuilt() events.Rebuild {
	p.t.Helper()
	asked := testkit.Must(p.Rebuild())(p.t)
	var last *events.Rebuild
	testkit.Eventually(p.t, "the new store is built", func() bool {
		last = p.status().Rebuild
		return last.State != events.Running && last.Started >= asked.Started
	})
	return *last
}

// generations are the stores in a folder.
func generations(t *testing.T, dir string) (names []string) {
	t.Helper()
	for _, e := range testkit.Must(os.ReadDir(dir))(t) {
		if e.IsDir() {
			names = append(names, e.Name())
		}
	}
	return names
}

// TestRebuild builds new stores beside the one in use under random load, with
// crashes in the middle. Every state and every event is as if nothing had
// been.
func TestRebuild(t *testing.T) {
	t.Parallel()
	c := newChaos(t, testkit.Seed(t), twin.Config{Users: 9, Groups: 4})
	p := c.bus.run(c.dir)
	for round := range testkit.Effort(12) {
		c.write(50 + c.rng.IntN(1_000))
		if round%3 == 2 { // in the middle
			testkit.Must(p.Rebuild())(t)
			c.write(c.rng.IntN(500))
			p = c.restart(p)
		} else {
			before := generations(t, c.dir)
			upto := c.write(c.rng.IntN(500))
			if r := p.rebuilt(); r.State != events.Done || r.Error != "" || r.Differed || r.Applied != r.Target || r.Ended < r.Started {
				t.Errorf("rebuild: %+v", r)
			}
			p.settle(upto)
			testkit.Eventually(t, "the old store is removed", func() bool { return len(generations(t, c.dir)) == 1 })
			if after := generations(t, c.dir); after[0] == before[len(before)-1] {
				t.Errorf("the store in use is still %s", after[0])
			}
		}
		c.check(p)
	}
}

// TestRebuildTwice asks again while a store is being built: that is one rebuild.
func TestRebuildTwice(t *testing.T) {
	b := newBus(t)
	a := b.author()
	p := b.run(t.TempDir())
	a.message("alice", "bob", "m1")
	p.settle(a.flush())
	first := testkit.Must(p.Rebuild())(t)
	for range 100 {
		if again := testkit.Must(p.Rebuild())(t); again.State == events.Running && again.Started == first.Started && again.Target != first.Target {
			t.Errorf("another target: %+v, %+v", first, again)
		}
	}
	testkit.Eventually(t, "the last rebuild has ended", func() bool { return p.status().Rebuild.State == events.Done })
}

// TestViewOutlivesStore reads from a view whose store was replaced.
func TestViewOutlivesStore(t *testing.T) {
	b := newBus(t)
	a := b.author()
	p := b.run(t.TempDir())
	a.message("alice", "bob", "m1")
	p.settle(a.flush())
	v := testkit.Must(p.View())(t)
	testkit.Must(p.Rebuild())(t)
	a.message("alice", "bob", "m2")
	p.settle(a.flush())
	testkit.Eventually(t, "the new store is in use", func() bool { return p.log.Has("new store") })
	if r := testkit.Must(v.Totals("alice", events.TotalsRequest{}))(t); r.Totals.Unread != 1 {
		t.Errorf("the old view shows %+v", r)
	}
	if err := v.Close(); err != nil {
		t.Fatal(err)
	}
	testkit.Eventually(t, "the rebuild has ended", func() bool { return p.status().Rebuild.State == events.Done })
	now := testkit.Must(p.View())(t)
	defer now.Close()
	if r := testkit.Must(now.Totals("alice", events.TotalsRequest{}))(t); r.Totals.Unread != 2 {
		t.Errorf("the new view shows %+v", r)
	}
}

// largestFile is the path of the largest file with an ending below a folder.
func largestFile(t *testing.T, dir, ending string) (path string) {
	t.Helper()
	most := int64(-1)
	err := filepath.WalkDir(dir, func(at string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(at, ending) {
			return err
		}
		if info, err := d.Info(); err != nil || info.Size() > most {
			most, path = info.Size(), at
		}
		return err
	})
	if err != nil || path == "" {
		t.Fatalf("no %s in %s: %v", ending, dir, err)
	}
	return path
}

// TestUnusableStore starts on a store that is corrupt, or gone: it is built
// from scratch, nobody is notified of anything twice, and it goes on from there.
func TestUnusableStore(t *testing.T) {
	t.Parallel()
	testkit.Unraced(t)
	for name, ruin := range map[string]func(dir string) error{
		"gone": os.RemoveAll,
		"manifest gone": func(dir string) error {
			return os.Remove(largestFile(t, dir, "MANIFEST-000001"))
		},
		"table cut": func(dir string) error {
			return os.Truncate(largestFile(t, dir, ".sst"), 100)
		},
		"marker gone": func(dir string) error {
			return os.Remove(testkit.Must(filepath.Glob(filepath.Join(dir, "marker.*")))(t)[0])
		},
	} {
		t.Run(name, func(t *testing.T) {
			c := newChaos(t, testkit.Seed(t), twin.Config{Users: 9, Groups: 4})
			p := c.bus.run(c.dir)
			c.write(500)
			c.check(p)
			p.stop()
			if err := ruin(c.dir); err != nil {
				t.Fatal(err)
			}
			p = c.bus.run(c.dir)
			if !p.log.Has("built") {
				t.Errorf("it does not say that the store is built anew:\n%s", p.log.String())
			}
			c.check(p)
			c.write(500)
			c.check(p)
		})
	}
}

// TestCorruptWhileRunning finds corruption in the store while it is in use. The
// projector ends and says so; the next one builds the store from scratch.
func TestCorruptWhileRunning(t *testing.T) {
	c := newChaos(t, testkit.Seed(t), twin.Config{Users: 9, Groups: 4})
	p := c.bus.run(c.dir)
	c.write(500)
	c.check(p)
	p.ReportCorrupt(errors.New("a query that can't be answered is no corruption"))
	p.ReportCorrupt(fmt.Errorf("read a row: %w", store.ErrCorrupt))
	if err := p.fails(); !errors.Is(err, store.ErrCorrupt) {
		t.Fatalf("it ends with %v", err)
	}
	if _, err := p.View(); !errors.Is(err, projector.ErrStopped) || !errors.Is(err, store.ErrCorrupt) {
		t.Errorf("a view of it fails with %v", err)
	}
	p = c.bus.run(c.dir)
	c.check(p)
	c.write(500)
	c.check(p)
}

// TestInconsistentWhileRunning: a row that no log can have made of it, met by
// the emitter or by the fold, ends the projector as other corruption does; the next
// one builds the store from scratch and emits what was to be emitted.
func TestInconsistentWhileRunning(t *testing.T) {
	k := fold.Key{User: "alice", ConversationID: events.ConversationID{Kind: events.C2C, ID: "bob"}}
	for name, test := range map[string]struct {
		spoil func(*fold.Conversation)
		next  events.Command
	}{
		"by the emitter": {
			func(c *fold.Conversation) { c.Read = c.Log.Head; c.Log.Head.Ord++ },
			events.Command{Verb: events.UserMute, Inbox: "alice", Conversation: k.ConversationID, Muted: true},
		},
		"by the fold": {
			func(c *fold.Conversation) { c.Log.Revoked = fold.Set{Tail: &fold.Chunk{1<<2 | 1<<3}} }, // of two messages
			events.Command{Verb: events.UserUnread, Inbox: "alice", Conversation: k.ConversationID, From: "m2"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBus(t)
			a := b.author()
			dir := t.TempDir()
			p := b.run(dir)
			a.message("alice", "bob", "m1")
			a.message("alice", "bob", "m2")
			p.settle(a.flush())
			p.stop()
			spoilRow(t, b, dir, k, test.spoil)
			p = b.run(dir)
			a.write(test.next)
			if err := p.fails(); !errors.Is(err, store.ErrCorrupt) || !strings.Contains(err.Error(), "conversation of alice with c2c_bob") {
				t.Fatalf("it ends with %v", err)
			}
			p = b.run(dir)
			p.settle(a.flush())
			want := uint64(2)
			if test.next.Verb == events.UserUnread { // from the second one on
				want = 1
			}
			if c := p.conversation(k); c.Unread != want {
				t.Errorf("the store built from scratch says unread %d, not %d", c.Unread, want)
			}
			a.message("alice", "bob", "m3")
			p.settle(a.flush())
			if c := p.conversation(k); c.Unread != want+1 {
				t.Errorf("it goes on with unread %d, not %d", c.Unread, want+1)
			}
		})
	}
}

// conversation is what a view shows of one.
func (p *process) conversation(k fold.Key) events.Conversation {
	p.t.Helper()
	v := testkit.Must(p.View())(p.t)
	defer v.Close()
	return testkit.Must(v.Conversation(k.User, k.ConversationID))(p.t).Conversation
}

// spoilRow changes a conversation's row in the store that lies in a folder.
func spoilRow(t *testing.T, b *bus, dir string, k fold.Key, spoil func(*fold.Conversation)) {
	t.Helper()
	path, ok := testkit.Must(generation.Open(nil, dir))(t).Current()
	if !ok {
		t.Fatal("there is no store")
	}
	key := row.AppendConversation(nil, k)
	storetest.Spoil(t, nil, path, key, func(value []byte) []byte {
		c := testkit.Must(row.DecodeConversation(string(key), string(value)))(t)
		spoil(c)
		return row.EncodeConversation(nil, c)
	})
}
