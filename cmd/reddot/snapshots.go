package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/nats-io/nuid"
	"github.com/prometheus/client_golang/prometheus"

	"reddot/cmd/reddot/datadir"
	"reddot/cmd/reddot/repository"
	"reddot/events"
	"reddot/projector"
	"reddot/projector/log"
	"reddot/projector/store"
	"reddot/snapshot"
	"reddot/snapshot/storage"
)

// snapshots takes the snapshots of a server. It implements snapshot.Source.
type snapshots struct {
	cfg    *serveConfig
	source *projection
	repo   *snapshot.Repository
	log    *slog.Logger

	keeper  *snapshot.Keeper
	checked atomic.Value // string: the checkpoint made last

	asked sync.WaitGroup // snapshots asked for that are being taken

	mu   sync.Mutex
	last *events.Snapshot // nil: none since the start
}

// run takes snapshots until ctx ends.
func (s *snapshots) run(ctx context.Context) error {
	err := s.keeper.Run(ctx)
	s.asked.Wait()
	return err
}

// openSnapshots opens the place of a server's snapshots; nil if they are off. A
// bucket that has to be made is put on as many servers as the log is on, or on a
// number of them if that is more or was asked for.
func openSnapshots(ctx context.Context, cfg *serveConfig, conn *nats.Conn, replicas int, log *slog.Logger) (*snapshots, error) {
	if cfg.snapshots == repository.Off {
		return nil, nil
	}
	js, err := jetstream.New(conn)
	if err != nil {
		return nil, err
	}
	place := repository.Place{Data: datadir.Dir(cfg.data), At: cfg.snapshots}
	ofLog := 0
	if _, ok := place.Bucket(); ok {
		if ofLog, err = logReplicas(ctx, js, cfg.prefix); err != nil {
			return nil, err
		}
		if place.Replicas = replicas; cfg.replicas == 0 {
			place.Replicas = max(replicas, ofLog)
		}
	}
	kept, err := place.Make(ctx, func() (jetstream.JetStream, error) { return js, nil })
	if err != nil {
		return nil, fmt.Errorf("open the snapshots: %w", err)
	}
	if b, ok := kept.(*storage.Bucket); ok && b.Replicas() < ofLog {
		log.Warn("the snapshots have fewer replicas than the log: a log that is trimmed would be lost with them", "bucket", b, "replicas", b.Replicas(), "log", ofLog)
	}
	s := &snapshots{cfg: cfg, log: log}
	owner := ""
	if cfg.snapshots == "" {
		owner = "serve" // the lock on the data folder, in which they are, sees to it that there is one
	}
	s.repo, err = snapshot.Open(ctx, snapshot.Config{
		Storage: kept, Check: s.check, Scratch: datadir.Dir(cfg.data).ServerScratch(), Owner: owner,
		Program: version(), Logger: log,
	})
	return s, err
}

