package snapshot_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/google/go-cmp/cmp"

	"reddot/events"
	"reddot/projector/testkit"
	"reddot/snapshot"
	"reddot/snapshot/storage"
)

// between is a storage that does something before its calls, or fails them.
type between struct {
	storage.Storage
	mu   sync.Mutex
	call func(op, name string) error // nil: nothing
}

func (b *between) before(op, name string) error {
	b.mu.Lock()
	call := b.call
	b.mu.Unlock()
	if call == nil {
		return nil
	}
	return call(op, name)
}

func (b *between) set(call func(op, name string) error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.call = call
}

func (b *between) Put(ctx context.Context, name string, data []byte) error {
	if err := b.before("put", name); err != nil {
		return err
	}
	return b.Storage.Put(ctx, name, data)
}

func (b *between) Get(ctx context.Context, name string) ([]byte, error) {
	if err := b.before("get", name); err != nil {
		return nil, err
	}
	return b.Storage.Get(ctx, name)
}

func (b *between) Delete(ctx context.Context, names ...string) error {
	for _, name := range names {
		if err := b.before("delete", name); err != nil {
			return err
		}
	}
	return b.Storage.Delete(ctx, names...)
}

// once calls do before the first op on a name that begins so.
func (b *between) once(op, prefix string, do func()) {
	var done atomic.Bool
	b.set(func(o, name string) error {
		if o == op && strings.HasPrefix(name, prefix) && done.CompareAndSwap(false, true) {
			do()
		}
		return nil
	})
}

// TestPruneWhileCreating prunes between the calls of a Create: what the new
// snapshot counts on stays.
func TestPruneWhileCreating(t *testing.T) {
	for _, at := range []string{"pieces/", "manifests/"} {
		fs := vfs.NewMem()
		place := &between{Storage: storage.NewFolder(fs, "data/snapshots")}
		r := newRig(t, fs, place)
		one := r.create(100).Manifest
		// All pieces of the new one that are there already belong to a snapshot
		// that is pruned, or to none.
		if err := r.repo.Remove(testkit.Context(t), one.ID()); err != nil {
			t.Fatal(err)
		}
		var pruned snapshot.Pruned
		place.once("put", at, func() { pruned = r.prune() })
		c := r.create(1)
		if !strings.Contains(pruned.Held, "being created") || c.NewPieces >= c.Manifest.Pieces {
			t.Errorf("%s: %+v while creating %+v", at, pruned, c)
		}
		r.verifyAll()
		r.prune()
		r.checkPieces()
		r.checkClean()
	}
}

// TestPruneWhileReading prunes between the calls of a Restore and of a Verify:
// the snapshot that they read stays, with its pieces.
func TestPruneWhileReading(t *testing.T) {
	for name, read := range map[string]func(*rig, string) error{
		"restore": func(r *rig, id string) error { _, _, err := r.restore(snapshot.Want{AtMost: 20}); return err },
		"verify": func(r *rig, id string) error {
			_, err := r.repo.Verify(testkit.Context(r.t), id, snapshot.VerifyOptions{}, nil)
			return err
		},
	} {
		for _, at := range []string{"pieces/", "manifests/"} {
			fs := vfs.NewMem()
			place := &between{Storage: storage.NewFolder(fs, "data/snapshots")}
			r := newRig(t, fs, place)
			var ids []string
			for range 4 {
				ids = append(ids, r.create(10).Manifest.ID())
				r.rows.compact(t)
			}
			var pruned snapshot.Pruned
			var removed error
			place.once("get", at, func() {
				pruned = r.prune()
				removed = r.repo.Remove(testkit.Context(t), ids[1])
			})
			if err := read(r, ids[1]); err != nil {
				t.Errorf("%s: %v", name, err)
			}
			if diff := cmp.Diff([]string{ids[3], ids[2], ids[1]}, pruned.Kept[:3]); diff != "" || !errors.Is(removed, snapshot.ErrBusy) {
				t.Errorf("%s: %v%s", name, removed, diff)
			}
			r.prune()
			if diff := cmp.Diff([]events.Seq{40, 30}, r.seqs()); diff != "" {
				t.Error(diff)
			}
			r.checkPieces()
			r.checkClean()
		}
	}
}

// torn is a storage whose listings of everything are not of one moment, as
// those of a folder are not: they come folder by folder.
type torn struct {
	storage.Storage
	order  []string
	middle func() // called before the last folder
	waits  func() // called when the pins are listed for the second time
	pins   int
}

