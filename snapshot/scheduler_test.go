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

// schedule runs a Scheduler in a bubble of synctest, until stop.
func (r *rig) schedule(cfg snapshot.SchedulerConfig) (s *snapshot.Scheduler, stop func()) {
	r.t.Helper()
	cfg.Repository, cfg.Source, cfg.Stream, cfg.Keep = r.repo, r.rows, stream, 2
	cfg.Logger = slog.New(slog.NewTextHandler(r.log, nil))
	s, err := snapshot.NewScheduler(cfg)
	if err != nil {
		r.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx) }()
	return s, func() {
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

// trimmed is a command stream that is trimmed. It implements snapshot.Log.
type trimmed struct {
	first, emitted events.Seq
	fails          error // of being asked
	applied        func() events.Seq
	asked          []events.Seq // what was applied when it was asked
	cuts           []events.Seq // up to where it was trimmed
}

func (l *trimmed) Trimmable(context.Context) (first, upto events.Seq, err error) {
	l.asked = append(l.asked, l.applied())
	return l.first, l.emitted, l.fails
}

func (l *trimmed) Trim(_ context.Context, upto events.Seq) error {
	l.cuts = append(l.cuts, upto)
	l.first = upto + 1
	return nil
}

// TestScheduler takes snapshots by number and by time, and prunes.
func TestScheduler(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, vfs.NewMem(), nil)
		log := &trimmed{fails: errors.New("not now"), applied: r.rows.Applied}
		s, stop := r.schedule(snapshot.SchedulerConfig{EveryCommands: 100, Every: time.Hour, Log: log})
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
		if diff := cmp.Diff([]events.Seq{1, 101, 102}, log.asked); diff != "" {
			t.Error(diff)
		}
		f := s.Figures()
		if f.Seq != 102 || f.Snapshots != 3 || f.Failures != 3 || f.Err != "not now" || f.Bytes == 0 || f.NewBytes == 0 || f.Running || f.Taken.IsZero() {
			t.Errorf("%+v", f)
		}
		// Another one knows the newest.
		s, stop = r.schedule(snapshot.SchedulerConfig{Every: 4 * time.Hour})
		r.rows.apply(t, 1, 10)
		pass(time.Hour)
		r.checkSeqs(102, 101)
		if f := s.Figures(); f.Seq != 102 || f.Bytes == 0 {
			t.Errorf("%+v", f)
		}
		pass(time.Hour)
		r.checkSeqs(103, 102)
		stop()
		r.checkClean()
	})
}

// TestSchedulerTrims: after each snapshot the log loses what is in the older of the
// two newest, but no command of which events may have to be emitted still.
func TestSchedulerTrims(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, vfs.NewMem(), nil)
		log := &trimmed{first: 1, emitted: 25, applied: r.rows.Applied}
		s, stop := r.schedule(snapshot.SchedulerConfig{EveryCommands: 10, Log: log})
		for range 5 {
			r.rows.apply(t, 10, 10)
			pass(2 * time.Second)
		}
		stop()
		if diff := cmp.Diff([]events.Seq{10, 20, 25}, log.cuts); diff != "" || s.Figures().Failures > 0 {
			t.Errorf("%s%+v", diff, s.Figures())
		}
		r.checkClean()
	})
}

// TestSchedulerFails has a store that can't be read: the snapshot is tried again,
// ever more rarely, and taken once it can.
func TestSchedulerFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, vfs.NewMem(), nil)
		s, stop := r.schedule(snapshot.SchedulerConfig{EveryCommands: 10})
		bad := errors.New("bad sector")
		r.rows.fail(bad)
		r.rows.apply(t, 10, 10)
		pass(time.Hour)
		f := s.Figures()
		if f.Failures < 8 || f.Failures > 12 || !strings.Contains(f.Err, "bad sector") || f.Snapshots != 0 {
			t.Errorf("%+v", f)
		}
		if _, err := s.Now(context.Background()); !errors.Is(err, bad) {
			t.Error(err)
		}
		r.rows.fail(nil)
		pass(11 * time.Minute)
		if f := s.Figures(); f.Seq != 10 || f.Err != "" || f.Snapshots != 1 {
			t.Errorf("%+v", f)
		}
		if !r.log.Has("level=ERROR", "no snapshot was taken", "bad sector") {
			t.Error("not logged")
		}
		stop()
		r.checkClean()
	})
}

