package emit

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"

	"reddot/events"
	"reddot/projector/dirty"
	"reddot/projector/fold"
	"reddot/projector/store"
)

// mostLong bounds the users who are known to have long lists.
const mostLong = 1_024

// readers read long lists aside, each from a snapshot of its own, so that
// nobody waits for them. All but the reading is done by the emitter's goroutine.
type readers struct {
	cfg   *Config
	wake  func()
	reads *atomic.Uint64
	long  map[string]bool // users known to have a long list
	jobs  []*job          // in the order in which they began
	work  sync.WaitGroup
}

// job is a look at a long list.
type job struct {
	*due
	look   look
	watch  watch
	snap   *store.Snapshot
	at     events.Seq // of the snapshot
	change *change    // what came of it
	err    error
	done   chan struct{} // closed when it has been read
	flight *flight       // nil: nothing is sent yet
}

// know notes that a user has a long list.
func (r *readers) know(user string) {
	if len(r.long) >= mostLong {
		clear(r.long)
	}
	r.long[user] = true
}

// begin begins a job.
func (r *readers) begin(ctx context.Context, j *job) error {
	var err error
	if j.snap, err = r.cfg.Store.Snapshot(); err != nil {
		return err
	}
	j.snap.Many()
	j.snap.Until(func() error {
		r.reads.Add(1)
		return ctx.Err()
	})
	j.at, j.done = j.snap.Position().Applied, make(chan struct{})
	r.jobs = append(r.jobs, j)
	r.work.Add(1)
	r.cfg.Aside(func() {
		defer r.work.Done()
		defer r.wake()
		defer close(j.done)
		j.err = j.read()
	})
	return nil
}

// read looks at the list, and at what is left of an inbox that was erased.
func (j *job) read() error {
	l := &j.look
	if err := l.ended(j.snap); err != nil {
		return err
	}
	if j.snap.Sweeps().ErasedAt(l.user) > l.since {
		for _, w := range j.snap.Sweeps().All() {
			if w.Kind != fold.SweepErase || w.ID != l.user || w.Seq <= l.since {
				continue
			}
			if err := l.erased(j.snap, w); err != nil {
				return err
			}
		}
	}
	return j.snap.Read(func(rows fold.Reader) error {
		j.change = l.take(rows)
		j.change.comeBack(rows, &l.left, l.since)
		j.change.remove(rows, &l.left)
		return nil
	})
}

// erased adds what has left the list by an erasure and is not swept yet.
func (l *look) erased(snap *store.Snapshot, w *fold.Sweep) error {
	l.Stamp = dirty.Later(l.Stamp, dirty.Stamp{Seq: w.Seq, At: w.At})
	return unswept(snap, w, &l.left)
}

// end waits for the jobs, whose context has ended, and closes them.
func (r *readers) end() (err error) {
	r.work.Wait()
	for _, j := range r.jobs {
		err = errors.Join(err, j.snap.Close())
	}
	return err
}

// asideReady reports whether a job can be gone on with at a seq.
func (g *rounds) asideReady(upto events.Seq) bool {
	for _, j := range g.readers.jobs {
		if g.jobReady(j, upto) {
			return true
		}
	}
	return false
}

// jobReady reports whether what a job has read can be sent at a seq: when nothing
// else is on its way to its user.
func (g *rounds) jobReady(j *job, upto events.Seq) bool {
	return j.ready(upto) && g.flights[j.user] == j.flight
}

func (j *job) ready(upto events.Seq) bool {
	select {
	case <-j.done:
		// What it shows must not be newer than what the events before show.
		return j.at <= upto
	default:
		return false
	}
}

// aside begins to read long lists, and sends some of what came of those that are
// read.
func (g *rounds) aside(ctx context.Context, _ *store.Snapshot) error {
	for len(g.readers.jobs) < g.emitter.cfg.Bounds.Aside {
		d := g.long.next()
		if d == nil {
			break
		}
		w := g.emitter.watchers.state(d.user, g.now)
		j := &job{due: d, watch: w, look: look{
			user: d.user, Stamp: d.Stamp, since: g.backlog.since(d.user), left: d.left,
			limit: g.emitter.cfg.FanoutLimit, all: !w.shown,
		}}
		d.lane, d.left = aside, dirty.Conversations{}
		if err := g.readers.begin(ctx, j); err != nil {
			return err
		}
	}
	for i := 0; i < len(g.readers.jobs); i++ {
		j := g.readers.jobs[i]
		if !g.jobReady(j, g.upto.Seq) || !g.mayBulk() {
			continue
		}
		more, err := g.goOn(ctx, j)
		if err != nil {
			return err
		}
		if !more {
			g.readers.jobs = append(g.readers.jobs[:i], g.readers.jobs[i+1:]...)
			i--
			if err := j.snap.Close(); err != nil {
				return err
			}
		}
	}
	return nil
}

// goOn sends the next part of what a job has read.
func (g *rounds) goOn(ctx context.Context, j *job) (more bool, err error) {
	if j.err != nil {
		return false, j.err
	}
	err = j.snap.Read(func(rows fold.Reader) error {
		if j.flight == nil {
			g.looked(j.change)
			if !g.prepare(rows, j) {
				return nil
			}
			j.flight = g.takeOff(j.user)
		}
		more, err = g.part(ctx, rows, j.change, j.flight, j.at)
		return err
	})
	if err == nil && !more {
		g.notified[j.user] = j.at
		if j.Seq > j.at || j.left.Len() > 0 {
			g.again(j.due, j.at)
		} else {
			g.drop(j.due)
		}
	}
	return more, err
}

// prepare prepares what a job has read for being sent; false if it is nothing.
func (g *rounds) prepare(rows fold.Reader, j *job) bool {
	left := j.left // that came meanwhile
	g.merge(j.user, &j.Stamp, &left)
	j.left = j.change.remove(rows, &left)
	if !j.change.news(j.look.since) {
		return false
	}
	g.emitter.watchers.shown(j.watch)
	return true
}
