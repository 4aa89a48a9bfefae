package store_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"reddot/events"
	"reddot/internal/twin"
	"reddot/projector/fold"
	"reddot/projector/store"
	"reddot/projector/testkit"
)

// crashPoint is what a crash of the machine leaves, and what must be in it.
type crashPoint struct {
	op      string
	fs      *vfs.MemFS
	durable events.Seq // what the store had said is durable
	emitted events.Seq // what it had been told is emitted

	checkpoint string // the last that was done
	current    string // the generation that had been made current
}

// crashes takes a copy of what a crash leaves just before every write.
type crashes struct {
	fs *vfs.MemFS

	mu     sync.Mutex
	rng    *rand.Rand
	now    crashPoint
	points []crashPoint
}

func (c *crashes) MaybeError(op errorfs.Op) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if op.Kind.ReadOrWrite() == errorfs.OpIsWrite {
		c.now.op = fmt.Sprintf("write %d, kind %d of %s", len(c.points)+1, op.Kind, op.Path)
		// All or nothing of what is not synced: Pebble's marker of its manifest
		// counts on a folder to keep the order in which its files were made.
		c.now.fs = c.fs.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: 100 * c.rng.IntN(2), RNG: c.rng})
		c.points = append(c.points, c.now)
	}
	return nil
}

func (c *crashes) String() string { return "crash" }

// disk is what the store sees of the file system.
func (c *crashes) disk() vfs.FS { return errorfs.Wrap(linking{c.fs, &c.mu}, c) }

// linking is a file system that makes no link while a copy is taken of it: the
// two would wait for each other.
type linking struct {
	*vfs.MemFS
	mu *sync.Mutex
}

func (l linking) Link(from, to string) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.MemFS.Link(from, to)
}

// told notes what the store has said and been told.
func (c *crashes) told(s *store.Store, emitted events.Seq) error {
	durable, err := s.Durable()
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now.durable, c.now.emitted = durable, emitted
	return err
}

// used notes which generation is current.
func (c *crashes) used(path string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now.current, c.now.durable = path, 0
}

// checkpoint takes the next checkpoint.
func (c *crashes) checkpoint(t *testing.T, s *store.Store) {
	c.mu.Lock()
	dir := fmt.Sprintf("checkpoint%06d", len(c.points))
	c.mu.Unlock()
	if err := s.Checkpoint(dir); err != nil {
		t.Fatal(err)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now.checkpoint = dir
}

// TestCrashAtEveryWrite crashes the machine at every write of a run with many
// flushes, checkpoints and a restart. What is left holds the rows of one commit,
// whole, not older than what was durable; folding on from there gives the same
// digest and the same outbox. The checkpoints are whole, or not there.
func TestCrashAtEveryWrite(t *testing.T) {
	seed := testkit.Seed(t)
	g := forgetful{twin.NewGenerator(seed, twin.Config{}), rand.New(rand.NewPCG(seed, 8)), []string{"a", "b"}, 50}
	crashAtEveryWrite(t, seed, fold.Pace{}, g)
}

// TestCrashWhileSweeping does the same with much left to be swept.
func TestCrashWhileSweeping(t *testing.T) {
	seed := testkit.Seed(t)
	crashAtEveryWrite(t, seed, slow, twin.NewCrowd(seed))
}

func crashAtEveryWrite(t *testing.T, seed uint64, pace fold.Pace, g commands) {
	const commands = crashCommands
	c := &crashes{fs: vfs.NewCrashableMem(), rng: rand.New(rand.NewPCG(seed, 4))}
	r := &rig{t: t, fs: c.fs, pace: pace, rng: rand.New(rand.NewPCG(seed, 1)), twin: twin.New(), disk: c.disk()}
	r.open(c.fs)
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
		if err := c.told(r.store, emitted); err != nil {
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
	t.Logf("%d crashes", len(c.points))
	for _, p := range c.points {
		p.check(t, pace, r.log, digests, outbox)
	}
}

// check opens what a crash left, and folds the rest of the log.
func (p crashPoint) check(t *testing.T, pace fold.Pace, log []store.Entry, digests map[events.Seq]events.Digest, outbox []store.Out) {
	p.checkCheckpoint(t, digests)
	r := &rig{t: t, log: log, pace: pace, rng: rand.New(rand.NewPCG(0, 0))}
	r.open(p.fs)
	at := r.store.Position()
	if digest, ok := digests[at.Applied]; !ok || digest != at.Digest() || at.Applied < p.durable {
		t.Fatalf("%s: opens at seq %d with digest %s, %d was durable; that commit's digest: %s", p.op, at.Applied, at.Digest(), p.durable, digest)
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
		t.Fatalf("%s: from seq %d on, another digest", p.op, at.Applied)
	}
	if d := cmp.Diff(after(outbox, p.emitted), r.outbox(p.emitted), cmpopts.EquateEmpty()); d != "" {
		t.Fatalf("%s: from seq %d on, another outbox after seq %d:\n%s", p.op, at.Applied, p.emitted, d)
	}
	if err := r.store.Close(); err != nil {
		t.Fatal(err)
	}
}

// checkCheckpoint checks the newest checkpoints that a crash left: the one done
// last is there; one under way is found damaged, or is whole.
func (p crashPoint) checkCheckpoint(t *testing.T, digests map[events.Seq]events.Digest) {
	names, err := p.fs.List("")
	if err != nil {
		t.Fatal(err)
	}
	found := p.checkpoint == ""
	for _, name := range names {
		if !strings.HasPrefix(name, "checkpoint") || name < p.checkpoint {
			continue
		}
		info, err := store.Check(context.Background(), p.fs, name, nil)
		at := info.Position
		switch {
		case err == nil && digests[at.Applied] != at.Digest():
			t.Fatalf("%s: %s has the digest %s at seq %d, not %s", p.op, name, at.Digest(), at.Applied, digests[at.Applied])
		case err != nil && (name == p.checkpoint || !errors.Is(err, store.ErrCorrupt)):
			t.Fatalf("%s: %s: %v", p.op, name, err)
		}
		found = found || name == p.checkpoint
	}
	if !found {
		t.Fatalf("%s: %s is lost, of %q", p.op, p.checkpoint, names)
	}
}
