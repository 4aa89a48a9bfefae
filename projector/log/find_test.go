package log_test

import (
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"reddot/events"
	"reddot/projector/log"
	"reddot/projector/store"
	"reddot/projector/testkit"
)

// TestEnsure creates the log once; who opens it knows it by the same identity, also
// after its stream was restored from a backup.
func TestEnsure(t *testing.T) {
	b := newBench(t)
	_, err := log.Find(testkit.Context(t), b.js, b.subjects, b.logger())
	testkit.WantError(t, err, jetstream.ErrStreamNotFound, b.subjects.CommandStream())
	l := b.ensure()
	b.write("m", 3)
	for name, again := range map[string]*log.Log{"ensured": b.ensure(), "found": b.find()} {
		if !again.Identity().Equal(l.Identity()) || again.Identity().Name != b.subjects.CommandStream() {
			t.Errorf("%s again it is %v, not %v", name, again.Identity(), l.Identity())
		}
	}
	b.remake(func(*jetstream.StreamConfig) {})
	if again := b.find(); !again.Identity().Equal(l.Identity()) {
		t.Errorf("restored it is %v, not %v", again.Identity(), l.Identity())
	}
}

// TestEnsureWithStore: a log is not created where a store is derived from one that is
// gone; one that was restored without its metadata is known by the store's last command.
func TestEnsureWithStore(t *testing.T) {
	b := newBench(t)
	l := b.ensure()
	b.write("m", 5)
	at := b.fold(l, 3)
	of := func(at store.Position) (*log.Log, error) {
		return log.Ensure(testkit.Context(t), b.js, log.Config{
			Subjects: b.subjects, Logger: b.logger(),
			Derived: func() (store.Info, string, error) {
				return store.Info{Identity: l.Identity(), Position: at}, "the/folder", nil
			},
		})
	}
	b.configure(func(c *jetstream.StreamConfig) { delete(c.Metadata, "reddot-log-begun") })
	if again := testkit.Must(of(at))(t); !again.Identity().Equal(l.Identity()) {
		t.Errorf("a log of the same commands is %v, not %v", again.Identity(), l.Identity())
	}
	at.Last++
	if again := testkit.Must(of(at))(t); !again.Identity().Created.Equal(b.stream().CachedInfo().Created) {
		t.Errorf("a log of other commands is %v", again.Identity())
	}
	testkit.OK(t, b.js.DeleteStream(testkit.Context(t), b.subjects.CommandStream()))
	_, err := of(at)
	testkit.WantError(t, err, log.ErrNotWhole, "is gone", "the/folder")
	_, err = b.js.Stream(testkit.Context(t), b.subjects.CommandStream())
	testkit.WantError(t, err, jetstream.ErrStreamNotFound)
}

// TestCheck: for a store at a position the log is as it must be, or an error says what
// is wrong.
func TestCheck(t *testing.T) {
	b := newBench(t)
	l := b.ensure()
	b.write("m", 10)
	at := b.fold(l, 8)
	check := func(at store.Position, says ...string) {
		t.Helper()
		err := l.Check(testkit.Context(t), at)
		if len(says) == 0 {
			testkit.OK(t, err)
			return
		}
		testkit.WantError(t, err, log.ErrNotWhole, says...)
	}
	check(store.Position{})
	check(at)
	other := at
	other.Last++
	check(other, "seq 8 is not the command of which the store was made")
	other.Applied, other.Last = 11, 1
	check(other, "it ends at seq 10", "up to seq 11")
	b.configure(func(c *jetstream.StreamConfig) { c.MaxAge = time.Hour })
	check(at, "max_age must be 0", "nats stream edit")
	b.configure(func(c *jetstream.StreamConfig) { c.MaxAge = 0 })
	testkit.OK(t, l.Trim(testkit.Context(t), 8))
	check(at)
	check(store.Position{}, "it begins at seq 9", "needs seq 1 next")
	testkit.OK(t, b.js.DeleteStream(testkit.Context(t), b.subjects.CommandStream()))
	check(at, "UNREAD_COMMANDS is gone")
	b.ensure()
	check(at, "was deleted and made again")
}

// TestRange asks for what there is, also of an empty log and of one from which all was
// trimmed, and for times.
func TestRange(t *testing.T) {
	b := newBench(t)
	l := b.ensure()
	is := func(wantFirst, wantLast events.Seq) {
		t.Helper()
		first, last, err := l.Range(testkit.Context(t))
		if first != wantFirst || last != wantLast || err != nil {
			t.Errorf("%d to %d, not %d to %d: %v", first, last, wantFirst, wantLast, err)
		}
		if f, n, err := l.WaitRange(testkit.Context(t)); f != first || n != last || err != nil {
			t.Errorf("when waited for %d to %d: %v", f, n, err)
		}
		if f, n := l.Opened(); f != first || n != last {
			t.Errorf("as known %d to %d", f, n)
		}
		if end := testkit.Must(l.Newest(testkit.Context(t)))(t); end.Last != last || end.Consumers != 0 {
			t.Errorf("the leader says %+v", end)
		}
	}
	is(1, 0)
	b.write("m", 6)
	is(1, 6)
	var times []time.Time
	for seq := range events.Seq(7) {
		times = append(times, testkit.Must(l.TimeOf(testkit.Context(t), seq))(t))
	}
	if !times[0].IsZero() || times[1].IsZero() || times[6].Before(times[1]) {
		t.Errorf("times: %v", times)
	}
	before := func(at time.Time, want events.Seq) {
		t.Helper()
		if got := testkit.Must(l.Before(testkit.Context(t), at))(t); got != want {
			t.Errorf("before %v it is %d, not %d", at, got, want)
		}
	}
	before(times[1], 0)
	before(times[4], 3)
	before(times[6].Add(1), 6)
	testkit.OK(t, l.Trim(testkit.Context(t), 4))
	is(5, 6)
	before(times[1], 4)
	if at := testkit.Must(l.TimeOf(testkit.Context(t), 4))(t); !at.IsZero() {
		t.Errorf("a trimmed command has time %v", at)
	}
	testkit.OK(t, l.Trim(testkit.Context(t), 6))
	is(7, 6)
	before(time.Now(), 6)
	testkit.OK(t, b.js.DeleteStream(testkit.Context(t), b.subjects.CommandStream()))
	_, _, err := l.WaitRange(testkit.Context(t))
	testkit.WantError(t, err, log.ErrNotWhole, "is gone")
}
