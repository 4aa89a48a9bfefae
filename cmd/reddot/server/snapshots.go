package server

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/prometheus/client_golang/prometheus"

	"reddot/cmd/reddot/repository"
	"reddot/events"
	"reddot/projector"
	"reddot/projector/log"
	"reddot/projector/store"
	"reddot/snapshot"
	"reddot/snapshot/storage"
)

// snapshots takes the snapshots of a server. It implements snapshot.Source
// and snapshot.Log.
type snapshots struct {
	cfg      *Config
	subjects events.Subjects
	source   *projection
	repo     *snapshot.Repository
	began    time.Time
	log      *slog.Logger

	// scheduler is nil until the first projector is open: a status is asked for before.
	scheduler atomic.Pointer[snapshot.Scheduler]
	checked   atomic.Value // string: the checkpoint made last
}

// openSnapshots opens the place of a server's snapshots; nil if they are off. A
// bucket that has to be made is put on as many servers as the log is on, or on a
// number of them if that is more or was asked for.
func (s *Server) openSnapshots(ctx context.Context, conn *nats.Conn, replicas int) (*snapshots, error) {
	cfg := s.cfg
	if cfg.Snapshots == repository.Off {
		return nil, nil
	}
	js, err := jetstream.New(conn)
	if err != nil {
		return nil, err
	}
	place := cfg.place()
	ofLog := 0
	if _, ok := place.Bucket(); ok {
		if ofLog, err = logReplicas(ctx, js, s.subjects.CommandStream()); err != nil {
			return nil, err
		}
		if place.Replicas = replicas; cfg.Replicas == 0 {
			place.Replicas = max(replicas, ofLog)
		}
	}
	kept, err := place.Make(ctx, func() (jetstream.JetStream, error) { return js, nil })
	if err != nil {
		return nil, fmt.Errorf("open the snapshots: %w", err)
	}
	if b, ok := kept.(*storage.Bucket); ok && b.Replicas() < ofLog {
		s.log.Warn("the snapshots have fewer replicas than the log: a log that is trimmed would be lost with them", "bucket", b, "replicas", b.Replicas(), "log", ofLog)
	}
	taken := &snapshots{cfg: cfg, subjects: s.subjects, log: s.log, began: time.Now()}
	owner := ""
	if cfg.Snapshots == "" {
		owner = "serve" // the lock on the data folder, in which they are, sees to it that there is one
	}
	taken.repo, err = snapshot.Open(ctx, snapshot.Config{
		Storage: kept, Check: taken.check, Scratch: cfg.Data.ServerScratch(), Owner: owner,
		Program: cfg.Program, Logger: s.log,
	})
	return taken, err
}

// logReplicas is how many copies the log has, 0 if there is no log yet: what is
// kept for it, and of it where it is trimmed, has as many.
func logReplicas(ctx context.Context, js jetstream.JetStream, name string) (int, error) {
	stream, err := js.Stream(ctx, name)
	if errors.Is(err, jetstream.ErrStreamNotFound) {
		return 0, nil
	}
	if err != nil {
		return 0, fmt.Errorf("open stream %s: %w", name, err)
	}
	return stream.CachedInfo().Config.Replicas, nil
}

// restore implements projector.Config.Restore.
func (s *snapshots) restore(ctx context.Context, w projector.Wanted, dir string) error {
	m, err := s.repo.Restore(ctx, snapshot.Want{
		Stream: w.Log, AtMost: w.Last, First: w.First, Oldest: w.Oldest, StoreFormat: store.Format,
	}, dir, nil)
	if err == nil {
		s.log.Info("the store begins with a snapshot", "seq", m.Seq, "digest", m.Digest, "taken", m.Taken)
	}
	return err
}

// advise adds to the error of a store that is older than the log begins which
// snapshot to put in its place.
func (s *snapshots) advise(ctx context.Context, conn *nats.Conn, err error) error {
	var trimmed *log.TrimmedError
	if s == nil || !errors.As(err, &trimmed) {
		return err
	}
	js, e := jetstream.New(conn)
	if e != nil {
		return err
	}
	log, e := log.Find(ctx, js, s.subjects, s.log)
	if e != nil {
		return err
	}
	entries, e := s.repo.List(ctx)
	if e != nil {
		return err
	}
	for _, x := range entries {
		if x.Err == nil && x.Seq+1 >= trimmed.First && x.Manifest.Stream.Equal(log.Identity()) {
			return fmt.Errorf(`%w: "reddot snapshot restore %d" does that`, err, x.Seq)
		}
	}
	return fmt.Errorf("%w, which is not at the place of this server's snapshots: name the right one with --snapshots", err)
}

