package projector

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/sync/errgroup"

	"reddot/events"
	"reddot/projector/emit"
	"reddot/projector/fold"
	"reddot/projector/store"
)

// Config configures a Projector.
type Config struct {
	Conn     *nats.Conn // to a server with JetStream
	Subjects events.Subjects
	Dir      string // the store's folder is in it
	Logger   *slog.Logger
	Registry *prometheus.Registry // nil: no metrics

	// Emission; see emit.Config.
	FanoutLimit    uint64
	Encoding       events.Encoding
	EventsMaxAge   time.Duration
	EventsMaxBytes int64
}

// openTimeout bounds the requests to JetStream while opening.
const openTimeout = 10 * time.Second

// flushEvery is how often the store is made durable while commands come.
const flushEvery = 5 * time.Second

// watchEvery is how often the stream's configuration and range are checked.
const watchEvery = 30 * time.Second

// maxReads is how often the stream is read anew from a place where a command
// is missing, before the projector gives up.
const maxReads = 3

// ErrStopped is returned to those who ask a projector that has ended.
var ErrStopped = errors.New("the projector has stopped")

// Projector folds the command stream into a store and emits what changes. Its
// methods but Run and Close are safe for concurrent use.
type Projector struct {
	cfg     Config
	js      jetstream.JetStream
	stream  jetstream.Stream
	store   *store.Store
	emitter *emit.Emitter
	metrics *metrics

	applied, emitted progress
	target           events.Seq // the stream's last seq at the start
	identity         store.Identity

	views   sync.RWMutex // held shared by every open view, so that Close waits
	closed  atomic.Bool
	failure atomic.Pointer[error] // why Run ended
}

// Open checks or creates the streams and opens the store. It starts nothing.
func Open(ctx context.Context, cfg Config) (*Projector, error) {
	ctx, cancel := context.WithTimeout(ctx, openTimeout)
	defer cancel()
	js, err := jetstream.New(cfg.Conn, jetstream.WithPublishAsyncTimeout(emit.AckTimeout))
	if err != nil {
		return nil, err
	}
	p := &Projector{cfg: cfg, js: js}
	if p.stream, err = ensureStream(ctx, js, cfg.Subjects); err != nil {
		return nil, err
	}
	info := p.stream.CachedInfo()
	p.target, p.identity = events.Seq(info.State.LastSeq), identityOf(info)
	p.store, err = store.Open(store.Config{
		Dir: filepath.Join(cfg.Dir, "store"), Identity: p.identity, Logger: cfg.Logger,
	})
	if err != nil {
		return nil, err
	}
	applied := p.store.Position().Applied
	p.applied.set(applied)
	emitted, err := p.store.Emitted()
	p.emitted.set(emitted)
	if err == nil {
		err = checkRange(applied, info.State)
	}
	if err == nil {
		p.emitter, err = emit.Open(ctx, emit.Config{
			JetStream: js, Subjects: cfg.Subjects, Encoding: cfg.Encoding, FanoutLimit: cfg.FanoutLimit,
			Log: identityOf(info).String(), MaxAge: cfg.EventsMaxAge, MaxBytes: cfg.EventsMaxBytes, Logger: cfg.Logger,
			Store: p.store, Replay: p.replay,
		}, p.stored)
	}
	if err == nil {
		p.metrics, err = newMetrics(cfg.Registry, p)
	}
	if err != nil {
		return nil, errors.Join(err, p.store.Close())
	}
	return p, nil
}

// stored is told that all events of the commands up to seq are stored. That
// never goes back, even if the event stream was emptied.
func (p *Projector) stored(seq events.Seq) {
	p.emitted.set(seq)
	p.store.SetEmitted(p.emitted.get())
}

// Run folds and emits until ctx ends or something fails; it says what. It runs
// once.
func (p *Projector) Run(ctx context.Context) error {
	p.emitter.Add(new(emit.Marks), p.store.Position().Applied, 0)
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return wrap("fold", p.project(ctx)) })
	g.Go(func() error { return wrap("emit", p.emitter.Run(ctx)) })
	g.Go(func() error { return wrap("watch the stream", p.watchStream(ctx)) })
	g.Go(func() error { return wrap("flush", p.flush(ctx)) })
	err := g.Wait()
	if errors.Is(err, context.Canceled) {
		_, err = p.store.Commit() // how far the events are stored
	}
	why := ErrStopped
	if err != nil {
		why = fmt.Errorf("%w: %w", ErrStopped, err)
	}
	p.failure.Store(&why)
	p.applied.fail(why)
	p.emitted.fail(why)
	return err
}

func wrap(what string, err error) error {
	if err == nil || errors.Is(err, context.Canceled) {
		return err
	}
	return fmt.Errorf("%s: %w", what, err)
}

// hold keeps the store open until release is called. It reports false once the
// projector is being closed.
func (p *Projector) hold() (release func(), ok bool) {
	if !p.views.TryRLock() {
		return nil, false
	}
	if p.closed.Load() {
		p.views.RUnlock()
		return nil, false
	}
	return p.views.RUnlock, true
}

// Close makes the store durable and closes it, when Run has returned and the
// last view is closed.
func (p *Projector) Close() error {
	p.closed.Store(true)
	p.views.Lock()
	defer p.views.Unlock()
	return p.store.Close()
}

// errGap says that the stream went on with another seq than the next one.
type errGap struct{ want, got events.Seq }

func (e errGap) Error() string {
	if e.got < e.want {
		return fmt.Sprintf("seq %d came again where seq %d was due", e.got, e.want)
	}
	return fmt.Sprintf("seq %d came where seq %d was due", e.got, e.want)
}

