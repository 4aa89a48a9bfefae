package loop_test

import (
	"context"
	"errors"
	"slices"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"reddot/events"
	"reddot/projector/loop"
	"reddot/projector/testkit"
)

// TestBuild builds a store up to seqs within batches and at their ends, on from where
// it is, and not at all where it is there: each time it has exactly what it should.
func TestBuild(t *testing.T) {
	t.Parallel()
	script := newScript(t, testkit.Effort(200))
	s := openStore(t, vfs.NewMem(), "store")
	for at := events.Seq(0); at < script.last(); {
		upto := min(at+events.Seq(script.rng.IntN(30)), script.last())
		var steps []events.Seq
		testkit.OK(t, loop.Build(testkit.Context(t), script, s, upto, func(seq events.Seq) { steps = append(steps, seq) }))
		if got := s.Position(); got.Applied != upto || got.Digest() != script.digests[upto] {
			t.Fatalf("built up to %d it is at %d with digest %s", upto, got.Applied, got.Digest())
		}
		if upto == at && len(steps) > 0 || upto > at && steps[len(steps)-1] != upto || !slices.IsSorted(steps) {
			t.Fatalf("from %d to %d it went by %v", at, upto, steps)
		}
		at = upto
	}
	testkit.OK(t, loop.Build(testkit.Context(t), script, s, 1, nil))
	if got := s.Position().Applied; got != script.last() {
		t.Errorf("it went back to %d", got)
	}
}

// TestBuildInterrupted ends a build after each commit: the next one goes on.
func TestBuildInterrupted(t *testing.T) {
	t.Parallel()
	script := newScript(t, 60)
	s := openStore(t, vfs.NewMem(), "store")
	for ends := 0; s.Position().Applied < script.last(); ends++ {
		ctx, cancel := context.WithCancel(testkit.Context(t))
		before := s.Position().Applied
		err := loop.Build(ctx, script, s, script.last(), func(events.Seq) { cancel() })
		at := s.Position()
		if at.Applied <= before || at.Digest() != script.digests[at.Applied] {
			t.Fatalf("attempt %d leaves it at %d", ends, at.Applied)
		}
		if done := at.Applied == script.last(); done != (err == nil) || !done && !errors.Is(err, context.Canceled) {
			t.Fatalf("attempt %d, at %d: %v", ends, at.Applied, err)
		}
	}
}

// TestCatchUp ends near the store in use, also if that moves on meanwhile.
func TestCatchUp(t *testing.T) {
	t.Parallel()
	script := newScript(t, 100)
	l := newLoop(t, openStore(t, vfs.NewMem(), "store"))
	step(t, l, script.entries[:40])
	l.SetEmitted(30)
	next := openStore(t, vfs.NewMem(), "next")
	var targets []events.Seq
	moved := 40
	testkit.OK(t, l.CatchUp(testkit.Context(t), script, next, 5, func(target, at events.Seq) {
		targets = append(targets, target)
		if at > target {
			t.Errorf("it is at %d on its way to %d", at, target)
		}
		if at == target && moved < 80 {
			step(t, l, script.entries[moved:moved+20])
			moved += 20
		}
	}))
	if at := next.Position().Applied; at+5 < l.Applied() || l.Applied() != 80 || !slices.Contains(targets, 40) || !slices.IsSorted(targets) {
		t.Errorf("it is at %d of %d, by %v", at, l.Applied(), targets)
	}
	if got := testkit.Must(next.Emitted())(t); got != 30 {
		t.Errorf("it knows %d to be emitted", got)
	}
}
