package emit

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"reddot/events"
	"reddot/projector/store"
)

func openStore(t *testing.T) *store.Store {
	t.Helper()
	s, err := store.Open(store.Config{Dir: "store", FS: vfs.NewMem(), Identity: events.StreamID{Name: "TEST_COMMANDS", Created: time.Unix(1700000000, 0)}})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// seen is what is known of a user's watch.
type seen struct{ Watching, Shown bool }

// TestWatchers lets leases begin, be renewed and run out. Whoever has been shown
// all large groups stays so until the lease has run out, or another emitter
// may have emitted something.
func TestWatchers(t *testing.T) {
	var w watchers
	begin := time.Unix(1_700_000_000, 0)
	want := func(after time.Duration, want map[string]seen) {
		t.Helper()
		got := map[string]seen{}
		for _, user := range []string{"a", "b", "c", "nobody"} {
			if s := w.state(user, begin.Add(after)); s.lease != nil {
				got[user] = seen{true, s.shown}
			}
		}
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("after %v (-want +got):\n%s", after, d)
		}
	}
	watches := func(user string, after time.Duration, begins bool) {
		t.Helper()
		l, begun, until := w.watch(user, begin.Add(after))
		if want := begin.Add(after + events.WatchLease); !until.Equal(want) || begun != begins {
			t.Errorf("%s watches until %v (begins: %v), not %v (begins: %v)", user, until, begun, want, begins)
		}
		if begun {
			w.enter(l, nil)
		}
	}
	shown := func(user string, after time.Duration) { w.shown(w.state(user, begin.Add(after))) }
	shown("nobody", 0)
	want(0, map[string]seen{})
	watches("a", 0, true)
	watches("b", 0, true)
	want(0, map[string]seen{"a": {true, false}, "b": {true, false}})
	shown("a", 0)
	watches("a", events.WatchLease/2, false)
	want(events.WatchLease-1, map[string]seen{"a": {true, true}, "b": {true, false}})
	want(events.WatchLease, map[string]seen{"a": {true, true}})
	want(events.WatchLease*3/2-1, map[string]seen{"a": {true, true}})
	want(events.WatchLease*3/2, map[string]seen{})
	watches("a", events.WatchLease*3/2, true)
	want(events.WatchLease*3/2, map[string]seen{"a": {true, false}})
	before := w.state("a", begin.Add(events.WatchLease*3/2))
	shown("a", events.WatchLease*3/2)
	w.forget()
	want(events.WatchLease*3/2, map[string]seen{"a": {true, false}})
	w.shown(before) // by an event that was made before
	want(events.WatchLease*3/2, map[string]seen{"a": {true, false}})
	watches("c", events.WatchLease*3, true)
	if len(w.leases) != 1 {
		t.Errorf("%d leases are kept, not 1", len(w.leases))
	}
}

// TestWatchersOfGroup: a group has those who watch and were its members at the
// beginning, or joined since, while the rows were read too; once each.
func TestWatchersOfGroup(t *testing.T) {
	var w watchers
	now := time.Unix(1_700_000_000, 0)
	want := func(what, group string, users ...string) {
		t.Helper()
		if d := cmp.Diff(users, w.of(group, now), cmpopts.EquateEmpty()); d != "" {
			t.Errorf("%s: watchers of %s (-want +got):\n%s", what, group, d)
		}
	}
	w.joined("a", "g")
	want("nobody watches", "g")
	a, _, _ := w.watch("a", now)
	w.joined("a", "h")
	want("the rows are being read", "h")
	if s := w.state("a", now); s.lease != nil {
		t.Error("a watches before its groups are known")
	}
	w.enter(a, []string{"g", "h"})
	b, _, _ := w.watch("b", now)
	w.enter(b, []string{"g"})
	w.joined("b", "h")
	w.joined("a", "g")
	want("two watch", "g", "a", "b")
	want("two watch", "h", "a", "b")
	c, _, _ := w.watch("c", now)
	w.joined("c", "g")
	w.giveUp(c)
	want("one can't", "g", "a", "b")
	if again, begins, _ := w.watch("c", now); !begins {
		t.Error("who could not watch can't begin once more")
	} else {
		w.enter(again, nil)
	}
	now = now.Add(events.WatchLease / 2)
	w.watch("b", now)
	now = now.Add(events.WatchLease/2 + 1)
	want("the lease of a has run out", "g", "b")
	w.swept = time.Time{}
	w.watch("b", now)
	want("it is swept away", "g", "b")
	if n, m := len(w.groups["g"].leases), len(w.leases); n != 1 || m != 1 {
		t.Errorf("%d and %d leases are kept", n, m)
	}
	now = now.Add(2 * events.WatchLease)
	d, _, _ := w.watch("d", now)
	w.enter(d, nil)
	if len(w.groups) != 0 {
		t.Errorf("%d groups are kept that nobody watches", len(w.groups))
	}
}

// TestWatchTogether: who begins a watch while another one reads the user's groups
// in vain is not answered that the watch has begun.
func TestWatchTogether(t *testing.T) {
	s := openStore(t)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	synctest.Test(t, func(t *testing.T) {
		e := New(Config{Store: s}, nil, nil)
		first, _, _ := e.watchers.watch("a", time.Now())
		ended := make(chan error)
		go func() {
			_, err := e.Watch("a")
			ended <- err
		}()
		synctest.Wait()
		e.watchers.giveUp(first)
		if err := <-ended; !errors.Is(err, store.ErrClosed) {
			t.Errorf("the watch began, or failed with: %v", err)
		}
	})
}