// logReplicas is how many copies the log has, 0 if there is no log yet: what is
// kept for it, and of it where it is trimmed, has as many.
func logReplicas(ctx context.Context, js jetstream.JetStream, prefix string) (int, error) {
	subjects, err := events.NewSubjects(prefix)
	if err != nil {
		return 0, err
	}
	stream, err := js.Stream(ctx, subjects.CommandStream())
	if errors.Is(err, jetstream.ErrStreamNotFound) {
		return 0, nil
	}
	if err != nil {
		return 0, fmt.Errorf("open stream %s: %w", subjects.CommandStream(), err)
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
	subjects, e := events.NewSubjects(s.cfg.prefix)
	if e != nil {
		return err
	}
	log, e := log.Find(ctx, js, subjects, s.log)
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

// of makes s take the snapshots of a projection.
func (s *snapshots) of(source *projection) error {
	p, err := source.running()
	if err != nil {
		return err
	}
	s.source = source
	s.keeper, err = snapshot.NewKeeper(snapshot.KeeperConfig{
		Repository: s.repo, Source: s, Stream: p.Log().Identity(), Logger: s.log,
		EveryCommands: s.cfg.snapshotEvery, Every: s.cfg.snapshotInterval, Keep: s.cfg.snapshotKeep, Taken: s.taken,
	})
	return err
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
		{gauge, "reddot_snapshot_bytes", "Size of the last snapshot.", func(f snapshot.Figures) float64 { return float64(f.Bytes) }},
		{gauge, "reddot_snapshot_seconds", "Time that the last snapshot took.", func(f snapshot.Figures) float64 { return f.Took.Seconds() }},
		{counter, "reddot_snapshots_taken_total", "Snapshots taken since the start.", func(f snapshot.Figures) float64 { return float64(f.Snapshots) }},
		{counter, "reddot_snapshots_failed_total", "Snapshots, prunes and trims that failed since the start.", func(f snapshot.Figures) float64 { return float64(f.Failures) }},
	} {
		err = errors.Join(err, registry.Register(m.kind(prometheus.Opts{Name: m.name, Help: m.help},
			func() float64 { return m.value(s.keeper.Figures()) })))
	}
	return err
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

// check is repository.Check. Damage in a checkpoint is damage in the store itself,
// whose files it shares: it is built anew then.
func (s *snapshots) check(ctx context.Context, dir string, progress func(uint64)) (snapshot.State, error) {
	state, err := repository.Check(ctx, dir, progress)
	if errors.Is(err, store.ErrCorrupt) && s.checked.Load() == dir {
		if p, stopped := s.source.running(); stopped == nil {
			p.Damaged(err)
		}
	}
	return state, err
}

// taken is called after each snapshot: it trims the log if that is asked for.
func (s *snapshots) taken(ctx context.Context, c snapshot.Created) error {
	s.mu.Lock()
	if s.last == nil || s.last.State != events.Running && s.last.Seq < c.Manifest.Seq {
		next := told(c, time.Now().Add(-c.Took))
		if s.last != nil { // who has asked for that one may not have seen yet that it is there; this one has more
			next.Run = s.last.Run
		}
		s.last = next
	}
	s.mu.Unlock()
	if !s.cfg.trim {
		return nil
	}
	p, err := s.source.running()
	if err != nil {
		return err
	}
	log := p.Log()
	bound, err := s.repo.TrimBound(ctx, log.Identity(), nil)
	if errors.Is(err, snapshot.ErrTooFew) {
		return nil // after the next one
	}
	if err != nil {
		return err
	}
	status, err := p.Status(ctx)
	if err != nil {
		return err
	}
	first, _, err := log.Range(ctx)
	if err != nil {
		return err
	}
	if bound = min(bound, status.Emitted); bound < first {
		return nil
	}
	if err := log.Trim(ctx, bound); err != nil {
		return err
	}
	s.log.Info("the log was trimmed", "first", bound+1, "removed", bound+1-first)
	return nil
}

// told is a snapshot as the status tells it.
func told(c snapshot.Created, began time.Time) *events.Snapshot {
	return &events.Snapshot{
		State: events.Done, Seq: c.Manifest.Seq, Digest: c.Manifest.Digest,
		Started: events.Time(began.UnixMilli()), Ended: events.Time(time.Now().UnixMilli()),
		Bytes: c.Manifest.Bytes, NewBytes: c.NewBytes,
	}
}

// begin begins to take a snapshot, or joins the one asked for earlier.
func (s *snapshots) begin(ctx context.Context) (events.Snapshot, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.last != nil && s.last.State == events.Running {
		return *s.last, nil
	}
	began := time.Now()
	run := nuid.Next()
	s.last = &events.Snapshot{Run: run, State: events.Running, Started: events.Time(began.UnixMilli())}
	s.asked.Go(func() {
		c, err := s.keeper.Now(context.WithoutCancel(ctx))
		s.mu.Lock()
		defer s.mu.Unlock()
		if err != nil {
			s.last.State, s.last.Ended, s.last.Error = events.Failed, events.Time(time.Now().UnixMilli()), err.Error()
			return
		}
		s.last = told(c, began)
		s.last.Run = run
	})
	return *s.last, nil
}

// status is the last snapshot since the start, one under way included; nil if
// there was none.
func (s *snapshots) status() *events.Snapshot {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.last == nil {
		return nil
	}
	last := *s.last
	if last.State == events.Running {
		last.Done = s.keeper.Figures().Progress.Done
	}
	return &last
}
