package snapshot_test

import (
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"slices"
	"syscall"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"reddot/events"
	"reddot/projector/testkit"
	"reddot/projector/testkit/disktest"
	"reddot/snapshot"
	"reddot/snapshot/storage"
)

// promised is what a crash must leave.
type promised struct {
	published []events.Seq // snapshots that the program knows of, and has not begun to remove
	restored  string       // folder that it knows of; "": none yet
}

// crashPoint is a crash of the machine.
type crashPoint = disktest.Crash[promised]

// TestCrashAtEveryWrite crashes the machine at every write while snapshots are
// created, pruned and restored. Every snapshot that is listed then is whole,
// those that were published are listed, and the repository works on.
func TestCrashAtEveryWrite(t *testing.T) {
	testkit.Unraced(t)
	c := disktest.NewCrashes[promised](testkit.Rand(t), func(rng *rand.Rand) int { return 50 * rng.IntN(3) })
	holds := func(restored string, seqs ...events.Seq) {
		c.Know(func(p *promised) { p.restored, p.published = restored, seqs })
	}
	r := newRig(t, c.Disk(), nil)
	r.create(50)
	holds("", 50)
	r.create(50)
	holds("", 100, 50)
	r.create(50)
	holds("", 150, 100) // 50 is what the prune removes
	if _, err := r.repo.Prune(testkit.Context(t), snapshot.PruneOptions{Keep: 2}); err != nil {
		t.Fatal(err)
	}
	_, dir, err := r.restore(snapshot.Want{AtMost: 100})
	if err != nil {
		t.Fatal(err)
	}
	holds(dir, 150, 100)
	r.create(1)
	points := c.Points()
	t.Logf("%d crashes", len(points))
	for _, p := range points {
		checkCrash(t, p)
	}
}

// checkCrash opens what a crash left, and goes on.
func checkCrash(t *testing.T, p crashPoint) {
	fatal := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatalf("%s: %v", p.Write, err)
		}
	}
	ctx, place := context.Background(), storage.NewFolder(p.Left, "data/snapshots")
	repo, err := openRepository(p.Left, place, "owner", io.Discard)
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
	for _, seq := range p.Known.published {
		if !slices.Contains(seqs, seq) {
			t.Errorf("%s: snapshot %d is lost; there are %v", p.Write, seq, seqs)
		}
	}
	if p.Known.restored != "" {
		state, err := checkRows(p.Left)(ctx, p.Known.restored, func(uint64) {})
		if err != nil || state.Seq != 100 {
			t.Errorf("%s: the restored store: %v, %v", p.Write, state, err)
		}
	}
	after := openRows(t, p.Left, "after", stream, 9)
	after.apply(t, 200, 100)
	_, err = repo.Create(ctx, after, nil)
	fatal(err)
	m, err := repo.Restore(ctx, snapshot.Want{Stream: stream}, "restored", nil)
	fatal(err)
	if m.Seq != 200 {
		t.Errorf("%s: restored %d", p.Write, m.Seq)
	}
	_, err = repo.Prune(ctx, snapshot.PruneOptions{Keep: snapshot.MinKeep})
	fatal(err)
	if names, err := p.Left.List("data/scratch-owner"); err == nil && len(names) > 0 {
		t.Errorf("%s: left in scratch: %v", p.Write, names)
	}
}

// TestFaultAtEveryWrite fails every write in turn, while a snapshot is created,
// the older ones are pruned and the newest is restored. The error is reported, what was there is whole,
// and the next attempt succeeds.
func TestFaultAtEveryWrite(t *testing.T) {
	testkit.Unraced(t)
	mem := vfs.NewMem()
	r := newRig(t, mem, nil)
	r.create(50)
	r.create(50)
	disk := disktest.NewFull(mem, nil)
	failed := 0
	for k := 1; ; k++ {
		r.rows.apply(t, 1, 100)
		r.rows.compact(t)
		// The store itself writes to a disk that is not full.
		repo, err := openRepository(disk, storage.NewFolder(disk, "data/snapshots"), "full", r.log)
		if err != nil {
			t.Fatal(err)
		}
		disk.At(k)
		_, createErr := repo.Create(testkit.Context(t), r.rows, nil)
		_, pruneErr := repo.Prune(testkit.Context(t), snapshot.PruneOptions{Keep: 2})
		_, restoreErr := repo.Restore(testkit.Context(t), snapshot.Want{Stream: stream}, "restored", nil)
		reached := disk.Mend()
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
		if !reached {
			break
		}
		failed++
		for _, e := range r.list() {
			if _, err := r.repo.Verify(testkit.Context(t), e.ID, snapshot.VerifyOptions{}, nil); err != nil {
				t.Errorf("write %d failed: %v", k, err)
			}
		}
		if _, err := r.repo.Create(testkit.Context(t), r.rows, nil); err != nil {
			t.Errorf("after write %d failed: %v", k, err)
		}
	}
	t.Logf("%d faults", failed)
}
