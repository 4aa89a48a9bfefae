package store_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"reddot/events"
	"reddot/projector/fold"
	"reddot/projector/store"
	"reddot/projector/store/inspect"
	"reddot/projector/testkit"
	"reddot/projector/testkit/disktest"
	"reddot/projector/twin"
)

// promised is what must be in what a crash leaves.
type promised struct {
	durable events.Seq // what the store had said is durable
	emitted events.Seq // what it had by SetEmitted

	checkpoint string // the last that was done
	current    string // the generation that had been made current
}

// crashes is a disk that crashes at every write.
type crashes struct{ *disktest.Crashes[promised] }

func newCrashes(seed uint64) crashes {
	// All or nothing of what is not synced: Pebble's marker of its manifest counts
	// on a folder to keep the order in which its files were made.
	return crashes{disktest.NewCrashes[promised](rand.New(rand.NewPCG(seed, 4)), func(rng *rand.Rand) int { return 100 * rng.IntN(2) })}
}

// know notes what the store has said and was given.
func (c crashes) know(s *store.Store, emitted events.Seq) error {
	durable, err := s.Durable()
	c.Know(func(p *promised) { p.durable, p.emitted = durable, emitted })
	return err
}

// used notes which generation is current.
func (c crashes) used(path string) {
	c.Know(func(p *promised) { p.current, p.durable = path, 0 })
}

// checkpoint takes the next checkpoint.
func (c crashes) checkpoint(t *testing.T, s *store.Store) {
	dir := fmt.Sprintf("checkpoint%06d", len(c.Points()))
	if err := s.Checkpoint(dir); err != nil {
		t.Fatal(err)
	}
	c.Know(func(p *promised) { p.checkpoint = dir })
}

// crash is what one crash left, and what must be in it.
type crash struct{ disktest.Crash[promised] }

// TestCrashAtEveryWrite crashes the machine at every write of a run with many
// flushes, checkpoints and a restart. What is left holds the rows of one commit,
// whole, not older than what was durable; folding on from there gives the same
// digest and the same outbox. The checkpoints are whole, or not there.
func TestCrashAtEveryWrite(t *testing.T) {
	testkit.Unraced(t)
	seed := testkit.Seed(t)
	g := forgetful{twin.NewGenerator(seed, twin.Config{}), rand.New(rand.NewPCG(seed, 8)), []string{"a", "b"}, 50}
	crashAtEveryWrite(t, seed, fold.Pace{}, g)
}

// TestCrashWhileSweeping does the same with much left to be swept.
func TestCrashWhileSweeping(t *testing.T) {
	testkit.Unraced(t)
	seed := testkit.Seed(t)
	crashAtEveryWrite(t, seed, slow, twin.NewCrowd(seed))
}

func crashAtEveryWrite(t *testing.T, seed uint64, pace fold.Pace, g commands) {
	commands := events.Seq(testkit.Effort(240)) // of which each write is followed by a crash
	c := newCrashes(seed)
	r := &rig{t: t, fs: c.Memory(), pace: pace, rng: rand.New(rand.NewPCG(seed, 1)), twin: twin.New(), disk: c.Disk()}
	r.open(c.Memory())
	digests := map[events.Seq]events.Digest{0: r.store.Position().Digest()} // by commit
	emitted := events.Seq(0)
	var outbox []store.Out
	for range commands {
		r.stepTo(g, func(seq events.Seq) {
			switch r.log[seq-1].Command.Verb { // they commit what came before them
			case events.UserErase, events.GroupDismiss, events.GroupJoin, events.GroupLeave:
			default:
				if r.store.Rows().Sweeps() == nil { // so does what is swept
					return
				}
			}
			r.commit()
			digests[seq-1] = r.store.Position().Digest()
		})
		seq := events.Seq(len(r.log))
		outbox = append(outbox, r.noted()...)
		if r.rng.IntN(5) == 0 {
			r.commit()
			digests[seq] = r.store.Position().Digest()
			if r.rng.IntN(4) == 0 {
				emitted += events.Seq(r.rng.IntN(int(seq - emitted + 1)))
				r.store.SetEmitted(emitted)
			}
		}
		if err := c.know(r.store, emitted); err != nil {
			t.Fatal(err)
		}
		switch {
		case r.rng.IntN(10) == 0:
			if err := r.store.Flush(); err != nil {
				t.Fatal(err)
			}
		case seq%100 == 80:
			c.checkpoint(t, r.store)
		case seq == commands/2:
			r.reopen()
			digests[seq] = r.store.Position().Digest()
		}
	}
	r.commit()
	digests[commands] = r.store.Position().Digest()
	if err := r.store.Close(); err != nil {
		t.Fatal(err)
	}
	t.Logf("%d crashes", len(c.Points()))
	for _, p := range c.Points() {
		crash{p}.check(t, pace, r.log, digests, outbox)
	}
}

// check opens what a crash left, and folds the rest of the log.
func (p crash) check(t *testing.T, pace fold.Pace, log []store.Entry, digests map[events.Seq]events.Digest, outbox []store.Out) {
	p.checkCheckpoint(t, digests)
	r := &rig{t: t, log: log, pace: pace, rng: rand.New(rand.NewPCG(0, 0))}
	r.open(p.Left)
	at := r.store.Position()
	if digest, ok := digests[at.Applied]; !ok || digest != at.Digest() || at.Applied < p.Known.durable {
		t.Fatalf("%s: opens at seq %d with digest %s, %d was durable; that commit's digest: %s", p.Write, at.Applied, at.Digest(), p.Known.durable, digest)
	}
	r.commit() // a store that has just been made has no position yet
	r.checkDigest()
	r.verify()
	for seq := at.Applied + 1; int(seq) <= len(log); seq++ {
		r.apply(seq)
	}
	r.commit()
	r.checkDigest()
	if r.store.Position().Digest() != digests[events.Seq(len(log))] {
		t.Fatalf("%s: from seq %d on, another digest", p.Write, at.Applied)
	}
	if d := cmp.Diff(after(outbox, p.Known.emitted), r.outbox(p.Known.emitted), cmpopts.EquateEmpty()); d != "" {
		t.Fatalf("%s: from seq %d on, another outbox after seq %d:\n%s", p.Write, at.Applied, p.Known.emitted, d)
	}
	if err := r.store.Close(); err != nil {
		t.Fatal(err)
	}
}

// checkCheckpoint checks the newest checkpoints that a crash left: the one done
// last is there; one under way is found corrupt, or is whole.
func (p crash) checkCheckpoint(t *testing.T, digests map[events.Seq]events.Digest) {
	names, err := p.Left.List("")
	if err != nil {
		t.Fatal(err)
	}
	found := p.Known.checkpoint == ""
	for _, name := range names {
		if !strings.HasPrefix(name, "checkpoint") || name < p.Known.checkpoint {
			continue
		}
		info, err := inspect.Check(context.Background(), p.Left, name, nil)
		at := info.Position
		switch {
		case err == nil && digests[at.Applied] != at.Digest():
			t.Fatalf("%s: %s has the digest %s at seq %d, not %s", p.Write, name, at.Digest(), at.Applied, digests[at.Applied])
		case err != nil && (name == p.Known.checkpoint || !errors.Is(err, store.ErrCorrupt)):
			t.Fatalf("%s: %s: %v", p.Write, name, err)
		}
		found = found || name == p.Known.checkpoint
	}
	if !found {
		t.Fatalf("%s: %s is lost, of %q", p.Write, p.Known.checkpoint, names)
	}
}
