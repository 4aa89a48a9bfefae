package sim

import (
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"reddot/events"
	"reddot/projector/emit/journal"
	"reddot/projector/log"
	"reddot/projector/store"
)

// world is one run of one seed, within one bubble of synctest.
//
// Whatever happens, happens at a time of its own, drawn to the nanosecond, and
// all that it sets off is done before the clock moves on. So there is one
// thing at a time, and the order in which the seed's numbers are drawn does
// not depend on the scheduler.
type world struct {
	seed     uint64
	plan     plan
	history  *history
	sabotage sabotage
	logger   *slog.Logger
	script   *actor

	processes []*process
	begin     time.Time
	calm      atomic.Bool // nothing is slow any more

	mu       sync.Mutex // of what follows, and of all links
	over     bool
	actors   uint64 // how many there are
	trace    trace
	failures []string
	server   hub
	forger   forger
	audit    *audit
}

// hub is the NATS server.
type hub struct {
	up      bool
	last    events.Seq // of the command stream
	events  eventStream
	deleted int // how often the event stream was deleted
	hole    *hole
	torn    events.Seq     // the end of the last hole there was
	again   map[string]int // deliveries of old commands, by run and place
}

// hole is a place of the command stream where commands are missing, for some
// process.
type hole struct {
	first, last events.Seq
	process     string
	times       int // how often it is met
}

// forever is how often a hole is met that must be mended.
const forever = 1 << 30

// stops says whether the hole stops a run's fold.
func (h *hole) stops(r *run) bool {
	return h.hides(r.name, events.Seq(r.applied.Load())+1)
}

func (h *hole) hides(run string, seq events.Seq) bool {
	return strings.HasPrefix(run, h.process) && h.first <= seq && seq <= h.last
}

// named says whether a run has ended with an error that names a command in the
// hole.
func (h *hole) named(r *run) bool {
	if h == nil || !strings.HasPrefix(r.name, h.process) {
		return false
	}
	for seq := h.first; seq <= h.last; seq++ {
		for _, words := range []string{"where seq %d was due", "seq %d is in the stream, and can't be read"} {
			if strings.Contains(r.why.Error(), fmt.Sprintf(words, seq)) {
				return true
			}
		}
	}
	return false
}

func newWorld(seed uint64, keep bool) (*world, error) {
	rng := rand.New(rand.NewPCG(seed, 1))
	w := &world{seed: seed, plan: newPlan(rng), begin: time.Now(), logger: slog.New(slog.DiscardHandler)}
	w.script = w.actor()
	w.forger.actor = w.actor()
	w.trace.keep = keep
	if keep {
		w.logger = slog.New(slog.NewTextHandler(traceWriter{w}, nil))
	}
	var err error
	if w.history, err = newHistory(seed, rng, &w.plan); err != nil {
		return nil, err
	}
	w.server = hub{up: true, again: map[string]int{}, events: eventStream{maxMsgs: w.plan.maxMsgs, maxAge: w.plan.maxAge, key: journal.Key{From: 1}}}
	w.audit = newAudit(w.history)
	w.audit.fanout = w.plan.fanout == small
	w.audit.fail = w.failf
	w.audit.present = w.server.events.present
	w.audit.lives = func(run string) bool {
		return slices.ContainsFunc(w.processes, func(p *process) bool { return p.run != nil && p.run.name == run })
	}
	for i := range w.plan.processes {
		w.processes = append(w.processes, &process{w: w, name: string(rune('A' + i)), disk: vfs.NewCrashableMem()})
	}
	return w, nil
}

// traceWriter has what is logged in the trace of a run that keeps one. It is
// not part of the hash.
type traceWriter struct{ w *world }

func (t traceWriter) Write(b []byte) (int, error) {
	t.w.do(func() { t.w.trace.lines = append(t.w.trace.lines, strings.TrimSpace(string(b))) })
	return len(b), nil
}

// do does something with the world at hand.
func (w *world) do(what func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	what()
}

// slowest is the longest that something takes on its way.
func (w *world) slowest() time.Duration {
	if w.calm.Load() {
		return min(w.plan.slowest, calmDelay)
	}
	return w.plan.slowest
}

func (w *world) now() time.Duration { return time.Since(w.begin) }

// at has something done at a time, with the world at hand.
func (w *world) at(t time.Duration, what func()) {
	time.AfterFunc(max(t-w.now(), 1), func() {
		defer w.named()
		w.mu.Lock()
		defer w.mu.Unlock()
		if !w.over {
			what()
		}
	})
}

func (w *world) note(format string, args ...any) { w.trace.note(w.now(), format, args...) }

