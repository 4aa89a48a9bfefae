package snapshot_test

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"reddot/events"
	"reddot/projector/fold"
	"reddot/projector/store"
	"reddot/projector/store/inspect"
	"reddot/projector/testkit"
	"reddot/projector/twin"
	"reddot/snapshot"
	"reddot/snapshot/storage"
)

// projection is reddot's own store.
type projection struct {
	t       testing.TB
	store   *store.Store
	applied atomic.Uint64
}

var identity = events.StreamID{Name: stream.Name, Created: stream.Created}

func openProjection(t testing.TB, fs vfs.FS, dir string) *projection {
	t.Helper()
	s, err := store.Open(store.Config{Dir: dir, FS: fs, Identity: identity})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return &projection{t: t, store: s}
}

// fold folds the entries after the store's position, and commits now and then.
func (p *projection) fold(log []store.Entry) {
	p.t.Helper()
	var fx fold.Effects
	for i := range log {
		if log[i].Seq <= p.store.Position().Applied {
			continue
		}
		if err := p.store.Apply(&log[i], &fx); err != nil {
			p.t.Fatal(err)
		}
		if i%100 == 99 || i == len(log)-1 {
			if _, err := p.store.Commit(); err != nil {
				p.t.Fatal(err)
			}
			p.applied.Store(uint64(log[i].Seq))
		}
	}
}

// Applied implements snapshot.Source.
func (p *projection) Applied() events.Seq { return events.Seq(p.applied.Load()) }

// Checkpoint implements snapshot.Source.
func (p *projection) Checkpoint(dir string) error { return p.store.Checkpoint(dir) }

// LogTime implements snapshot.Source.
func (p *projection) LogTime(context.Context, events.Seq) (time.Time, error) {
	return time.Time{}, nil
}

// TestStore takes snapshots of reddot's own store while it folds random
// commands. Each restored one, with the rest of the log folded, has the digest
// of the store that was never restored.
func TestStore(t *testing.T) {
	fs := vfs.NewMem()
	if err := fs.MkdirAll("data/store", 0o755); err != nil {
		t.Fatal(err)
	}
	p := openProjection(t, fs, "data/store/1")
	log := make([]store.Entry, testkit.Effort(5_000))
	g := twin.NewGenerator(testkit.Seed(t), twin.Config{})
	for i := range log {
		log[i].Seq = events.Seq(i + 1)
		g.Next(&log[i].Command)
		log[i].Time = g.Now()
	}
	repo, err := snapshot.Open(testkit.Context(t), snapshot.Config{
		Storage: storage.NewFolder(fs, "data/snapshots"), FS: fs, Scratch: "data/scratch",
		Check: func(ctx context.Context, dir string, progress func(uint64)) (snapshot.State, error) {
			info, err := inspect.Check(ctx, fs, dir, progress)
			return snapshot.State{
				Stream: info.Identity, Seq: info.Position.Applied,
				Digest: info.Position.Digest(), Format: uint64(info.Format),
			}, err
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	folded := make(chan struct{})
	first, taken := make(chan struct{}), make(chan error, 1)
	go func() {
		for n := 0; ; n++ {
			_, err := repo.Create(testkit.Context(t), p, nil)
			if n == 0 {
				close(first)
			}
			select {
			case <-folded:
			default:
				if err == nil {
					continue
				}
			}
			taken <- err
			return
		}
	}()
	p.fold(log[:len(log)/2])
	<-first
	p.fold(log)
	close(folded)
	if err := <-taken; err != nil {
		t.Fatal(err)
	}
	if _, err := repo.Create(testkit.Context(t), p, nil); err != nil {
		t.Fatal(err)
	}
	entries, err := repo.List(testkit.Context(t))
	if err != nil || len(entries) < 2 {
		t.Fatalf("%d snapshots, %v", len(entries), err)
	}
	t.Logf("%d snapshots", len(entries))
	for i, e := range entries {
		if i > 0 && i < len(entries)-5 {
			continue
		}
		if e.Err != nil {
			t.Fatal(e.Err)
		}
		dir := "data/store/" + e.ID
		if _, err := repo.Restore(testkit.Context(t), snapshot.Want{Stream: stream, ID: e.ID}, dir, nil); err != nil {
			t.Fatal(err)
		}
		restored := openProjection(t, fs, dir)
		if at := restored.store.Position(); at.Applied != e.Seq || at.Digest() != e.Manifest.Digest {
			t.Errorf("snapshot %s opens at %d with %s", e.ID, at.Applied, at.Digest())
		}
		restored.fold(log)
		if got, want := restored.store.Position().Digest(), p.store.Position().Digest(); got != want {
			t.Errorf("snapshot %s with the rest of the log has digest %s, not %s", e.ID, got, want)
		}
	}
}