// attach makes s take the snapshots of a projection.
func (s *snapshots) attach(source *projection) error {
	p, err := source.running()
	if err != nil {
		return err
	}
	s.source = source
	cfg := snapshot.SchedulerConfig{
		Repository: s.repo, Source: s, Stream: p.Log().Identity(), Logger: s.log,
		EveryCommands: s.cfg.SnapshotEvery, Every: s.cfg.SnapshotInterval, Keep: s.cfg.SnapshotKeep,
	}
	if s.cfg.Trim {
		cfg.Log = s
	}
	scheduler, err := snapshot.NewScheduler(cfg)
	s.scheduler.Store(scheduler)
	return err
}

// last is the last snapshot that was taken or begun; nil if there was none.
func (s *snapshots) last() *events.Snapshot {
	scheduler := s.scheduler.Load()
	if scheduler == nil {
		return nil
	}
	return scheduler.Last()
}

// register shows the figures to Prometheus.
func (s *snapshots) register(registry *prometheus.Registry) error {
	gauge := func(o prometheus.Opts, f func() float64) prometheus.Collector {
		return prometheus.NewGaugeFunc(prometheus.GaugeOpts(o), f)
	}
	counter := func(o prometheus.Opts, f func() float64) prometheus.Collector {
		return prometheus.NewCounterFunc(prometheus.CounterOpts(o), f)
	}
	var err error
	for _, m := range []struct {
		kind       func(prometheus.Opts, func() float64) prometheus.Collector
		name, help string
		value      func(snapshot.Figures) float64
	}{
		{gauge, "reddot_snapshot_seq", "Seq of the last snapshot since the start.", func(f snapshot.Figures) float64 { return float64(f.Seq) }},
		{gauge, "reddot_snapshot_age_seconds", "Time since the newest snapshot, or since the start where there is none; 0 while it has all commands.", s.age},
		{gauge, "reddot_snapshot_interval_seconds", "Within what a snapshot is taken if there are commands; 0: not by time.", func(snapshot.Figures) float64 { return s.cfg.SnapshotInterval.Seconds() }},
		{gauge, "reddot_snapshot_bytes", "Size of the last snapshot.", func(f snapshot.Figures) float64 { return float64(f.Bytes) }},
		{gauge, "reddot_snapshot_seconds", "Time that the last snapshot took.", func(f snapshot.Figures) float64 { return f.Took.Seconds() }},
		{counter, "reddot_snapshots_taken_total", "Snapshots taken since the start.", func(f snapshot.Figures) float64 { return float64(f.Snapshots) }},
		{counter, "reddot_snapshots_failed_total", "Snapshots, prunes and trims that failed since the start.", func(f snapshot.Figures) float64 { return float64(f.Failures) }},
	} {
		err = errors.Join(err, registry.Register(m.kind(prometheus.Opts{Name: m.name, Help: m.help},
			func() float64 { return m.value(s.scheduler.Load().Figures()) })))
	}
	return err
}

// age is for how long there has been no snapshot that is owed.
func (s *snapshots) age(f snapshot.Figures) float64 {
	if s.Applied() <= f.Seq {
		return 0
	}
	taken := f.Taken
	if f.Seq == 0 {
		taken = s.began
	}
	return max(0, time.Since(taken).Seconds()) // the machine that took it may have another clock
}

// Applied implements snapshot.Source.
func (s *snapshots) Applied() events.Seq {
	p, err := s.source.running()
	if err != nil {
		return 0
	}
	return p.Applied()
}

// Checkpoint implements snapshot.Source.
func (s *snapshots) Checkpoint(dir string) error {
	p, err := s.source.running()
	if err != nil {
		return err
	}
	s.checked.Store(dir)
	return p.Checkpoint(dir)
}

// LogTime implements snapshot.Source.
func (s *snapshots) LogTime(ctx context.Context, seq events.Seq) (time.Time, error) {
	p, err := s.source.running()
	if err != nil {
		return time.Time{}, err
	}
	return p.Log().TimeOf(ctx, seq)
}

// check is repository.Check. Corruption in a checkpoint is corruption in the store itself,
// whose files it shares: it is rebuilt from scratch then.
func (s *snapshots) check(ctx context.Context, dir string, progress func(uint64)) (snapshot.State, error) {
	state, err := repository.Check(ctx, dir, progress)
	if errors.Is(err, store.ErrCorrupt) && s.checked.Load() == dir {
		if p, stopped := s.source.running(); stopped == nil {
			p.ReportCorrupt(err)
		}
	}
	return state, err
}

// Trimmable implements snapshot.Log.
func (s *snapshots) Trimmable(ctx context.Context) (first, upto events.Seq, err error) {
	p, err := s.source.running()
	if err != nil {
		return 0, 0, err
	}
	status, err := p.Status(ctx)
	if err != nil {
		return 0, 0, err
	}
	first, _, err = p.Log().Range(ctx)
	return first, status.Emitted, err
}

// Trim implements snapshot.Log.
func (s *snapshots) Trim(ctx context.Context, upto events.Seq) error {
	p, err := s.source.running()
	if err != nil {
		return err
	}
	return p.Log().Trim(ctx, upto)
}