// failf notes that a check did not hold. It is called with the world at hand.
func (w *world) failf(format string, args ...any) {
	w.failures = append(w.failures, fmt.Sprintf(format, args...))
	w.note("FAIL: "+format, args...)
}

func (w *world) failed() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.failures) > 0
}

// named says which seed panics.
func (w *world) named() {
	if p := recover(); p != nil {
		fmt.Fprintf(os.Stderr, "seed %d:\n", w.seed)
		panic(p)
	}
}

// emitted is called when a run says that all events up to a seq are stored.
func (w *world) emitted(run string, seq events.Seq) {
	w.note("%s: all is emitted up to %d", run, seq)
	w.audit.emitted(seq)
}

// checkDigest compares a store with a clean fold.
func (w *world) checkDigest(s *store.Store) error {
	at := s.Position()
	if int(at.Applied) >= len(w.history.digests) || at.Digest() != w.history.digests[at.Applied] {
		return fmt.Errorf("%w: at seq %d %s", errDigest, at.Applied, at.Digest())
	}
	return nil
}

var errDigest = errors.New("the digest is not that of a clean fold")

// cutLink cuts a link for a while.
func (w *world) cutLink(l *link) {
	l.cut(l.drawSlack())
	l.actor.in(l.between(time.Millisecond, 8*time.Second), l.connect)
}

// stopServer stops the server for a while; what was on its way is lost.
func (w *world) stopServer() {
	if !w.server.up {
		return
	}
	w.server.up = false
	w.note("the server stops")
	for _, p := range w.processes {
		if p.run != nil {
			p.run.link.cut(0)
		}
	}
	w.script.in(w.script.between(time.Millisecond, 10*time.Second), w.startServer)
}

func (w *world) startServer() {
	if w.server.up {
		return
	}
	w.server.up = true
	w.server.events.restart(time.Now())
	w.note("the server starts")
	for _, p := range w.processes {
		if p.run != nil {
			l := p.run.link
			l.actor.in(l.between(time.Microsecond, 500*time.Millisecond), l.connect)
		}
	}
}

// refuse has the event stream take nothing for a while.
func (w *world) refuse() {
	w.server.events.refuses = true
	w.note("the event stream refuses")
	w.script.in(w.script.between(time.Millisecond, 6*time.Second), func() { w.server.events.refuses = false })
}

// purge empties the event stream by hand.
func (w *world) purge() {
	w.server.events.purge()
	w.note("the event stream is purged")
}

// deleteEvents deletes the event stream. A process that starts makes it again.
// Then nothing distinguishes the new stream from the old one but its sequences, which
// begin again: so this is done only where there is one process, and to no message
// that is on its way.
func (w *world) deleteEvents() {
	if w.plan.processes > 1 {
		return
	}
	w.server.events.gone = true
	w.server.deleted++
	w.note("the event stream is deleted")
}

// tearHole hides some commands from a process: from some readings, as one
// replica that is not whole does, or until it is mended.
func (w *world) tearHole(p *process) {
	if w.server.hole != nil || p.run == nil {
		return
	}
	// Behind the hole before: two at one place could be one time too many.
	first := max(events.Seq(p.run.applied.Load()), w.server.torn) + 1 + events.Seq(w.script.IntN(8))
	h := &hole{first: first, last: first + events.Seq(w.script.IntN(3)), process: p.name, times: 1 + w.script.IntN(3)}
	switch {
	case h.times > 2:
		h.times = forever
	case w.plan.repeats || w.plan.noise || len(w.plan.faults) > 1: // what comes again, or not at all, counts too, up to when the log is given up
		h.times = 1
	}
	if int(h.first) > len(w.history.log) {
		return
	}
	w.server.hole, w.server.torn = h, h.last
	w.note("%s misses %d to %d, %d times", p.name, h.first, h.last, h.times)
}

// holeFor returns the hole that a reading of a run meets, if there is one.
func (w *world) holeFor(run string) *hole {
	h := w.server.hole
	if h == nil || !strings.HasPrefix(run, h.process) {
		return nil
	}
	if h.times--; h.times == 0 {
		w.server.hole = nil
	}
	return h
}

// mayRepeat allows an old command to come again where another one is due, but
// not so often that the log is given up.
func (w *world) mayRepeat(run string, due events.Seq) bool {
	k := fmt.Sprint(run, " ", due)
	w.server.again[k]++
	return w.server.again[k] == 1 && w.server.hole == nil
}

// endedWell says whether a run may end by itself as it did. It is called with
// the world at hand.
func (w *world) endedWell(r *run) bool {
	switch {
	case errors.Is(r.why, log.ErrNotWhole):
		return w.server.hole.named(r)
	case errors.Is(r.why, journal.ErrGone):
		return w.server.deleted > r.deleted
	}
	return false
}
