package sim

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"reddot/events"
	"reddot/projector/dirty"
	"reddot/projector/emit"
	"reddot/projector/fold"
	"reddot/projector/log"
	"reddot/projector/store"
	"reddot/projector/store/generation"
)

// process is a computer that runs reddot: what is left when it doesn't is its
// disk.
type process struct {
	w     *world
	name  string
	disk  *vfs.MemFS
	old   *vfs.MemFS // an older copy of the disk; nil: none
	run   *run       // nil: it is not running
	count int        // of runs
}

// run is a running process. The fold, the log and the emitter are the real
// ones; the rest does what projector.Projector does.
type run struct {
	p       *process
	w       *world
	name    string
	folder  *actor // the fold's goroutine
	link    *link
	logs    struct{ fold, replay, build *log.Log }
	stores  *generation.Folder
	current atomic.Pointer[store.Store]
	opened  []*store.Store // all of this run: to close at the end
	emitter *emit.Emitter
	applied atomic.Uint64
	emitted atomic.Uint64
	deleted int // how often the event stream had been deleted when it began

	folding chan struct{} // holds one token: whoever takes it may change current
	cancel  context.CancelFunc
	work    sync.WaitGroup
	ended   chan struct{} // closed when all of its goroutines have ended
	why     error         // the first error that is not the end of ctx
	once    sync.Once
}

// Snapshot and Emitted implement emit.Store.
func (r *run) Snapshot() (*store.Snapshot, error) { return r.current.Load().Snapshot() }
func (r *run) Emitted() (events.Seq, error)       { return r.current.Load().Emitted() }

// start starts a process from what is on its disk.
func (p *process) start() error {
	w := p.w
	p.count++
	r := &run{
		p: p, w: w, name: fmt.Sprintf("%s%d", p.name, p.count), folding: make(chan struct{}, 1), ended: make(chan struct{}),
	}
	r.folder = w.actor()
	r.link = &link{name: r.name, actor: w.actor()}
	r.folding <- struct{}{}
	w.do(func() {
		r.link.connect()
		if w.server.events.gone {
			w.server.events.again()
		}
		r.deleted = w.server.deleted
	})
	if err := r.open(); err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(context.Background())
	r.cancel = cancel
	at := r.current.Load().Position()
	emitted, err := r.Emitted()
	if err != nil {
		return err
	}
	w.do(func() {
		w.note("%s starts at %d", r.name, at.Applied)
		w.audit.known[r.name] = emitted
	})
	cfg := emit.Config{
		Subjects: w.history.subjects, Encoding: w.plan.encoding, FanoutLimit: w.plan.fanout, Window: w.plan.window,
		Bounds: w.plan.bounds, ID: r.name, Instance: r.name[:1], Logger: w.logger, Store: r, Replay: r.replay, End: r.logEnd, Aside: r.aside(ctx),
	}
	if w.sabotage.config != nil {
		w.sabotage.config(&cfg)
	}
	r.emitted.Store(uint64(emitted))
	r.emitter = emit.New(cfg, stream{r.link.lane()}, r.stored)
	r.applied.Store(uint64(at.Applied))
	r.emitter.Add(new(dirty.Set), at.Applied, 0)
	r.goes(ctx, "fold", r.folder, func() error { return r.fold(ctx) })
	r.goes(ctx, "emit", w.actor(), func() error { return r.emitter.Run(ctx) })
	if builder := w.actor(); w.plan.rebuilds && builder.one(2) {
		r.goes(ctx, "rebuild", builder, func() error { return r.rebuild(ctx, builder) })
	}
	go func() {
		r.work.Wait()
		close(r.ended)
	}()
	w.do(func() { p.run = r })
	return nil
}

// goes runs a part, soon. When one ends with an error, all do.
func (r *run) goes(ctx context.Context, what string, who *actor, part func() error) {
	r.work.Go(func() {
		defer r.w.named()
		err := r.pause(ctx, who)
		if err == nil {
			err = part()
		}
		if err != nil && !errors.Is(err, context.Canceled) {
			r.once.Do(func() { r.why = fmt.Errorf("%s: %w", what, err) })
			r.w.do(func() { r.w.note("%s ends: %v", r.name, err) })
			r.cancel()
		}
	})
}

// aside implements emit.Config.Aside: work takes its time before it is done at a
// moment of its own.
func (r *run) aside(ctx context.Context) func(func()) {
	free := make(chan *actor, maxAside)
	for range maxAside {
		free <- r.w.actor()
	}
	return func(work func()) {
		who := <-free // an emitter has no more under way
		go func() {
			_ = r.pause(ctx, who)
			free <- who
			work()
		}()
	}
}

// open opens the log and the store.
func (r *run) open() (err error) {
	for _, log := range []**log.Log{&r.logs.fold, &r.logs.replay, &r.logs.build} {
		if *log, err = r.w.openLog(r.link.lane()); err != nil {
			return err
		}
	}
	if r.stores, err = generation.Open(r.p.disk, "store"); err != nil {
		return err
	}
	if dir, found := r.stores.Current(); found {
		s, err := r.openStore(dir)
		if err != nil {
			return err
		}
		r.current.Store(s)
		return r.stores.Clean()
	}
	s, dir, err := r.newStore()
	if err != nil {
		return err
	}
	r.current.Store(s)
	return r.stores.Use(dir)
}

func (r *run) openStore(dir string) (*store.Store, error) {
	s, err := store.Open(store.Config{Dir: dir, FS: r.p.disk, Identity: identity, Pace: r.w.plan.pace})
	if err == nil {
		r.opened = append(r.opened, s)
		err = r.w.checkDigest(s)
	}
	return s, err
}

