package loop_test

import (
	"errors"
	"slices"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"reddot/events"
	"reddot/projector/dirty"
	"reddot/projector/fold"
	"reddot/projector/loop"
	"reddot/projector/store"
	"reddot/projector/testkit"
	"reddot/projector/testkit/disktest"
)

// TestBatches folds a log in batches of any size: after each, a snapshot shows what
// folding its commands one by one gives, and until it is committed none shows its last
// command. The dirty set is that of its commands alone.
func TestBatches(t *testing.T) {
	t.Parallel()
	script := newScript(t, testkit.Effort(400))
	var seen []events.Seq
	want := new(dirty.Set)
	s := openStore(t, vfs.NewMem(), "store")
	l := testkit.Must(loop.New(loop.Config{Store: s, Many: 3, Applied: func(e *store.Entry, fx *fold.Effects) {
		seen = append(seen, e.Seq)
		want.Add(e.Seq, e.At(), fx)
	}}))(t)
	for at := events.Seq(0); at < script.last(); {
		batch := script.entries[at:min(int(at)+script.batches(), len(script.entries))]
		last := &batch[len(batch)-1]
		*want = dirty.Set{Many: 3}
		seen = seen[:0]
		testkit.OK(t, l.Apply(batch))
		// The store commits what comes before a sweep.
		if got := shown(t, l); got.Applied < at || got.Applied >= last.Seq || got.Digest() != script.digests[got.Applied] {
			t.Fatalf("before the commit of %d a snapshot shows %d with digest %s", last.Seq, got.Applied, got.Digest())
		}
		if l.Applied() != at || l.Position().Applied != last.Seq {
			t.Fatalf("before the commit of %d the loop is at %d, and has committed %d", last.Seq, l.Position().Applied, l.Applied())
		}
		ready := testkit.Must(l.Commit())(t)
		if ready.Applied != last.Seq || ready.Time != last.Time || ready.Commands != len(batch) || ready.Flush {
			t.Fatalf("the batch to %d is ready with %+v", last.Seq, ready)
		}
		if got := shown(t, l); got.Applied != last.Seq || got.Digest() != script.digests[last.Seq] || l.Applied() != last.Seq {
			t.Fatalf("at seq %d: %d with digest %s, not %s", last.Seq, got.Applied, got.Digest(), script.digests[last.Seq])
		}
		if len(seen) != len(batch) || seen[0] != at+1 || !slices.IsSorted(seen) {
			t.Fatalf("the batch from %d to %d was observed as %v", at+1, last.Seq, seen)
		}
		if ready.Dirty.Last != want.Last || ready.Dirty.Empty() != want.Empty() {
			t.Fatalf("the dirty set is of %d, not of %d", ready.Dirty.Last, want.Last)
		}
		l.Advance()
		if !ready.Dirty.Empty() || ready.Dirty.Many != 3 {
			t.Fatal("the dirty set stays")
		}
		at = last.Seq
	}
}

// TestSkippedIsFlushed: a command that is passed over asks for a flush, so that it is
// not named again.
func TestSkippedIsFlushed(t *testing.T) {
	t.Parallel()
	l := newLoop(t, openStore(t, vfs.NewMem(), "store"))
	testkit.OK(t, l.Apply([]store.Entry{{Seq: 1, Invalid: "no command"}, {Seq: 2, Skipped: true}, {Seq: 3, Invalid: "no command"}}))
	if ready := testkit.Must(l.Commit())(t); !ready.Flush || ready.Applied != 3 {
		t.Errorf("%+v", ready)
	}
	if got := shown(t, l).Skipped; !slices.Equal(got, []events.Seq{2}) {
		t.Errorf("passed over: %v", got)
	}
	l.Advance()
	testkit.OK(t, l.Apply([]store.Entry{{Seq: 4, Invalid: "no command"}}))
	if ready := testkit.Must(l.Commit())(t); ready.Flush {
		t.Error("the next batch is flushed too")
	}
}

// TestOrder: a step that is not the next one is refused and changes nothing.
func TestOrder(t *testing.T) {
	t.Parallel()
	script := newScript(t, 20)
	l := newLoop(t, openStore(t, vfs.NewMem(), "store"))
	refused := func(what string, err error) {
		t.Helper()
		if !errors.Is(err, loop.ErrPhase) {
			t.Errorf("%s: %v", what, err)
		}
	}
	commit := func() error {
		_, err := l.Commit()
		return err
	}
	compare := func() error {
		_, err := l.Compare(l.Store())
		return err
	}
	panics := func(what string, do func()) {
		t.Helper()
		defer func() {
			if recover() == nil {
				t.Errorf("%s does not panic", what)
			}
		}()
		do()
	}
	for i := range 3 {
		batch := script.entries[i*5 : i*5+5]
		refused("a commit of nothing", commit())
		panics("to advance from nothing", l.Advance)
		testkit.OK(t, compare())
		if err := l.Apply(nil); err == nil {
			t.Error("a batch of nothing is applied")
		}
		testkit.OK(t, l.Apply(batch))
		refused("a batch before a commit", l.Apply(script.entries[i*5+5:]))
		refused("a swap before a commit", compare())
		panics("a swap before a commit", func() { l.Swap(l.Store()) })
		panics("to advance before a commit", l.Advance)
		testkit.OK(t, commit())
		refused("a batch before the one before was handed over", l.Apply(script.entries[i*5+5:]))
		refused("a second commit", commit())
		refused("a swap before the batch was handed over", compare())
		l.Advance()
	}
	if got := shown(t, l); got.Applied != 15 || got.Digest() != script.digests[15] {
		t.Errorf("it is at %d with digest %s", got.Applied, got.Digest())
	}
}

