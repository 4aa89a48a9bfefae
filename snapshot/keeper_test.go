package snapshot_test

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/google/go-cmp/cmp"

	"reddot/events"
	"reddot/snapshot"
	"reddot/snapshot/storage"
)

// keep runs a Keeper in a bubble of synctest, until stop.
func (r *rig) keep(cfg snapshot.KeeperConfig) (k *snapshot.Keeper, stop func()) {
	r.t.Helper()
	cfg.Repository, cfg.Source, cfg.Stream, cfg.Keep = r.repo, r.rows, stream, 2
	cfg.Logger = slog.New(slog.NewTextHandler(r.log, nil))
	k, err := snapshot.NewKeeper(cfg)
	if err != nil {
		r.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- k.Run(ctx) }()
	return k, func() {
		r.t.Helper()
		cancel()
		if err := <-done; err != nil {
			r.t.Error(err)
		}
	}
}

// checkSeqs compares the seqs of the snapshots.
func (r *rig) checkSeqs(want ...events.Seq) {
	r.t.Helper()
	if diff := cmp.Diff(want, r.seqs()); diff != "" {
		r.t.Error(diff)
	}
}

// TestKeeper takes snapshots by number and by time, and prunes.
func TestKeeper(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, vfs.NewMem(), nil)
		var taken []events.Seq
		k, stop := r.keep(snapshot.KeeperConfig{
			EveryCommands: 100, Every: time.Hour,
			Taken: func(_ context.Context, c snapshot.Created) error {
				taken = append(taken, c.Manifest.Seq)
				return errors.New("not now")
			},
		})
		pass(2 * time.Hour) // nothing is applied
		r.checkSeqs()
		r.rows.apply(t, 1, 10)
		pass(2 * time.Second)
		r.checkSeqs(1)
		r.rows.apply(t, 99, 10)
		pass(30 * time.Minute)
		r.checkSeqs(1)
		r.rows.apply(t, 1, 10)
		pass(2 * time.Second)
		r.checkSeqs(101, 1)
		r.rows.apply(t, 1, 10)
		pass(time.Hour)
		r.checkSeqs(102, 101)
		pass(2 * time.Hour)
		r.checkSeqs(102, 101)
		stop()
		if diff := cmp.Diff([]events.Seq{1, 101, 102}, taken); diff != "" {
			t.Error(diff)
		}
		f := k.Figures()
		if f.Seq != 102 || f.Snapshots != 3 || f.Failures != 3 || f.Err != "not now" || f.Bytes == 0 || f.NewBytes == 0 || f.Running || f.Taken.IsZero() {
			t.Errorf("%+v", f)
		}
		// Another one knows the newest.
		k, stop = r.keep(snapshot.KeeperConfig{Every: 4 * time.Hour})
		r.rows.apply(t, 1, 10)
		pass(time.Hour)
		r.checkSeqs(102, 101)
		if f := k.Figures(); f.Seq != 102 || f.Bytes == 0 {
			t.Errorf("%+v", f)
		}
		pass(time.Hour)
		r.checkSeqs(103, 102)
		stop()
		r.checkClean()
	})
}

// TestKeeperFails has a store that can't be read: the snapshot is tried again,
// ever more rarely, and taken once it can.
func TestKeeperFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, vfs.NewMem(), nil)
		k, stop := r.keep(snapshot.KeeperConfig{EveryCommands: 10})
		bad := errors.New("bad sector")
		r.rows.fail(bad)
		r.rows.apply(t, 10, 10)
		pass(time.Hour)
		f := k.Figures()
		if f.Failures < 8 || f.Failures > 12 || !strings.Contains(f.Err, "bad sector") || f.Snapshots != 0 {
			t.Errorf("%+v", f)
		}
		if _, err := k.Now(context.Background()); !errors.Is(err, bad) {
			t.Error(err)
		}
		r.rows.fail(nil)
		pass(11 * time.Minute)
		if f := k.Figures(); f.Seq != 10 || f.Err != "" || f.Snapshots != 1 {
			t.Errorf("%+v", f)
		}
		if !r.log.Has("level=ERROR", "no snapshot was taken", "bad sector") {
			t.Error("not logged")
		}
		stop()
		r.checkClean()
	})
}

// TestKeeperNow asks for snapshots: those who ask together share one, and each
// gets what was applied when it asked.
func TestKeeperNow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fs := vfs.NewMem()
		place := &between{Storage: storage.NewFolder(fs, "data/snapshots")}
		r := newRig(t, fs, place)
		k, stop := r.keep(snapshot.KeeperConfig{})
		r.rows.apply(t, 10, 10)
		var asking sync.WaitGroup
		ask := func(want events.Seq) {
			asking.Go(func() {
				c, err := k.Now(context.Background())
				if err != nil || c.Manifest.Seq != want {
					t.Errorf("asked at %d: %+v, %v", want, c, err)
				}
			})
		}
		// While the first one is being stored, more is applied, and more ask.
		place.once("put", "manifests/", func() {
			if f := k.Figures(); !f.Running || f.Progress.Step != snapshot.StepUpload || f.Progress.Done != f.Progress.Total {
				t.Errorf("%+v", f)
			}
			ask(10) // what is being taken will do
			synctest.Wait()
			r.rows.apply(t, 5, 10)
			for range 5 {
				ask(15)
			}
			synctest.Wait()
		})
		for range 5 {
			ask(10)
		}
		asking.Wait()
		r.checkSeqs(15, 10)
		if f := k.Figures(); f.Snapshots != 2 {
			t.Errorf("%+v", f)
		}
		c, err := k.Now(context.Background())
		if err != nil || !c.Existing {
			t.Errorf("%+v, %v", c, err)
		}
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		if _, err := k.Now(ctx); !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
		stop()
		if _, err := k.Now(context.Background()); !errors.Is(err, snapshot.ErrStopped) {
			t.Error(err)
		}
		r.checkClean()
	})
}

// TestKeeperConfig refuses what can't work.
func TestKeeperConfig(t *testing.T) {
	r := newRig(t, vfs.NewMem(), nil)
	for _, cfg := range []snapshot.KeeperConfig{
		{Keep: 2}, {Repository: r.repo, Source: r.rows, Keep: 1}, {Repository: r.repo, Source: r.rows, Keep: 2, Every: -1},
	} {
		if _, err := snapshot.NewKeeper(cfg); err == nil {
			t.Errorf("%+v", cfg)
		}
	}
}