func (r *run) newStore() (s *store.Store, dir string, err error) {
	if dir, err = r.stores.New(); err == nil {
		s, err = r.openStore(dir)
	}
	return s, dir, err
}

// fold folds the log.
func (r *run) fold(ctx context.Context) error {
	marks := dirty.Set{Many: r.w.plan.bounds.Many}
	var fx fold.Effects
	return r.logs.fold.Read(ctx, events.Seq(r.applied.Load()), func(batch []store.Entry) error {
		return r.foldBatch(ctx, batch, &marks, &fx)
	})
}

// hold waits for the right to use the current store, or replace it.
func (r *run) hold(ctx context.Context) error {
	select {
	case <-r.folding:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (r *run) release() { r.folding <- struct{}{} }

// foldBatch does what projector.Projector does with a batch. It takes its time,
// so that the process may be killed anywhere in it.
func (r *run) foldBatch(ctx context.Context, batch []store.Entry, marks *dirty.Set, fx *fold.Effects) error {
	if err := r.hold(ctx); err != nil {
		return err
	}
	defer r.release()
	if err := r.pause(ctx, r.folder); err != nil { // the emitter has what the batch before told it
		return err
	}
	s := r.current.Load()
	for i := range batch {
		if err := s.Apply(&batch[i], fx); err != nil {
			return fmt.Errorf("seq %d: %w", batch[i].Seq, err)
		}
		marks.Add(batch[i].Seq, batch[i].At(), fx)
	}
	if err := r.pause(ctx, r.folder); err != nil {
		return err
	}
	if _, err := s.Commit(); err != nil {
		return err
	}
	if err := r.w.checkDigest(s); err != nil {
		return err
	}
	last := &batch[len(batch)-1]
	r.w.do(func() { r.w.note("%s has folded %d, to %d", r.name, len(batch), last.Seq) })
	if err := r.pause(ctx, r.folder); err != nil {
		return err
	}
	r.applied.Store(uint64(last.Seq))
	r.emitter.Add(marks, last.Seq, last.Time)
	if !r.folder.one(r.w.plan.flushEvery) {
		return nil
	}
	if err := r.pause(ctx, r.folder); err != nil {
		return err
	}
	return s.Flush()
}

// pause is the time that work takes.
func (r *run) pause(ctx context.Context, who *actor) error {
	d := who.between(time.Microsecond, 100*time.Microsecond)
	if who.one(20) {
		d = who.between(time.Millisecond, r.w.slowest())
	}
	return who.sleep(ctx, d)
}

// replay implements emit.Replay.
func (r *run) replay(ctx context.Context, after, upto events.Seq, fn func(*store.Entry) error) error {
	r.w.do(func() { r.w.note("%s reads %d to %d again", r.name, after+1, upto) })
	return r.logs.replay.ReadTo(ctx, after, upto, fn)
}

// logEnd implements emit.Config.End.
func (r *run) logEnd(ctx context.Context) (events.Seq, error) {
	for {
		_, last, err := r.logs.replay.Range(ctx)
		if err == nil || ctx.Err() != nil {
			return last, err
		}
	}
}

// stored is told that all events of the commands up to seq are stored.
func (r *run) stored(seq events.Seq) {
	seq = max(seq, events.Seq(r.emitted.Load()))
	r.emitted.Store(uint64(seq))
	r.current.Load().SetEmitted(seq)
	r.w.do(func() { r.w.told(r.name, seq) })
}

// behindEnough is how near a new store must come before it takes the place of
// the one in use.
const behindEnough = 5

// rebuild builds a new store beside the one in use, and puts it in its place.
func (r *run) rebuild(ctx context.Context, who *actor) error {
	s, dir, err := r.newStore()
	if err != nil {
		return err
	}
	build := func(upto uint64) error {
		s.SetEmitted(events.Seq(r.emitted.Load()))
		return r.logs.build.Build(ctx, s, events.Seq(upto), nil)
	}
	for {
		if err := build(r.applied.Load()); err != nil {
			return err
		}
		if uint64(s.Position().Applied)+behindEnough >= r.applied.Load() {
			break
		}
	}
	if err := r.hold(ctx); err != nil {
		return err
	}
	defer r.release()
	if err := build(uint64(r.current.Load().Position().Applied)); err != nil {
		return err
	}
	if err := errors.Join(r.w.checkDigest(s), s.Flush(), r.stores.Use(dir)); err != nil {
		return err
	}
	r.w.do(func() { r.w.note("%s has a new store at %d", r.name, s.Position().Applied) })
	r.current.Store(s)
	s.SetEmitted(events.Seq(r.emitted.Load()))
	return nil
}

// end waits for all parts to end, and closes the stores.
func (r *run) end() error {
	r.cancel()
	<-r.ended
	r.p.w.do(func() { r.p.run = nil })
	var err error
	for _, s := range r.opened {
		err = errors.Join(err, s.Close())
	}
	return err
}

// kill ends a process where it stands. What it had sent may still arrive; its
// disk holds what was flushed, and maybe what was written.
func (p *process) kill() error {
	p.w.do(func() { p.w.note("%s is killed", p.run.name) })
	// How many numbers are drawn for the files is not the same each time.
	left := p.disk.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: 100 * p.w.script.IntN(2), RNG: rand.New(rand.NewPCG(p.w.seed, 0))})
	p.w.do(p.run.link.kill)
	err := p.run.end()
	p.disk = left
	return err
}

// stop ends a process in order.
func (p *process) stop() error {
	p.w.do(func() { p.w.note("%s is stopped", p.run.name) })
	r := p.run
	r.cancel()
	<-r.ended
	_, err := r.current.Load().Commit()
	p.w.do(r.link.kill)
	return errors.Join(err, r.end())
}
