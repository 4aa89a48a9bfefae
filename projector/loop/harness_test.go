package loop_test

import (
	"context"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"reddot/events"
	"reddot/projector/loop"
	"reddot/projector/store"
	"reddot/projector/testkit"
	"reddot/projector/twin"
)

var identity = events.StreamID{Name: "TEST_COMMANDS", Created: time.Unix(1700000000, 5)}

// script is a log whose end grows: commands drawn from a seed, and the digest of a clean
// fold at each seq.
type script struct {
	entries []store.Entry
	digests []events.Digest
	rng     *rand.Rand
	batches func() int // draws how many commands come at once
}

// newScript draws so many commands.
func newScript(t testing.TB, commands int) *script {
	t.Helper()
	seed := testkit.Seed(t)
	s := &script{rng: rand.New(rand.NewPCG(seed, 1))}
	s.batches = func() int { return 1 + s.rng.IntN(8) }
	g := twin.NewGenerator(seed, twin.Config{})
	clean := openStore(t, vfs.NewMem(), "clean")
	l := newLoop(t, clean)
	s.digests = append(s.digests, clean.Position().Digest())
	for seq := events.Seq(1); int(seq) <= commands; seq++ {
		e := store.Entry{Seq: seq}
		g.Next(&e.Command)
		e.Time, e.Sum = g.Now(), s.rng.Uint64()
		s.entries = append(s.entries, e)
		step(t, l, s.entries[seq-1:])
		s.digests = append(s.digests, clean.Position().Digest())
	}
	return s
}

// last is the seq of the last command.
func (s *script) last() events.Seq { return events.Seq(len(s.entries)) }

// Read implements loop.Log. It ends with ctx, or the commands.
func (s *script) Read(ctx context.Context, after events.Seq, fn func([]store.Entry) error) error {
	for after < s.last() {
		n := min(s.batches(), int(s.last()-after))
		if err := fn(s.entries[after : int(after)+n]); err != nil {
			return err
		}
		after += events.Seq(n)
	}
	<-ctx.Done() // a log waits for more
	return ctx.Err()
}

func openStore(t testing.TB, fs vfs.FS, dir string) *store.Store {
	t.Helper()
	s := testkit.Must(store.Open(store.Config{Dir: dir, FS: fs, Identity: identity}))(t)
	t.Cleanup(func() { testkit.OK(t, s.Close()) })
	return s
}

func newLoop(t testing.TB, s *store.Store) *loop.Loop {
	t.Helper()
	return testkit.Must(loop.New(loop.Config{Store: s}))(t)
}

// step drives a loop by one batch.
func step(t testing.TB, l *loop.Loop, batch []store.Entry) {
	t.Helper()
	testkit.OK(t, l.Apply(batch))
	testkit.Must(l.Commit())(t)
	l.Advance()
}

// shown is what a snapshot shows.
func shown(t testing.TB, l *loop.Loop) store.Position {
	t.Helper()
	snap := testkit.Must(l.Snapshot())(t)
	defer func() { testkit.OK(t, snap.Close()) }()
	return snap.Position()
}
