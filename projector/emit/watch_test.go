package emit

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// TestWatchers lets leases begin, be renewed and run out. Whoever has been told
// of all large groups stays so until the lease has run out, or another emitter
// may have told of something.
func TestWatchers(t *testing.T) {
	var w watchers
	begin := time.Unix(1_700_000_000, 0)
	want := func(after time.Duration, want map[string]bool) {
		t.Helper()
		if d := cmp.Diff(want, w.watching(begin.Add(after))); d != "" {
			t.Errorf("after %v (-want +got):\n%s", after, d)
		}
	}
	watch := func(user string, after time.Duration) {
		t.Helper()
		if until, want := w.watch(user, begin.Add(after)), begin.Add(after+WatchLease); !until.Equal(want) {
			t.Errorf("%s watches until %v, not %v", user, until, want)
		}
	}
	w.told("nobody")
	want(0, map[string]bool{})
	watch("a", 0)
	watch("b", 0)
	want(0, map[string]bool{"a": false, "b": false})
	w.told("a")
	watch("a", WatchLease/2)
	want(WatchLease-1, map[string]bool{"a": true, "b": false})
	want(WatchLease, map[string]bool{"a": true})
	want(WatchLease*3/2-1, map[string]bool{"a": true})
	want(WatchLease*3/2, map[string]bool{})
	watch("a", WatchLease*3/2)
	want(WatchLease*3/2, map[string]bool{"a": false})
	w.told("a")
	w.forget()
	want(WatchLease*3/2, map[string]bool{"a": false})
	watch("c", WatchLease*3)
	if len(w.leases) != 1 {
		t.Errorf("%d leases are kept, not 1", len(w.leases))
	}
}
