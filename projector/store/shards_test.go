package store_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"reddot/events"
	"reddot/projector/fold"
	"reddot/projector/store"
	"reddot/projector/storetest"
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

// entriesOf draws a log, with some commands that are invalid or passed over.
func entriesOf(g commands, n int, rng *rand.Rand) []store.Entry {
	entries := make([]store.Entry, n)
	for i := range entries {
		e := &entries[i]
		e.Seq = events.Seq(i + 1)
		g.Next(&e.Command)
		e.Time, e.Sum, e.Subject = g.Now(), rng.Uint64(), "s"
		switch rng.IntN(50) {
		case 0:
			e.Invalid = "for the test"
			e.Command = events.Command{Verb: e.Command.Verb, Inbox: e.Command.Inbox} // as far as it was decoded
		case 1:
			e.Skipped = true
		}
	}
	return entries
}

// TestShards folds logs with different numbers of shards, in batches of any size and with
// restarts between: the rows, the position, the digest and what each command did are always
// the same. Reads are checked to be of rows that are at home with the shard, writes always
// are.
func TestShards(t *testing.T) {
	t.Parallel()
	seed := testkit.Seed(t)
	for name, log := range map[string]struct {
		pace fold.Pace
		g    commands
	}{
		"small": {g: twin.NewGenerator(seed, twin.Config{})},
		"wide":  {g: twin.NewGenerator(seed, twin.Config{Users: 40, Groups: 20})},
		"deep":  {g: twin.NewGenerator(seed, twin.Deep())},
		"crowd": {g: twin.NewCrowd(seed)},
		"swept": {g: twin.NewCrowd(seed), pace: fold.Pace{Bulk: 5, Each: 8, Burst: 16, Most: 30, MostSweeps: 8}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			rng := rand.New(rand.NewPCG(seed, 2))
			entries := entriesOf(log.g, steps()/2, rng)
			want := foldAll(t, entries, 1, log.pace, rng, 3)
			for _, shards := range []int{2, 3, 4} {
				got := foldAll(t, entries, shards, log.pace, rng, 200)
				if got.position.Digest() != want.position.Digest() || got.position.Applied != want.position.Applied || got.position.Log != want.position.Log {
					t.Errorf("%d shards: at %d the digest is %s, want %s", shards, got.position.Applied, got.position.Digest(), want.position.Digest())
				}
				if got.rounds == 0 || want.rounds > 0 {
					t.Errorf("%d shards fold %d rounds, and one folds %d", shards, got.rounds, want.rounds)
				}
				if got.sum != got.position.Rows() {
					t.Errorf("%d shards: the rows add up to %x, the digest says %x", shards, got.sum, got.position.Rows())
				}
				for i := range want.fx {
					if diff := cmp.Diff(want.fx[i], got.fx[i], cmpopts.EquateEmpty(), cmp.AllowUnexported(fold.Effects{})); diff != "" {
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

// foldAll folds a log, in batches of up to so many commands.
func foldAll(t *testing.T, entries []store.Entry, shards int, pace fold.Pace, rng *rand.Rand, most int) (f folded) {
	t.Helper()
	fs := vfs.NewMem()
	open := func() *store.Store {
		s := testkit.Must(store.Open(store.Config{Dir: "store", FS: fs, Identity: identity, Pace: pace, Shards: shards}))(t)
		s.CheckReads()
		s.Split(shards)
		if shards == 3 {
			s.Shrink(20_000, 20_000)
		}
		return s
	}
	s := open()
	defer func() { testkit.OK(t, s.Close()) }()
	var fx fold.Effects
	for left := entries; len(left) > 0; {
		n := min(1+rng.IntN(most), len(left))
		s.Yield = rng.IntN(2) == 0
		testkit.OK(t, s.ApplyAll(left[:n], &fx, func(e *store.Entry, fx *fold.Effects) { f.fx = append(f.fx, did(fx)) }))
		testkit.Must(s.Commit())(t)
		left = left[n:]
		if rng.IntN(20) == 0 {
			f.rounds += s.Rounds()
			testkit.OK(t, s.Close())
			s = open()
		}
	}
	f.position, f.rounds = s.Position(), f.rounds+s.Rounds()
	f.sum = sumOfRows(t, s.DB())
	snap := testkit.Must(s.Snapshot())(t)
	defer func() { testkit.OK(t, snap.Close()) }()
	testkit.OK(t, snap.Outbox(0, func(o store.Out) error { f.outbox = append(f.outbox, o); return nil }))
	return f
}

// TestShardsAndTwin folds random commands by shards and into the twin, with crashes and
// restarts in between: what snapshots show is what the twin says.
func TestShardsAndTwin(t *testing.T) {
	t.Parallel()
	seed := testkit.Seed(t)
	r := &rig{t: t, twin: twin.New(), shards: 3, rng: rand.New(rand.NewPCG(seed, 1))}
	r.opened = []func(*store.Store){func(s *store.Store) { s.Split(r.shards) }}
	r.open(vfs.NewCrashableMem())
	g, rounds := twin.NewGenerator(seed, twin.Config{}), 0
	for len(r.log) < steps()/2 {
		at := len(r.log)
		r.foldBatch(g, 1+r.rng.IntN(100))
		rounds += r.store.Rounds()
		r.commit()
		switch r.rng.IntN(20) {
		case 0:
			r.crash()
		case 1:
			r.reopen()
		}
		c := &r.log[at+r.rng.IntN(len(r.log)-at)].Command
		r.compare([]string{c.Inbox, c.From, c.To})
	}
	r.compare(r.twin.Users())
	r.verify()
	if rounds == 0 {
		t.Error("nothing was folded by shards")
	}
	testkit.OK(t, r.store.Close())
}

// foldBatch applies the next commands to both, and compares what they say of each.
func (r *rig) foldBatch(g commands, n int) {
	r.t.Helper()
	at := len(r.log)
	var want []twin.Result
	for range n {
		e := store.Entry{Seq: events.Seq(len(r.log) + 1)}
		g.Next(&e.Command)
		e.Time = g.Now()
		want = append(want, r.twin.Apply(e.Seq, e.Time, &e.Command))
		r.log = append(r.log, e)
	}
	testkit.OK(r.t, r.store.ApplyAll(r.log[at:], &r.fx, func(e *store.Entry, fx *fold.Effects) {
		if want := want[int(e.Seq)-1-at]; fx.Refused != want.Refused || fx.Ignored != want.Ignored || len(fx.Receipts) != len(want.Receipts) {
			r.t.Errorf("seq %d, %s %+v:\n%+v; the twin says %+v", e.Seq, e.Command.Verb, e.Command, *fx, want)
		}
	}))
}

// TestShardsMeetCorruptRows spoils a row: shards fail by the command by which one would,
// with its error, and nothing is committed.
func TestShardsMeetCorruptRows(t *testing.T) {
	t.Parallel()
	seed := testkit.Seed(t)
	rng := rand.New(rand.NewPCG(seed, 3))
	entries := entriesOf(twin.NewGenerator(seed, twin.Config{}), 1_500, rng)
	half := len(entries) / 2
	var fx fold.Effects
	nothing := func(*store.Entry, *fold.Effects) {}
	mem := vfs.NewMem()
	s := testkit.Must(store.Open(store.Config{Dir: "store", FS: mem, Identity: identity}))(t)
	testkit.OK(t, s.ApplyAll(entries[:half], &fx, nothing))
	testkit.Must(s.Commit())(t)
	testkit.OK(t, s.Close())
	files := storetest.Files(t, mem, "store")
	met := 0
	for range steps() / 100 {
		spoilt := rng.Uint64()
		fail := func(shards int) error {
			s := testkit.Must(store.Open(store.Config{Dir: "store", FS: storetest.FolderOf(t, files), Identity: identity, Shards: shards}))(t)
			s.Split(shards)
			var rows [][2][]byte
			eachRow(t, s.DB(), func(key, value []byte) {
				if slices.Contains([]byte("cgtpisd"), key[0]) {
					rows = append(rows, [2][]byte{slices.Clone(key), {value[0], 0xff}}) // the format is right
				}
			})
			row := rows[spoilt%uint64(len(rows))]
			testkit.OK(t, s.DB().Set(row[0], row[1], pebble.NoSync))
			err := s.ApplyAll(entries[half:], &fx, nothing)
			if err != nil {
				if _, err := s.Commit(); err == nil {
					t.Error("what was left half applied is committed")
				}
			}
			_ = s.Close()
			return err
		}
		want := fail(1)
		for _, shards := range []int{2, 4} {
			if got := fail(shards); fmt.Sprint(got) != fmt.Sprint(want) {
				t.Errorf("%d shards: %v; one says: %v", shards, got, want)
			} else if got != nil && !errors.Is(got, store.ErrCorrupt) {
				t.Errorf("%d shards: %v", shards, got)
			}
		}
		if want != nil {
			met++
		}
	}
	if met == 0 {
		t.Error("no corrupt row was met")
	}
}