func (s *torn) List(ctx context.Context, prefix string) ([]storage.Blob, error) {
	if prefix != "" {
		if s.pins++; s.pins == 2 {
			s.waits()
		}
		return s.Storage.List(ctx, prefix)
	}
	var all []storage.Blob
	for i, folder := range s.order {
		if i == len(s.order)-1 {
			s.middle()
		}
		blobs, err := s.Storage.List(ctx, folder)
		if err != nil {
			return nil, err
		}
		all = append(all, blobs...)
	}
	slices.SortFunc(all, func(a, b storage.Blob) int { return strings.Compare(a.Name, b.Name) })
	return all, nil
}

// orders are orders in which a folder may be listed.
var orders = [][]string{
	{"manifests/", "pieces/", "pins/"}, {"pins/", "pieces/", "manifests/"},
	{"pieces/", "pins/", "manifests/"}, {"manifests/", "pins/", "pieces/"},
}

// TestTornPrune ends a Create in the middle of the listing of a Prune.
func TestTornPrune(t *testing.T) {
	for _, order := range orders {
		fs := vfs.NewMem()
		place := &between{Storage: storage.NewFolder(fs, "data/snapshots")}
		r := newRig(t, fs, place)
		r.create(10)
		r.rows.compact(t)
		publishing, publish, published := make(chan struct{}), make(chan struct{}), make(chan struct{})
		place.once("put", "manifests/", func() { close(publishing); <-publish })
		go func() { defer close(published); r.create(10) }()
		<-publishing
		end := func() { close(publish); <-published }
		repo, err := openRepository(fs, &torn{Storage: place, order: order, middle: end, waits: func() {}}, "", r.log)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := repo.Prune(testkit.Context(t), snapshot.PruneOptions{Keep: 2}); err != nil {
			t.Error(err)
		}
		if diff := cmp.Diff([]events.Seq{20, 10}, r.seqs()); diff != "" {
			t.Error(diff)
		}
		r.verifyAll()
	}
}

// TestTornCreate ends a Prune in the middle of the listing of a Create, or
// while the Create waits for it.
func TestTornCreate(t *testing.T) {
	for _, order := range orders {
		fs := vfs.NewMem()
		place := &between{Storage: storage.NewFolder(fs, "data/snapshots")}
		r := newRig(t, fs, place)
		if err := r.repo.Remove(testkit.Context(t), r.create(100).Manifest.ID()); err != nil {
			t.Fatal(err)
		}
		deleting, remove, removed := make(chan struct{}), make(chan struct{}), make(chan struct{})
		place.once("delete", "pieces/", func() { close(deleting); <-remove })
		go func() { defer close(removed); r.prune() }()
		<-deleting
		var once sync.Once
		end := func() { once.Do(func() { close(remove); <-removed }) }
		repo, err := openRepository(fs, &torn{Storage: place, order: order, middle: end, waits: end}, "", r.log)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := repo.Create(testkit.Context(t), r.rows, nil); err != nil {
			t.Error(err)
		}
		r.verifyAll()
	}
}

// TestTogether creates, prunes, restores and verifies from several goroutines
// of two processes at once.
func TestTogether(t *testing.T) {
	r := newRig(t, vfs.NewMem(), nil)
	r.create(10)
	r.create(10)
	r.together(12)
}

// together runs rounds of everything at once, and checks what is left.
func (r *rig) together(rounds int) {
	r.t.Helper()
	other := r.open("other")
	stop := make(chan struct{})
	var creator, others sync.WaitGroup
	creator.Go(func() {
		defer close(stop)
		for range rounds {
			r.rows.apply(r.t, 5, 500)
			r.rows.compact(r.t)
			if _, err := r.repo.Create(testkit.Context(r.t), r.rows, nil); err != nil {
				r.t.Errorf("create: %v", err)
			}
		}
	})
	always := func(what string, do func(i int) error) {
		others.Go(func() {
			for i := 0; ; i++ {
				select {
				case <-stop:
					return
				default:
				}
				if err := do(i); err != nil {
					r.t.Errorf("%s: %v", what, err)
				}
			}
		})
	}
	always("prune", func(int) error {
		_, err := other.Prune(testkit.Context(r.t), snapshot.PruneOptions{Keep: 2})
		return err
	})
	always("restore", func(i int) error {
		_, err := other.Restore(testkit.Context(r.t), snapshot.Want{Stream: stream}, fmt.Sprintf("data/store/together-%d", i), nil)
		return err
	})
	always("verify", func(int) error {
		entries, err := r.repo.List(testkit.Context(r.t))
		if err != nil {
			return err
		}
		_, err = r.repo.Verify(testkit.Context(r.t), entries[0].ID, snapshot.VerifyOptions{}, nil)
		if errors.Is(err, snapshot.ErrNotFound) { // pruned between the two
			return nil
		}
		return err
	})
	creator.Wait()
	others.Wait()
	r.prune()
	r.verifyAll()
	r.checkPieces()
	r.checkClean()
}
