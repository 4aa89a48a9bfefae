package snapshot_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"

	"reddot/events"
	"reddot/snapshot"
)

// crashPoint is what a crash of the machine leaves, and what must be in it.
type crashPoint struct {
	op        string
	fs        *vfs.MemFS
	published []events.Seq // snapshots that the program was told of, and has not begun to remove
	restored  string       // folder that it was told of; "": none yet
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
		c.now.fs = c.fs.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: 50 * c.rng.IntN(3), RNG: c.rng})
		c.points = append(c.points, c.now)
	}
	return nil
}

func (c *crashes) String() string { return "crash" }

// holds notes what a crash must leave from now on.
func (c *crashes) holds(restored string, seqs ...events.Seq) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now.restored, c.now.published = restored, seqs
}

// TestCrashAtEveryWrite crashes the machine at every write while snapshots are
// created, pruned and restored. Every snapshot that is listed then is whole,
// those that were published are listed, and the repository works on.
func TestCrashAtEveryWrite(t *testing.T) {
	c := &crashes{fs: vfs.NewCrashableMem(), rng: rand.New(rand.NewPCG(drawSeed(t), 1))}
	r := newRig(t, errorfs.Wrap(c.fs, c), nil)
	r.create(50)
	c.holds("", 50)
	r.create(50)
	c.holds("", 100, 50)
	r.create(50)
	c.holds("", 150, 100) // 50 is what the prune removes
	if _, err := r.repo.Prune(within(t), snapshot.PruneOptions{Keep: 2}); err != nil {
		t.Fatal(err)
	}
	_, dir, err := r.restore(snapshot.Want{AtMost: 100})
	if err != nil {
		t.Fatal(err)
	}
	c.holds(dir, 150, 100)
	r.create(1)
	c.mu.Lock()
	points := c.points
	c.mu.Unlock()
	t.Logf("%d crashes", len(points))
	for _, p := range points {
		p.check(t)
	}
}

// check opens what a crash left, and goes on.
func (p crashPoint) check(t *testing.T) {
	fatal := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatalf("%s: %v", p.op, err)
		}
	}
	ctx, storage := context.Background(), snapshot.NewFolder(p.fs, "data/snapshots")
	repo, err := openRepository(p.fs, storage, "owner", io.Discard)
	fatal(err)
	entries, err := repo.List(ctx)
	fatal(err)
	var seqs []events.Seq
	for _, e := range entries {
		fatal(e.Err)
		_, err := repo.Verify(ctx, e.ID, snapshot.VerifyOptions{}, nil)
		fatal(err)
		seqs = append(seqs, e.Seq)
	}
	for _, seq := range p.published {
		if !slices.Contains(seqs, seq) {
			t.Errorf("%s: snapshot %d is lost; there are %v", p.op, seq, seqs)
		}
	}
	if p.restored != "" {
		state, err := checkRows(p.fs)(ctx, p.restored, func(uint64) {})
		if err != nil || state.Seq != 100 {
			t.Errorf("%s: the restored store: %v, %v", p.op, state, err)
		}
	}
	after := openRows(t, p.fs, "after", stream, 9)
	after.apply(t, 200, 100)
	_, err = repo.Create(ctx, after, nil)
	fatal(err)
	m, err := repo.Restore(ctx, snapshot.Want{Stream: stream}, "restored", nil)
	fatal(err)
	if m.Seq != 200 {
		t.Errorf("%s: restored %d", p.op, m.Seq)
	}
	_, err = repo.Prune(ctx, snapshot.PruneOptions{Keep: snapshot.MinKeep})
	fatal(err)
	if names, err := p.fs.List("data/scratch-owner"); err == nil && len(names) > 0 {
		t.Errorf("%s: left in scratch: %v", p.op, names)
	}
}

// faults fails one write, with a disk that is full.
type faults struct {
	at     int64 // the write that fails; 0: none
	writes atomic.Int64
}

func (f *faults) MaybeError(op errorfs.Op) error {
	if op.Kind.ReadOrWrite() == errorfs.OpIsWrite && op.Kind != errorfs.OpFileClose && f.writes.Add(1) == f.at {
		return syscall.ENOSPC
	}
	return nil
}

func (f *faults) String() string { return "full" }

// TestFaultAtEveryWrite fails every write in turn, while a snapshot is created,
// the older ones are pruned and the newest is restored. The error is told, what was there is whole,
// and the next attempt succeeds.
func TestFaultAtEveryWrite(t *testing.T) {
	mem := vfs.NewMem()
	r := newRig(t, mem, nil)
	r.create(50)
	r.create(50)
	full := &faults{}
	disk := errorfs.Wrap(mem, full)
	failed := 0
	for k := int64(1); ; k++ {
		r.rows.apply(t, 1, 100)
		r.rows.compact(t)
		// The store itself writes to a disk that is not full.
		repo, err := openRepository(disk, snapshot.NewFolder(disk, "data/snapshots"), "full", r.log)
		if err != nil {
			t.Fatal(err)
		}
		full.writes.Store(0)
		full.at = k
		_, createErr := repo.Create(within(t), r.rows, nil)
		_, pruneErr := repo.Prune(within(t), snapshot.PruneOptions{Keep: 2})
		_, restoreErr := repo.Restore(within(t), snapshot.Want{Stream: stream}, "restored", nil)
		full.at = 0
		if names, err := mem.List("restored"); restoreErr != nil && err == nil {
			t.Errorf("write %d failed: the restore left %v", k, names)
		}
		if err := mem.RemoveAll("restored"); err != nil {
			t.Fatal(err)
		}
		for _, err := range []error{createErr, pruneErr, restoreErr} {
			if err != nil && !errors.Is(err, syscall.ENOSPC) {
				t.Fatalf("write %d: %v", k, err)
			}
		}
		if full.writes.Load() < k {
			break
		}
		failed++
		for _, e := range r.list() {
			if _, err := r.repo.Verify(within(t), e.ID, snapshot.VerifyOptions{}, nil); err != nil {
				t.Errorf("write %d failed: %v", k, err)
			}
		}
		if _, err := r.repo.Create(within(t), r.rows, nil); err != nil {
			t.Errorf("after write %d failed: %v", k, err)
		}
	}
	t.Logf("%d faults", failed)
}