// project folds the stream, reading it anew where a command is missing.
func (p *Projector) project(ctx context.Context) error {
	reads, at := 0, events.Seq(0)
	for {
		err := p.read(ctx)
		var gap errGap
		if !errors.As(err, &gap) {
			return err
		}
		if reads++; gap.want != at {
			reads, at = 1, gap.want
		}
		if reads == maxReads {
			return fmt.Errorf("%w: %w, %d times: what lies between is missing; restore the stream, or a replica of it",
				ErrLog, gap, reads)
		}
		p.cfg.Logger.Error("the command stream has a hole: reading it anew", "want", gap.want, "got", gap.got)
	}
}

// read reads the stream from the next seq on and folds it, until ctx ends or
// something fails.
func (p *Projector) read(ctx context.Context) error {
	in := newIntake(p.cfg.Subjects)
	defer context.AfterFunc(ctx, in.close)()
	stop, err := consume(ctx, p.stream, p.store.Position().Applied+1,
		func(msg jetstream.Msg) { in.put(msg) },
		func(err error) { p.cfg.Logger.Warn("reading the command stream", "error", err) })
	if err != nil {
		return err
	}
	defer stop()
	defer in.close() // first: the reader may be waiting for room
	var marks emit.Marks
	var fx fold.Effects
	for {
		batch := in.take()
		if batch == nil {
			return ctx.Err()
		}
		if err := p.fold(batch, &marks, &fx); err != nil {
			return err
		}
	}
}

// fold folds one batch and commits it.
func (p *Projector) fold(batch []store.Entry, marks *emit.Marks, fx *fold.Effects) error {
	start := time.Now()
	for i := range batch {
		e := &batch[i]
		if next := p.store.Position().Applied + 1; e.Seq != next {
			return p.foldGap(errGap{want: next, got: e.Seq}, i > 0, marks)
		}
		if err := p.store.Apply(e, fx); err != nil {
			return fmt.Errorf("seq %d: %w", e.Seq, err)
		}
		marks.Add(e.Seq, e.At(), fx)
		p.metrics.applied(e, fx)
	}
	return p.commit(start, len(batch), batch[len(batch)-1].Time, marks)
}

// foldGap keeps what was folded before a gap.
func (p *Projector) foldGap(gap errGap, folded bool, marks *emit.Marks) error {
	if folded {
		if err := p.commit(time.Now(), 0, events.Time(time.Now().UnixMilli()), marks); err != nil {
			return err
		}
	}
	return gap
}

func (p *Projector) commit(start time.Time, commands int, at events.Time, marks *emit.Marks) error {
	rows, err := p.store.Commit()
	if err != nil {
		return err
	}
	p.metrics.committed(commands, rows, time.Since(start), at)
	seq := p.store.Position().Applied
	p.applied.set(seq)
	p.emitter.Add(marks, seq, at)
	return nil
}

// replay implements emit.Replay.
func (p *Projector) replay(ctx context.Context, after, upto events.Seq, fn func(*store.Entry) error) error {
	info, err := p.stream.Info(ctx)
	if err != nil {
		return err
	}
	if first := events.Seq(info.State.FirstSeq); first > after+1 {
		p.cfg.Logger.Error("commands were trimmed before all their events were stored", "first", after+1, "last", min(first-1, upto))
		if first > upto {
			return nil
		}
	}
	in := newIntake(p.cfg.Subjects)
	defer context.AfterFunc(ctx, in.close)()
	stop, err := consume(ctx, p.stream, after+1,
		func(msg jetstream.Msg) { in.put(msg) },
		func(err error) { p.cfg.Logger.Warn("reading the command stream", "error", err) })
	if err != nil {
		return err
	}
	defer stop()
	defer in.close()
	for {
		batch := in.take()
		if batch == nil {
			return ctx.Err()
		}
		for i := range batch {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			if batch[i].Seq > upto {
				return nil
			}
			if err := fn(&batch[i]); err != nil {
				return err
			}
			if batch[i].Seq == upto {
				return nil
			}
		}
	}
}

// flush makes the store durable from time to time, so that the durable
// position follows the applied one when little happens too.
func (p *Projector) flush(ctx context.Context) error {
	tick := time.NewTicker(flushEvery)
	defer tick.Stop()
	flushed := p.applied.get()
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
		}
		if applied := p.applied.get(); applied > flushed {
			if err := p.store.FlushSoon(); err != nil {
				return err
			}
			flushed = applied
		}
	}
}

// watchStream ends with an error when the stream is no longer the log that
// the store is of.
func (p *Projector) watchStream(ctx context.Context) error {
	tick := time.NewTicker(watchEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
		}
		if err := p.checkLog(ctx); err != nil {
			return err
		}
	}
}

// checkLog asks for the stream and says what is wrong with it. A server that
// is away is not: the reader waits for it.
func (p *Projector) checkLog(ctx context.Context) error {
	applied := p.applied.get()
	info, err := p.stream.Info(ctx)
	switch {
	case errors.Is(err, jetstream.ErrStreamNotFound):
		return fmt.Errorf("%w: stream %s is gone", ErrLog, p.identity.Stream)
	case err != nil:
		return nil
	}
	if !info.Created.Equal(p.identity.Created) {
		return fmt.Errorf("%w: stream %s was deleted and made again", ErrLog, p.identity.Stream)
	}
	return errors.Join(checkStream(p.cfg.Subjects, info.Config), checkRange(applied, info.State))
}
