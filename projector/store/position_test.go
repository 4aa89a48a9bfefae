package store_test

import (
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"reddot/events"
	"reddot/projector/store"
)

// TestSum: another subject, time or payload is another sum, wherever one ends
// and the next begins.
func TestSum(t *testing.T) {
	seen := map[uint64]int{}
	for i, e := range []struct {
		subject string
		at      events.Time
		payload string
	}{
		{"", 0, ""}, {"a", 0, ""}, {"", 0, "a"}, {"", 1, ""}, {"ab", 1, "c"}, {"a", 1, "bc"}, {"abc", 1, ""}, {"ab", 2, "c"},
	} {
		sum := store.Sum(e.subject, e.at, []byte(e.payload))
		if j, ok := seen[sum]; ok {
			t.Errorf("sums of %d and %d are the same", i, j)
		}
		seen[sum] = i
	}
	if got := store.Sum("unread.cmd.user.a.message", 1700000000123, []byte("payload")); got != 0x64cb9d84e592b85c {
		t.Errorf("a sum that stores keep is now %#x", got)
	}
}

// TestLast: the position knows the commands up to Applied, over restarts, and
// the digest does not.
func TestLast(t *testing.T) {
	fold := func(sums ...uint64) store.Position {
		r := &rig{t: t}
		r.open(vfs.NewMem())
		for i, sum := range sums {
			seq := events.Seq(i)
			r.log = append(r.log, store.Entry{
				Seq: seq + 1, Sum: sum, Command: events.Command{Verb: events.GroupJoin, Inbox: "g", Users: []string{"a"}},
			})
			r.apply(seq + 1)
		}
		r.reopen()
		p := r.store.Position()
		if err := r.store.Close(); err != nil {
			t.Fatal(err)
		}
		return p
	}
	a, b, altered := fold(100, 101, 102), fold(200, 201, 202), fold(100, 100, 102)
	if a.Last != 102 || b.Last != 202 {
		t.Errorf("last commands %d and %d, not 102 and 202", a.Last, b.Last)
	}
	if altered.Last != a.Last || altered.Log == a.Log || fold(101, 100, 102).Log == a.Log {
		t.Error("another command before the last is not noticed")
	}
	if again := fold(100, 101, 102); again.Log != a.Log {
		t.Errorf("the same log has the sums %x and %x", again.Log, a.Log)
	}
	if a.Digest() != b.Digest() {
		t.Error("the digest depends on the last command's bytes")
	}
}
