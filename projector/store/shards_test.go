package store_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"reddot/events"
	"reddot/projector/fold"
	"reddot/projector/store"
	"reddot/projector/testkit"
	"reddot/projector/twin"
)

// did is what a command did, apart from the memory that it is in.
func did(fx *fold.Effects) fold.Effects {
	c := *fx
	c.Changed, c.Groups, c.Threads, c.Receipts = slices.Clone(fx.Changed), slices.Clone(fx.Groups), slices.Clone(fx.Threads), slices.Clone(fx.Receipts)
	c.Authors, c.Noted, c.NotedThreads, c.Swept = slices.Clone(fx.Authors), slices.Clone(fx.Noted), slices.Clone(fx.NotedThreads), slices.Clone(fx.Swept)
	return c
}

// TestShards folds one log with different numbers of shards, in batches of any size: the
// rows, the position, the digest and what each command did are always the same. Reads are
// checked to be of rows that are at home with the shard, writes always are.
func TestShards(t *testing.T) {
	t.Parallel()
	seed := testkit.Seed(t)
	for run := range uint64(2) {
		t.Run(fmt.Sprint(run), func(t *testing.T) {
			t.Parallel()
			g := twin.NewGenerator(seed+run, twin.Config{})
			entries := make([]store.Entry, 2*steps())
			rng := rand.New(rand.NewPCG(seed+run, 2))
			for i := range entries {
				e := &entries[i]
				e.Seq = events.Seq(i + 1)
				g.Next(&e.Command)
				e.Time, e.Sum, e.Subject = g.Now(), rng.Uint64(), "s"
				switch rng.IntN(200) {
				case 0:
					e.Invalid = "for the test"
				case 1:
					e.Skipped = true
				}
			}
			want := foldAll(t, entries, 1, func() int { return 1 + rng.IntN(3) })
			for _, shards := range []int{2, 3, 8} {
				got := foldAll(t, entries, shards, func() int { return 1 + rng.IntN(600) })
				if got.position.Digest() != want.position.Digest() || got.position.Applied != want.position.Applied || got.position.Log != want.position.Log {
					t.Errorf("%d shards: at %d the digest is %s, want %s", shards, got.position.Applied, got.position.Digest(), want.position.Digest())
				}
				if (got.rounds > 0) != (shards > 1) {
					t.Errorf("%d shards fold %d rounds", shards, got.rounds)
				}
				if got.sum != got.position.Rows() {
					t.Errorf("%d shards: the rows add up to %x, the digest says %x", shards, got.sum, got.position.Rows())
				}
				for i := range want.fx {
					if diff := cmp.Diff(want.fx[i], got.fx[i], cmpopts.EquateEmpty()); diff != "" {
						t.Fatalf("%d shards: seq %d, %s %+v (-want +got):\n%s", shards, i+1, entries[i].Command.Verb, entries[i].Command, diff)
					}
				}
				if diff := cmp.Diff(want.outbox, got.outbox); diff != "" {
					t.Errorf("%d shards: outbox (-want +got):\n%s", shards, diff)
				}
			}
		})
	}
}

// folded is what became of a log.
type folded struct {
	position store.Position
	fx       []fold.Effects
	outbox   []store.Out
	sum      uint64
	rounds   int
}

func foldAll(t *testing.T, entries []store.Entry, shards int, batch func() int) (f folded) {
	t.Helper()
	s := testkit.Must(store.Open(store.Config{Dir: "store", FS: vfs.NewMem(), Identity: identity, Shards: shards}))(t)
	defer func() { testkit.OK(t, s.Close()) }()
	s.CheckReads()
	s.Split()
	if shards == 3 {
		s.Shrink(20_000, 20_000)
	}
	var fx fold.Effects
	for left := entries; len(left) > 0; {
		n := min(batch(), len(left))
		testkit.OK(t, s.ApplyAll(left[:n], &fx, func(e *store.Entry, fx *fold.Effects) { f.fx = append(f.fx, did(fx)) }))
		testkit.Must(s.Commit())(t)
		left = left[n:]
	}
	f.position, f.rounds = s.Position(), s.Rounds()
	f.sum = sumOfRows(t, s.DB())
	snap := testkit.Must(s.Snapshot())(t)
	defer func() { testkit.OK(t, snap.Close()) }()
	testkit.OK(t, snap.Outbox(0, func(o store.Out) error { f.outbox = append(f.outbox, o); return nil }))
	return f
}
