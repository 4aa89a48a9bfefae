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
	"reddot/projector/log"
	"reddot/projector/loop"
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

// run is a running process. The log, the loop and the emitter are the real ones; the
// rest ties them together, as projector.Projector does.
type run struct {
	p       *process
	w       *world
	name    string
	folder  *actor // the fold's goroutine
	link    *link
	logs    struct{ fold, replay, build *log.Log }
	stores  *generation.Folder
	loop    *loop.Loop
	opened  []*store.Store // all of this run: to close at the end
	emitter *emit.Emitter
	applied atomic.Uint64
	deleted int // how often the event stream had been deleted when it began

	driving chan struct{} // holds one token: whoever takes it may drive the loop
	cancel  context.CancelFunc
	work    sync.WaitGroup
	ended   chan struct{} // closed when all of its goroutines have ended
	why     error         // the first error that is not the end of ctx
	once    sync.Once
}

// start starts a process from what is on its disk.
func (p *process) start() error {
	w := p.w
	p.count++
	r := &run{
		p: p, w: w, name: fmt.Sprintf("%s%d", p.name, p.count), driving: make(chan struct{}, 1), ended: make(chan struct{}),
	}
	r.folder = w.actor()
	r.link = &link{name: r.name, actor: w.actor()}
	r.driving <- struct{}{}
	w.do(func() {
		r.link.connect()
		if w.server.events.gone {
			w.server.events.again()
		}
		r.deleted = w.server.deleted
	})
	s, err := r.open()
	if err != nil {
		return err
	}
	if r.loop, err = loop.New(loop.Config{Store: s, Many: w.plan.bounds.Many}); err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(context.Background())
	r.cancel = cancel
	at, emitted := r.loop.Applied(), r.loop.Stored()
	w.do(func() {
		w.note("%s starts at %d", r.name, at)
		w.audit.known[r.name] = emitted
	})
	cfg := emit.Config{
		Subjects: w.history.subjects, Encoding: w.plan.encoding, FanoutLimit: w.plan.fanout, Window: w.plan.window,
		Bounds: w.plan.bounds, ID: r.name, Instance: r.name[:1], Logger: w.logger, Store: r.loop, Replay: r.replay, End: r.logEnd, Aside: r.aside(ctx),
	}
	if w.sabotage.config != nil {
		w.sabotage.config(&cfg)
	}
	r.emitter = emit.New(cfg, stream{r.link.lane()}, r.stored)
	r.applied.Store(uint64(at))
	r.emitter.Add(new(dirty.Set), at, 0)
	r.goes(ctx, "fold", r.folder, func() error { return r.fold(ctx) })
	r.goes(ctx, "emit", w.actor(), func() error { return r.emitter.Run(ctx) })
	if builder := w.actor(); w.plan.rebuilds && builder.one(2) {
		r.goes(ctx, "rebuild", builder, func() error { return r.rebuild(ctx) })
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
func (r *run) open() (s *store.Store, err error) {
	for _, log := range []**log.Log{&r.logs.fold, &r.logs.replay, &r.logs.build} {
		if *log, err = r.w.openLog(r.link.lane()); err != nil {
			return nil, err
		}
	}
	if r.stores, err = generation.Open(r.p.disk, "store"); err != nil {
		return nil, err
	}
	if dir, found := r.stores.Current(); found {
		if s, err = r.openStore(dir); err != nil {
			return nil, err
		}
		return s, r.stores.Clean()
	}
	s, dir, err := r.newStore()
	if err != nil {
		return nil, err
	}
	return s, r.stores.Use(dir)
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
	err := r.loop.Finish()
	p.w.do(r.link.kill)
	return errors.Join(err, r.end())
}
