package projector

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/sync/errgroup"

	"reddot/events"
	"reddot/projector/dirty"
	"reddot/projector/emit"
	"reddot/projector/fold"
	"reddot/projector/log"
	"reddot/projector/loop"
	"reddot/projector/store"
	"reddot/projector/store/generation"
)

// Config configures a Projector.
type Config struct {
	Conn     *nats.Conn // to a server with JetStream
	Subjects events.Subjects
	Dir      string // the stores' folder
	Logger   *slog.Logger
	Registry *prometheus.Registry // nil: no metrics

	// Restore, unless nil, puts an earlier store of the log into a folder that
	// does not exist yet. Without one that can be used: an error.
	Restore func(ctx context.Context, w Wanted, dir string) error

	// Replicas is on how many servers the streams are that have to be made; 0: 1.
	Replicas int

	// Files has the log's files, if the NATS server is in this process; nil: it is not.
	Files log.Files

	// Peers knows of the other reddots of the log; nil: nobody does, and every
	// answer takes a read index. It hears by Conn.
	Peers Peers

	// Skip names commands that are passed over, if nobody can read them.
	Skip []events.Seq

	pace fold.Pace // of the stores; zero, but in tests

	// Emission; see emit.Config.
	FanoutLimit    uint64
	Encoding       events.Encoding
	EventsMaxAge   time.Duration
	EventsMaxBytes int64
	Takeover       time.Duration
	Instance       string
}

// flushEvery is how often the store is made durable while commands come.
const flushEvery = 5 * time.Second

// The stream's configuration and range are checked watchFirst after the start,
// and then twice as long after each check, up to watchEvery.
const (
	watchFirst = time.Second
	watchEvery = 30 * time.Second
)

// ErrStopped is returned to those who ask a projector that has ended.
var ErrStopped = errors.New("the projector has stopped")

// Projector folds the command stream into a store and emits what changes. Its
// methods but Run and Close are safe for concurrent use.
type Projector struct {
	cfg     Config
	log     *log.Log
	folder  *generation.Folder
	emitter *emit.Emitter
	metrics *metrics
	refused *refusals
	health  *health
	contact contact

	folding sync.Mutex // held while the loop is driven: a batch is folded, or the store replaced
	loop    *loop.Loop
	bulk    atomic.Bool // the batch that is folded is work in bulk

	applied, emitted progress
	target           events.Seq // the stream's last seq at the start

	index    readIndex
	alone    alone
	settling *settling

	clock      clock
	rebuilding rebuilding
	corrupt    chan error            // a view has found the store to be corrupt
	failure    atomic.Pointer[error] // why Run ended
}

// Run folds and emits until ctx ends or something fails; it says what. It runs
// once.
func (p *Projector) Run(ctx context.Context) error {
	p.emitter.Add(new(dirty.Set), p.loop.Applied(), 0)
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return wrap("fold", p.project(ctx)) })
	g.Go(func() error { return wrap("emit", p.emit(ctx)) })
	g.Go(func() error { return wrap("watch the stream", p.watchStream(ctx)) })
	g.Go(func() error { return wrap("watch what moves", p.watchHealth(ctx)) })
	g.Go(func() error { return wrap("watch the connection", p.contact.watch(ctx)) })
	g.Go(func() error { return wrap("flush", p.flush(ctx)) })
	g.Go(func() error { return wrap("keep the clock", p.keepClock(ctx)) })
	g.Go(func() error { return wrap("rebuild", p.rebuildWhenAsked(ctx)) })
	g.Go(func() error {
		select {
		case err := <-p.corrupt:
			return wrap("read", err)
		case <-ctx.Done():
			return ctx.Err()
		}
	})
	err := g.Wait()
	if errors.Is(err, context.Canceled) {
		err = p.loop.Finish()
	}
	why := ErrStopped
	if err != nil {
		why = fmt.Errorf("%w: %w", ErrStopped, err)
	}
	p.failure.Store(&why)
	p.settling.stop()
	p.applied.fail(why)
	p.emitted.fail(why)
	if errors.Is(err, store.ErrCorrupt) {
		err = errors.Join(err, p.folder.Drop())
	}
	return err
}

func wrap(what string, err error) error {
	if err == nil || errors.Is(err, context.Canceled) {
		return err
	}
	return fmt.Errorf("%s: %w", what, err)
}

// Close makes the store durable and closes it, when Run has returned and the
// last view is closed.
func (p *Projector) Close() error {
	p.metrics.unregister(p.cfg.Registry)
	return p.loop.Store().Close()
}

// report is what the fold's reader reports of itself.
func (p *Projector) report() log.Report {
	r := p.health.report()
	r.Began = func(consumer string) {
		p.leave(consumer)
		if p.cfg.Peers != nil && p.cfg.Peers.Known() {
			p.settling.skip()
			return
		}
		p.settling.begin()
		p.health.lookSoon()
	}
	r.Ended = p.alone.end
	return r
}

// emit emits what changes, once another reddot knows of this one: events are
// no less an answer.
func (p *Projector) emit(ctx context.Context) error {
	if err := p.settling.wait(ctx); err != nil {
		return err
	}
	return p.emitter.Run(ctx)
}

// end implements emit.Config.End.
func (p *Projector) end(ctx context.Context) (events.Seq, error) {
	_, last, err := p.log.WaitRange(ctx)
	return last, err
}

// replay implements emit.Replay.
func (p *Projector) replay(ctx context.Context, after, upto events.Seq, fn func(*store.Entry) error) error {
	first, _, err := p.log.WaitRange(ctx)
	if err != nil {
		return err
	}
	if first > after+1 && upto > after {
		p.cfg.Logger.Error("commands were trimmed before all their events were stored", "first", after+1, "last", min(first-1, upto))
		after = first - 1
	}
	return p.log.ReadTo(ctx, after, upto, func(e *store.Entry) error {
		p.health.replayed.Add(1)
		return fn(e)
	})
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
		p.refused.flush()
		if applied := p.applied.get(); applied > flushed {
			_, err := loop.Use(p.loop, func(s *store.Store) (struct{}, error) { return struct{}{}, s.FlushSoon() })
			if err != nil {
				return err
			}
			flushed = applied
		}
	}
}

// watchStream ends with an error when the stream is no longer the log that
// the store is of.
func (p *Projector) watchStream(ctx context.Context) error {
	for wait := watchFirst; ; wait = min(2*wait, watchEvery) {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(wait):
		}
		switch err := p.checkLog(ctx); {
		case errors.Is(err, log.ErrNotWhole) || ctx.Err() != nil:
			return err
		case err != nil:
			p.health.checking.Is(p.lostOr(err), time.Now())
			wait = watchFirst / 2
		default:
			p.health.checking.Over(time.Now())
		}
	}
}

// checkLog says what is wrong with the stream.
func (p *Projector) checkLog(ctx context.Context) error {
	snap, err := p.loop.Snapshot()
	if err != nil {
		return err
	}
	at := snap.Position()
	if err := snap.Close(); err != nil {
		return err
	}
	return p.log.Check(ctx, at)
}