// TestNow asks for snapshots: those who ask together share one, and each
// gets what was applied when it asked.
func TestNow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fs := vfs.NewMem()
		place := &between{Storage: storage.NewFolder(fs, "data/snapshots")}
		r := newRig(t, fs, place)
		s, stop := r.schedule(snapshot.SchedulerConfig{})
		r.rows.apply(t, 10, 10)
		var asking sync.WaitGroup
		ask := func(want events.Seq) {
			asking.Go(func() {
				c, err := s.Now(context.Background())
				if err != nil || c.Manifest.Seq != want {
					t.Errorf("asked at %d: %+v, %v", want, c, err)
				}
			})
		}
		// While the first one is being stored, more is applied, and more ask.
		place.once("put", "manifests/", func() {
			if f := s.Figures(); !f.Running || f.Progress.Step != snapshot.StepUpload || f.Progress.Done != f.Progress.Total {
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
		if f := s.Figures(); f.Snapshots != 2 {
			t.Errorf("%+v", f)
		}
		c, err := s.Now(context.Background())
		if err != nil || !c.Existing {
			t.Errorf("%+v, %v", c, err)
		}
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		if _, err := s.Now(ctx); !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
		stop()
		if _, err := s.Now(context.Background()); !errors.Is(err, snapshot.ErrStopped) {
			t.Error(err)
		}
		r.checkClean()
	})
}

// TestBegin begins a snapshot without waiting for it: who asks meanwhile joins it,
// and finds that it is there, also when another one was taken before the next look.
func TestBegin(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fs := vfs.NewMem()
		place := &between{Storage: storage.NewFolder(fs, "data/snapshots")}
		r := newRig(t, fs, place)
		s, stop := r.schedule(snapshot.SchedulerConfig{EveryCommands: 10})
		if last := s.Last(); last != nil {
			t.Errorf("before the first: %+v", last)
		}
		r.rows.apply(t, 5, 10)
		place.once("put", "manifests/", func() {
			last, again := s.Last(), s.Begin(context.Background())
			if last.State != events.Running || last.Run == "" || last.Done == 0 || last.Bytes < last.Done || again.Run != last.Run {
				t.Errorf("while it is taken: %+v, begun again: %+v", last, again)
			}
		})
		begun := s.Begin(context.Background())
		pass(2 * time.Second)
		check := func(seq events.Seq) {
			t.Helper()
			last := s.Last()
			if last.State != events.Done || last.Run != begun.Run || last.Seq != seq || last.Bytes == 0 || last.Ended < last.Started {
				t.Errorf("begun as %+v, and then, want seq %d: %+v", begun, seq, last)
			}
		}
		check(5)
		r.rows.apply(t, 10, 10)
		pass(2 * time.Second)
		check(15)
		r.rows.fail(errors.New("bad sector"))
		r.rows.apply(t, 1, 10)
		next := s.Begin(context.Background())
		pass(2 * time.Second)
		if last := s.Last(); next.Run == begun.Run || last.Run != next.Run || last.State != events.Failed || !strings.Contains(last.Error, "bad sector") {
			t.Errorf("begun as %+v, and then: %+v", next, last)
		}
		stop()
		if late := s.Begin(context.Background()); late.State != events.Failed || late.Error != snapshot.ErrStopped.Error() {
			t.Errorf("begun after the end: %+v", late)
		}
	})
}

// TestSchedulerConfig refuses what can't work.
func TestSchedulerConfig(t *testing.T) {
	r := newRig(t, vfs.NewMem(), nil)
	for _, cfg := range []snapshot.SchedulerConfig{
		{Keep: 2}, {Repository: r.repo, Source: r.rows, Keep: 1}, {Repository: r.repo, Source: r.rows, Keep: 2, Every: -1},
	} {
		if _, err := snapshot.NewScheduler(cfg); err == nil {
			t.Errorf("%+v", cfg)
		}
	}
}
