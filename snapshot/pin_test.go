package snapshot_test

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/google/go-cmp/cmp"

	"reddot/events"
	"reddot/snapshot"
	"reddot/snapshot/storage"
)

// expiry is how long the pin of a process that has crashed is in the way.
const expiry = time.Minute + 15*time.Second

// pass lets time go by.
func pass(d time.Duration) { <-time.After(d) }

// leave leaves the pin of an operation of another process in the storage, as a
// crash does, and returns its name.
func (r *rig) leave(owner string, operation func(*snapshot.Repository)) (name string) {
	r.t.Helper()
	place := &between{Storage: r.storage}
	var left []byte
	place.set(func(op, blob string) (err error) {
		if op == "delete" && strings.HasPrefix(blob, "pins/") {
			name = blob
			left, err = r.storage.Get(context.Background(), blob)
		}
		return err
	})
	repo, err := openRepository(r.fs, place, owner, r.log)
	if err != nil {
		r.t.Fatal(err)
	}
	operation(repo)
	if err := r.storage.Put(context.Background(), name, left); err != nil {
		r.t.Fatal(err)
	}
	return name
}

func prune(repo *snapshot.Repository) {
	_, _ = repo.Prune(context.Background(), snapshot.PruneOptions{Keep: 2})
}

// TestDeadPrune has a prune that crashed: a create waits until its pin has
// expired, and no longer.
func TestDeadPrune(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, vfs.NewMem(), nil)
		r.create(10)
		r.leave("dead", prune)
		began := time.Now()
		r.rows.apply(t, 10, 10)
		if _, err := r.repo.Create(context.Background(), r.rows, nil); err != nil {
			t.Fatal(err)
		}
		if waited := time.Since(began); waited < expiry || waited > expiry+5*time.Second {
			t.Errorf("waited %v", waited)
		}
		r.prune() // removes it
		r.checkClean()
	})
}

// TestDeadCreate has a create that crashed: pieces stay until its pin has
// expired.
func TestDeadCreate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, vfs.NewMem(), nil)
		for range 3 {
			r.create(10)
			r.rows.compact(t)
		}
		dead := r.leave("dead", func(repo *snapshot.Repository) { _, _ = repo.Create(context.Background(), r.rows, nil) })
		if p := r.prune(); !strings.Contains(p.Held, dead) || len(p.Removed) != 1 || p.Pieces != 0 {
			t.Errorf("%+v", p)
		}
		pass(expiry)
		if p := r.prune(); p.Held != "" || p.Pieces == 0 {
			t.Errorf("%+v", p)
		}
		r.checkPieces()
		r.checkClean()
	})
}

// TestInherit opens the repository as the process did that crashed: nothing is
// waited for.
func TestInherit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, vfs.NewMem(), nil)
		r.create(10)
		r.leave("owner", prune)
		began := time.Now()
		r.repo = r.open("owner")
		r.checkClean()
		if _, _, err := r.restore(snapshot.Want{}); err != nil || time.Since(began) > 0 {
			t.Errorf("%v after %v", err, time.Since(began))
		}
	})
}

// TestCorruptPin flips a bit of a live pin: it counts as held, by the prune's
// result it is named, and after an hour it is removed.
func TestCorruptPin(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, vfs.NewMem(), nil)
		for range 4 {
			r.create(10)
			r.rows.compact(t)
		}
		var ids []string
		for _, e := range r.list() {
			ids = append(ids, e.ID)
		}
		read := r.leave("dead", func(repo *snapshot.Repository) {
			_, _ = repo.Verify(context.Background(), ids[3], snapshot.VerifyOptions{}, nil)
		})
		r.alter(read, flip(333))
		pass(30 * time.Minute)
		p := r.prune()
		if diff := cmp.Diff(ids, p.Kept); diff != "" || !strings.Contains(p.Held, read) || !r.log.Has("a pin cannot be read", read) {
			t.Errorf("%+v: %s", p, diff)
		}
		pass(time.Hour)
		if p := r.prune(); len(p.Removed) != 2 || p.Held != "" {
			t.Errorf("%+v", p)
		}
		r.checkPieces()
		r.checkClean()
	})
}

// lapse lets the pins of a storage lapse before the first op on a blob that
// begins so, and has them renewed before it goes on.
func (b *between) lapse(op, prefix string) {
	var away, done atomic.Bool
	b.set(func(o, name string) error {
		if o == "put" && strings.HasPrefix(name, "pins/") && away.Load() {
			return errors.New("away")
		}
		if o == op && strings.HasPrefix(name, prefix) && done.CompareAndSwap(false, true) {
			away.Store(true)
			pass(2 * expiry)
			away.Store(false)
			pass(10 * time.Second) // renewed by then
		}
		return nil
	})
}

// TestSlowPrune has a prune whose storage is away for longer than its pin
// holds, while someone creates a snapshot of what it was about to delete: it
// deletes no more.
func TestSlowPrune(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fs := vfs.NewMem()
		place := &between{Storage: storage.NewFolder(fs, "data/snapshots")}
		r := newRig(t, fs, place)
		if err := r.repo.Remove(context.Background(), r.create(500).Manifest.ID()); err != nil {
			t.Fatal(err)
		}
		place.lapse("delete", "pieces/")
		done := make(chan struct{})
		go func() {
			defer close(done)
			pass(expiry + time.Minute)
			other, err := openRepository(fs, place.Storage, "other", r.log)
			if err != nil {
				t.Error(err)
			}
			c, err := other.Create(context.Background(), r.rows, nil)
			if err != nil || c.NewBytes > c.Manifest.Bytes/2 {
				t.Errorf("%+v, %v", c, err)
			}
		}()
		p, err := r.repo.Prune(context.Background(), snapshot.PruneOptions{Keep: 2})
		if err == nil || !strings.Contains(err.Error(), "renewed in time") || p.Pieces != 0 {
			t.Errorf("%+v, %v", p, err)
		}
		<-done
		r.checkSeqs(500)
		r.verifyAll()
		r.prune()
		r.checkPieces()
		r.checkClean()
	})
}

// TestSlowCreate has a create whose storage is away for longer than its pin
// holds, at the worst moment, while someone prunes what it counts on: it finds
// out, and stores it again.
func TestSlowCreate(t *testing.T) {
	for _, at := range []string{"pieces/", "manifests/"} {
		synctest.Test(t, func(t *testing.T) {
			fs := vfs.NewMem()
			place := &between{Storage: storage.NewFolder(fs, "data/snapshots")}
			r := newRig(t, fs, place)
			if err := r.repo.Remove(context.Background(), r.create(500).Manifest.ID()); err != nil {
				t.Fatal(err)
			}
			place.lapse("put", at)
			done := make(chan struct{})
			go func() {
				defer close(done)
				pass(expiry + time.Minute)
				other, err := openRepository(fs, place.Storage, "other", r.log)
				if err != nil {
					t.Error(err)
				}
				p, err := other.Prune(context.Background(), snapshot.PruneOptions{Keep: 2})
				if err != nil || p.Pieces == 0 || p.Held != "" {
					t.Errorf("%+v, %v", p, err)
				}
			}()
			r.rows.apply(t, 1, 100)
			c, err := r.repo.Create(context.Background(), r.rows, nil)
			if err != nil {
				t.Fatal(err)
			}
			<-done
			if c.NewBytes < c.Manifest.Bytes*9/10 {
				t.Errorf("%+v", c)
			}
			if diff := cmp.Diff([]events.Seq{501}, r.seqs()); diff != "" {
				t.Error(diff)
			}
			r.verifyAll()
			r.prune()
			r.checkClean()
		})
	}
}
