package store_test

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"
	"golang.org/x/sync/errgroup"

	"reddot/events"
	"reddot/projector/store"
	"reddot/projector/store/inspect"
	"reddot/projector/testkit"
	"reddot/projector/testkit/disktest"
	"reddot/projector/twin"
)

// checkpointed is a checkpoint, and the commit that was the last before it.
type checkpointed struct {
	dir   string
	after events.Seq
	info  store.Info
}

// TestCheckpointWhileFolding takes checkpoints while commands are folded and
// users are read: each holds the rows of one commit, whole, and not older than
// the call, with the digest of a store that folded up to there.
func TestCheckpointWhileFolding(t *testing.T) {
	seed := testkit.Seed(t)
	r := newRig(t, seed)
	g := forgetful{twin.NewGenerator(seed, twin.Config{}), r.rng, shownUsers, 100}
	var committed atomic.Uint64
	done := make(chan struct{})
	var all []checkpointed
	var others errgroup.Group
	others.Go(func() error {
		for {
			select {
			case <-done:
				return nil
			default:
			}
			c := checkpointed{dir: fmt.Sprint("checkpoint", len(all)), after: events.Seq(committed.Load())}
			if err := r.store.Checkpoint(c.dir); err != nil {
				return err
			}
			all = append(all, c)
		}
	})
	others.Go(func() error {
		for {
			select {
			case <-done:
				return nil
			default:
			}
			if _, err := showAll(r.store); err != nil {
				return err
			}
		}
	})
	commits := map[events.Seq]bool{}
	for range steps() / 3 {
		r.step(g)
		if r.log[len(r.log)-1].Command.Verb == events.UserErase {
			commits[events.Seq(len(r.log)-1)] = true // what came before is committed first
		}
		if r.rng.IntN(20) == 0 {
			r.commit()
			committed.Store(uint64(len(r.log)))
			commits[events.Seq(len(r.log))] = true
		}
	}
	close(done)
	if err := others.Wait(); err != nil {
		t.Fatal(err)
	}
	r.commit()
	t.Logf("%d checkpoints", len(all))
	for i := range all {
		all[i].check(t, r, commits)
	}
	checkTwin(t, r.log, all)
	goOn(t, r, all[r.rng.IntN(len(all))].dir)
}

// check reads every row of a checkpoint.
func (c *checkpointed) check(t *testing.T, r *rig, commits map[events.Seq]bool) {
	var err error
	if c.info, err = inspect.Check(context.Background(), r.fs, c.dir, nil); err != nil {
		t.Fatal(err)
	}
	at := c.info.Position.Applied
	if at < c.after || at > 0 && !commits[at] {
		t.Errorf("%s was taken after seq %d, and holds seq %d: a commit: %v", c.dir, c.after, at, commits[at])
	}
	if c.info.Identity.Name != identity.Name || c.info.Format != store.Format {
		t.Errorf("%s: %+v", c.dir, c.info)
	}
}

// checkTwin folds the log into another store, and compares the digests.
func checkTwin(t *testing.T, log []store.Entry, all []checkpointed) {
	b := newRig(t, 0)
	b.log = log
	slices.SortFunc(all, func(x, y checkpointed) int {
		return cmp.Compare(x.info.Position.Applied, y.info.Position.Applied)
	})
	for _, c := range all {
		for b.store.Position().Applied < c.info.Position.Applied {
			b.apply(b.store.Position().Applied + 1)
		}
		b.commit()
		if got, want := c.info.Position.Digest(), b.store.Position().Digest(); got != want {
			t.Errorf("%s has the digest %s at seq %d, a store folded up to there %s", c.dir, got, c.info.Position.Applied, want)
		}
	}
}

// goOn opens a checkpoint as a store and folds the rest of the log.
func goOn(t *testing.T, r *rig, dir string) {
	s, err := store.Open(store.Config{Dir: dir, FS: r.fs, Identity: identity})
	if err != nil {
		t.Fatal(err)
	}
	b := &rig{t: t, store: s, log: r.log}
	for int(s.Position().Applied) < len(r.log) {
		b.apply(s.Position().Applied + 1)
	}
	b.commit()
	if got, want := s.Position().Digest(), r.store.Position().Digest(); got != want {
		t.Errorf("from %s on, the digest is %s, not %s", dir, got, want)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}

// TestCheckpointThere: a folder that is there already is left alone.
func TestCheckpointThere(t *testing.T) {
	r := newRig(t, 0)
	if err := r.store.Checkpoint("store"); err == nil || !strings.Contains(err.Error(), "is there already") {
		t.Errorf("checkpoint over the store itself: %v", err)
	}
}

// TestCheckpointDiskFull lets each write of a checkpoint fail: it says so and
// leaves nothing, the store goes on, and the next one is whole.
func TestCheckpointDiskFull(t *testing.T) {
	mem := vfs.NewMem()
	disk := disktest.NewFull(mem, func(op errorfs.Op) bool {
		// A link is known by the file it is to.
		return (op.Kind == errorfs.OpLink || strings.HasPrefix(op.Path, "checkpoint")) && op.Kind != errorfs.OpRemoveAll
	})
	r := &rig{t: t, disk: disk, rng: rand.New(rand.NewPCG(1, 1)), twin: twin.New()}
	r.open(mem)
	g := twin.NewGenerator(1, twin.Config{})
	for writes := range 1000 {
		r.step(g)
		r.commit()
		disk.After(writes)
		err := r.store.Checkpoint("checkpoint")
		full := disk.Mend()
		_, gone := mem.Stat("checkpoint")
		if err == nil {
			if info, err := inspect.Check(context.Background(), mem, "checkpoint", nil); err != nil || info.Position.Applied != r.store.Position().Applied {
				t.Errorf("after %d writes: %+v, %v", writes, info, err)
			}
			if err := mem.RemoveAll("checkpoint"); err != nil {
				t.Fatal(err)
			}
			if full {
				t.Fatalf("disk full after %d writes, and the checkpoint does not say so", writes)
			}
			t.Logf("a checkpoint takes %d writes", writes)
			break
		}
		if !errors.Is(err, syscall.ENOSPC) || errors.Is(err, store.ErrCorrupt) || gone == nil {
			t.Fatalf("disk full after %d writes: %v; the folder: %v", writes, err, gone)
		}
	}
	if err := r.store.Close(); err != nil {
		t.Fatal(err)
	}
}