// TestGap: a command that does not follow the one before ends the loop.
func TestGap(t *testing.T) {
	t.Parallel()
	script := newScript(t, 10)
	for name, batch := range map[string][]store.Entry{
		"a hole before":  script.entries[6:8],
		"a hole within":  {script.entries[5], script.entries[7]},
		"once more":      script.entries[4:8],
		"back in within": {script.entries[5], script.entries[5]},
	} {
		l := newLoop(t, openStore(t, vfs.NewMem(), "store"))
		step(t, l, script.entries[:5])
		err := l.Apply(batch)
		if err == nil {
			t.Fatalf("%s: it is applied", name)
		}
		for what, again := range map[string]func() error{
			"apply":   func() error { return l.Apply(script.entries[5:6]) },
			"commit":  func() error { _, err := l.Commit(); return err },
			"compare": func() error { _, err := l.Compare(l.Store()); return err },
			"finish":  l.Finish,
		} {
			if got := again(); got != err {
				t.Errorf("%s: to %s afterwards: %v, not %v", name, what, got, err)
			}
		}
		if got := shown(t, l); got.Applied != 5 || got.Digest() != script.digests[5] || l.Applied() != 5 {
			t.Errorf("%s: it is at %d", name, got.Applied)
		}
	}
}

// TestFailedCommit fills the disk up: some commit fails, and ends the loop. Nothing is
// ready then, and what is left is some earlier commit.
func TestFailedCommit(t *testing.T) {
	t.Parallel()
	script := newScript(t, 100)
	memory := vfs.NewCrashableMem()
	disk := disktest.NewFull(memory, nil)
	s := testkit.Must(store.Open(store.Config{Dir: "store", FS: disk, Identity: identity}))(t)
	l := newLoop(t, s)
	step(t, l, script.entries[:10])
	testkit.OK(t, s.Flush())
	disk.After(0)
	committed := func() error {
		at := l.Applied()
		testkit.OK(t, l.Apply(script.entries[at:at+1]))
		ready, err := l.Commit()
		if err == nil {
			l.Advance()
			_ = s.Flush() // fails, which a commit says then
			return nil
		}
		if ready != (loop.Ready{}) || l.Applied() != at {
			t.Errorf("at seq %d: %+v is ready", l.Applied(), ready)
		}
		return err
	}
	err := committed()
	for err == nil && l.Applied() < script.last() {
		err = committed()
	}
	if again := l.Apply(script.entries[l.Applied():]); err == nil || again != err {
		t.Errorf("a commit fails with %v, the next batch with %v", err, again)
	}
	disk.Mend()
	_ = s.Close() // it may say what failed
	left := openStore(t, memory, "store")
	if at := left.Position(); at.Applied < 10 || at.Digest() != script.digests[at.Applied] {
		t.Errorf("it is left at %d with digest %s", at.Applied, at.Digest())
	}
}

// TestFinish commits what is applied, and how far the events are stored.
func TestFinish(t *testing.T) {
	t.Parallel()
	script := newScript(t, 10)
	l := newLoop(t, openStore(t, vfs.NewMem(), "store"))
	step(t, l, script.entries[:4])
	l.SetEmitted(3)
	l.SetEmitted(2)
	if got := testkit.Must(l.Emitted())(t); got != 0 || l.Stored() != 3 {
		t.Errorf("before a commit the store knows %d, the loop %d", got, l.Stored())
	}
	testkit.OK(t, l.Apply(script.entries[4:6]), l.Finish())
	if got := testkit.Must(l.Emitted())(t); got != 3 {
		t.Errorf("the store knows %d", got)
	}
	if got := shown(t, l); got.Applied != 6 || got.Digest() != script.digests[6] {
		t.Errorf("it is at %d", got.Applied)
	}
	if again := newLoop(t, l.Store()); again.Stored() != 3 || again.Applied() != 6 {
		t.Errorf("the next loop begins at %d, emitted %d", again.Applied(), again.Stored())
	}
}

// TestNoAllocations: driving the loop allocates nothing beside what the store does.
func TestNoAllocations(t *testing.T) {
	l := newLoop(t, openStore(t, vfs.NewMem(), "loop"))
	s := openStore(t, vfs.NewMem(), "store")
	const commands = 1_000
	batch := func() []store.Entry {
		b := make([]store.Entry, commands)
		for i := range b {
			b[i] = store.Entry{Invalid: "no command"}
		}
		return b
	}
	number := func(b []store.Entry, after events.Seq) {
		for i := range b {
			b[i].Seq = after + events.Seq(i) + 1
		}
	}
	looped, stored := batch(), batch()
	var fx fold.Effects
	with := testing.AllocsPerRun(5, func() {
		number(looped, l.Applied())
		step(t, l, looped)
	})
	without := testing.AllocsPerRun(5, func() {
		number(stored, s.Position().Applied)
		for i := range stored {
			testkit.OK(t, s.Apply(&stored[i], &fx))
		}
		testkit.Must(s.Commit())(t)
	})
	if with > without+commands/10 {
		t.Errorf("%v allocations for %d commands, %v without the loop", with, commands, without)
	}
}
