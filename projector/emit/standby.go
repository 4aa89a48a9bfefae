package emit

import (
	"context"
	"strings"
	"time"

	"reddot/projector/dirty"
	"reddot/projector/emit/journal"
)

// DefaultTakeover is how long the emission may stand still, while there is
// something to emit, before an emitter that stands by takes it over; lookEvery is
// how often that one looks.
const (
	DefaultTakeover = 1500 * time.Millisecond
	lookEvery       = 200 * time.Millisecond
)

// awaitsLonger is how much longer an emitter that stands by waits if there is nothing to
// emit yet, but soon: the one that emits has a pause before it sees to that.
const awaitsLonger = 2 * time.Second

// mostPatience is how many times longer than usual an emitter waits that fails
// again and again to take over.
const mostPatience = 16

// patience is how long this emitter waits until it takes over: a little longer
// than another one, and longer each time that it has failed to, so that two that
// stand by do not get into each other's way for ever.
func (e *Emitter) patience(failed int) time.Duration {
	times := time.Duration(min(1<<min(failed, 10), mostPatience))
	return times * (e.cfg.Takeover + time.Duration(e.dice.Int64N(int64(lookEvery))))
}

// afterOutage is what part of that an emitter waits when the event stream could not
// be read for long, as while its servers elect a leader: one that emits sees as
// well that it is back, and needs no more than a moment, if it is there.
const afterOutage = 4

// forget has the emitter stand by.
func (e *Emitter) forget() {
	e.state.Store(Standby)
	e.watchers.forget()
	e.mu.Lock()
	defer e.mu.Unlock()
	e.dirty, e.seeded = dirty.Set{}, false
}

// standBy returns the end of the event stream when there is something to emit, and
// nobody has emitted anything for some time, or nobody is there who could. It says
// whether another one has emitted something meanwhile: then nobody else fails to.
func (e *Emitter) standBy(ctx context.Context, patience time.Duration) (t journal.Tail, lives bool, err error) {
	var seen journal.Tail
	var since, looked time.Time // since when there is something to emit and seen is the end; zero: it is not so
	wait, idle := patience, false
	for {
		if t, err = e.journal.End(ctx); err != nil {
			return t, lives, err
		}
		e.stored(t.Said.Applied)
		end, now := t, time.Now()
		end.Last = 0 // foreign messages are no sign of life
		if !looked.IsZero() && end.Said.Place > seen.Said.Place {
			e.figures.heard.Add(1)
			if !lives {
				lives, patience = true, e.patience(0)
			}
		}
		was := idle
		switch idle = e.emittedAll(); {
		case idle && !e.awaits.Load():
			since = time.Time{}
		case t.Free() || e.succeeds(t):
			return t, lives, nil
		case !looked.IsZero() && now.Sub(looked) > max(e.cfg.Takeover, 2*journal.LookTimeout): // the stream was away: nobody could write
			since, wait = now, patience/afterOutage
		case since.IsZero() || end != seen || idle != was || now.Sub(looked) > journal.LookTimeout:
			if since, wait = now, patience; idle {
				wait += awaitsLonger
			}
		}
		if seen, looked = end, now; !since.IsZero() && now.Sub(since) >= wait {
			return t, lives, nil
		}
		look := time.After(lookEvery)
		for waits := true; waits; {
			select {
			case <-ctx.Done():
				return t, lives, ctx.Err()
			case <-look:
				waits = false
			case <-e.wake:
				waits = !t.Free() && !e.succeeds(t) || e.emittedAll() && !e.awaits.Load()
			}
		}
	}
}

// succeeds reports whether who wrote last is this emitter's predecessor, which has
// ended: of an instance one runs at a time. What it had on its way may still come.
// Afterwards an emitter trusts in that no more, as folders may be copied.
func (e *Emitter) succeeds(t journal.Tail) bool {
	return !e.led && e.cfg.Instance != "" && strings.HasPrefix(t.Writer, e.cfg.Instance)
}
