package projector

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"sync/atomic"
	"time"

	"reddot/events"
	"reddot/projector/emit"
	"reddot/projector/log"
)

const (
	// lookEvery is how often it is looked whether everything moves. The stream is
	// asked each time for its last seq, and who else reads it: see alone.
	lookEvery = 400 * time.Millisecond
	// lateEvery is how often while the state is late: queries are taken again once it
	// is not.
	lateEvery = 100 * time.Millisecond
	// lookTimeout bounds how long that is waited for.
	lookTimeout = 2 * time.Second

	// foldPatience is how long commands may be in the stream and nothing be
	// applied; batchPatience the same while a batch is folded, which may be large.
	foldPatience  = 3 * time.Second
	batchPatience = 30 * time.Second
	// emitPatience is how long commands may be applied and no event be stored, beside
	// the time that one who stands by waits until it takes over.
	emitPatience = 10 * time.Second

	// staleAfter is after how long without a word of the stream's end nothing is
	// answered: what is shown may be old.
	staleAfter = 2 * time.Second
	// silentAfter is after how long the reader of the log is taken for deaf. It
	// hears some heartbeats a second, and begins again by itself before.
	silentAfter = 5 * time.Second
)

// health is what a projector knows of what it lives by. Safe for concurrent use.
type health struct {
	lost     *log.Complaint // why the log's reader had to begin again
	stuck    *log.Complaint // why the next command does not come
	asking   *log.Complaint // why the stream does not say how far it is
	checking *log.Complaint // why it can't be checked that the stream is still the log
	fold     *standstill
	emission *standstill

	heard    instant       // when the reader last heard of the server
	asked    instant       // when the stream was asked for its end, of the last time that it answered
	shown    lateness      // of the state
	last     atomic.Uint64 // the stream's last seq, as it said then
	leader   leaderClock   // the time, as it said then
	folding  atomic.Bool   // a batch is folded
	replayed atomic.Uint64 // commands read again by the emitter
	soon     chan struct{} // has it looked at once
}

// report is what the fold's reader reports of itself.
func (h *health) report() log.Report {
	return log.Report{Lost: h.lost, Stuck: h.stuck, Heard: h.heard.set}
}

// lookSoon has it looked at once.
func (h *health) lookSoon() {
	select {
	case h.soon <- struct{}{}:
	default:
	}
}

// instant is a point in time, with the reading of the monotonic clock: how long
// ago it is does not change with the clock on the wall. The zero value is long ago.
type instant struct{ at atomic.Pointer[time.Time] }

func (i *instant) set(t time.Time) { i.at.Store(&t) }

func (i *instant) ago() time.Duration { return i.upTo(time.Now()) }

// upTo is how long before now it is.
func (i *instant) upTo(now time.Time) time.Duration {
	if at := i.at.Load(); at != nil {
		return now.Sub(*at)
	}
	return math.MaxInt64
}

// seconds is how long ago it is, as a figure.
func (i *instant) seconds() float64 {
	if i.at.Load() == nil {
		return math.Inf(1)
	}
	return i.ago().Seconds()
}

func (i *instant) before(d time.Duration) bool { return i.ago() > d }

func newHealth(last events.Seq, logger *slog.Logger) *health {
	h := &health{
		lost:     log.NewComplaint("reading the command stream", logger),
		stuck:    log.NewComplaint("the next command does not come", logger),
		asking:   log.NewComplaint("the command stream does not say how far it is", logger),
		checking: log.NewComplaint("the command stream can't be checked", logger),
		fold:     &standstill{what: "the fold", logger: logger},
		emission: &standstill{what: "the emission", logger: logger},
		soon:     make(chan struct{}, 1),
	}
	h.last.Store(uint64(last))
	h.begin(time.Now())
	return h
}

// begin takes everything for well.
func (h *health) begin(now time.Time) {
	h.heard.set(now)
	h.asked.set(now)
}

// watchHealth looks until ctx ends.
func (p *Projector) watchHealth(ctx context.Context) error {
	p.health.begin(time.Now())
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	for failed := 0; ; {
		if p.look(ctx, lookPatience(failed)) {
			failed = 0
		} else {
			failed++
		}
		if p.health.shown.late() {
			tick.Reset(lateEvery)
		} else {
			tick.Reset(lookEvery)
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-p.health.soon:
		case <-tick.C:
		}
	}
}

// lookPatience is how long a look waits for the stream after some have failed. A
// request may be lost with the stream's leader, and is to be made again soon; or
// the server is slow, and is to be waited for: by turns a quarter, half and all of
// lookTimeout.
func lookPatience(failed int) time.Duration {
	if failed == 0 {
		return lookTimeout
	}
	return lookTimeout >> (2 - (failed-1)%3)
}

// end is the stream's last seq at a time.
type end struct {
	asked time.Time
	last  events.Seq
}

// look looks once, and reports whether the stream has said how far it is.
func (p *Projector) look(ctx context.Context, patience time.Duration) bool {
	h := p.health
	asked := time.Now()
	asking, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	last, err := p.lookAround(asking, asked)
	now := time.Now()
	switch {
	case err == nil:
		h.asking.Over(now)
		h.last.Store(uint64(last))
		h.shown.look(asked, last, now, p.applied.get())
		h.asked.set(asked) // what is known of it first
	case ctx.Err() != nil:
		return false
	default:
		h.asking.Is(p.lostOr(err), now)
		last = events.Seq(h.last.Load())
	}
	applied, emitted := p.applied.get(), p.emitted.get()
	foldMay := foldPatience
	if h.folding.Load() {
		foldMay = batchPatience
	}
	h.fold.look(now, uint64(applied), applied < last, foldMay, applied+1, p.whyFold)
	f := p.emitter.Figures()
	moved := uint64(emitted) + f.Changes + f.Receipts + f.Rejected + f.Rounds + f.Reads + f.Heard + h.replayed.Load()
	behind := emitted < applied && p.emitter.Held() == 0 // else it stands still as it was asked to
	h.emission.look(now, moved, behind, emitPatience+cmp.Or(p.cfg.Takeover, emit.DefaultTakeover), emitted+1, p.whyEmission)
	return err == nil
}

// lookAround asks the stream for its last seq, and looks who else reads it.
func (p *Projector) lookAround(ctx context.Context, begun time.Time) (events.Seq, error) {
	connection, settling := p.cfg.Conn.Stats().Reconnects, p.settling.begun()
	own, changes := p.log.Consumers()
	end, err := p.log.Newest(ctx)
	if err != nil {
		return 0, err
	}
	s := sighting{begun: begun, last: end.Last, consumers: end.Consumers, own: own, changes: changes, connection: connection}
	if _, now := p.log.Consumers(); now != changes {
		s.own = 0 // nobody knows which of them it has counted
	}
	p.alone.look(s)
	p.health.leader.set(end.At, time.Now())
	if !s.others() {
		p.settling.end(settling)
	}
	return s.last, nil
}

// whyFold says why nothing is applied.
func (p *Projector) whyFold() string {
	for _, c := range []*log.Complaint{p.health.lost, p.health.stuck} {
		if why := c.Now(); why != nil {
			return why.Error()
		}
	}
	if p.health.folding.Load() {
		return "a batch of commands is still at work"
	}
	return "the stream has commands and sends none"
}

// whyEmission says why no event is stored.
func (p *Projector) whyEmission() string {
	if state := p.emitter.State(); state != emit.Standby {
		return fmt.Sprintf("the emitter is %s and the event stream takes nothing; the log says more", state)
	}
	return "this one stands by, and sees nobody store them; the log says more"
}

// errLost says that there is no connection.
var errLost = errors.New("the NATS server is lost")

// errSettling says that another reddot may not know of this one yet.
var errSettling = fmt.Errorf("%w: another reddot may not know of this one yet", events.ErrBehind)

// lostOr is errLost, or why a server could not be asked to which there is a
// connection.
func (p *Projector) lostOr(err error) error {
	if !p.contact.up() {
		return errLost
	}
	return err
}

// Fresh returns nil if what is answered is the newest state, or nearly so, else
// why that is not known: then no answer is better than an old one. Settling is a
// reason at the start only: later who asks waits that moment.
func (p *Projector) Fresh() error {
	if why := p.failure.Load(); why != nil {
		return *why
	}
	if applied := p.applied.get(); applied < p.target {
		return fmt.Errorf("%w: applied %d of %d", events.ErrBehind, applied, max(p.target, events.Seq(p.health.last.Load())))
	}
	if p.settling.first() {
		return errSettling
	}
	h := p.health
	if h.asked.before(staleAfter) {
		return fmt.Errorf("nothing was heard of the command stream for %s", seconds(h.asked.ago()))
	}
	if applied, last := p.applied.get(), events.Seq(h.last.Load()); applied < last && h.shown.late() {
		return fmt.Errorf("%w: applied %d of %d", events.ErrBehind, applied, last)
	}
	return nil
}

// Shows returns nil if a view may be shown now: it is fresh, and no other reddot can
// believe to be alone and know less.
func (p *Projector) Shows() error {
	if err := p.Fresh(); err != nil {
		return err
	}
	if !p.settling.done() {
		return errSettling
	}
	return nil
}

func seconds(d time.Duration) time.Duration { return d.Round(time.Second) }

// Ready returns nil if the projection answers and everything moves, else why
// not. That events are emitted by another reddot is no reason.
func (p *Projector) Ready() error {
	if why := p.failure.Load(); why != nil {
		return *why
	}
	h := p.health
	if !p.contact.up() {
		return fmt.Errorf("%w: nothing was heard of it for %s", errLost, seconds(h.heard.ago()))
	}
	if s := h.fold.get(); s != nil {
		return fmt.Errorf("stands still before seq %d for %s: %s", s.Seq, since(s), s.Reason)
	}
	for _, c := range []*log.Complaint{h.asking, h.checking} {
		if err := c.Now(); err != nil {
			return fmt.Errorf("%s: %w", c.About(), err)
		}
	}
	if h.heard.before(silentAfter) {
		return fmt.Errorf("the log's reader has heard nothing for %s: %s", seconds(h.heard.ago()), p.whyFold())
	}
	if err := p.Fresh(); err != nil {
		return err
	}
	if s := h.emission.get(); s != nil {
		return fmt.Errorf("events stand still before those of seq %d for %s: %s", s.Seq, since(s), s.Reason)
	}
	return nil
}

func since(s *events.Standstill) time.Duration {
	return seconds(time.Since(time.UnixMilli(int64(s.Since))))
}

// state is the word of a status for how a projector is, and why it is not live.
func (p *Projector) state() (state, why string) {
	err := p.Ready()
	if failed := p.failure.Load(); failed != nil { // perhaps since Ready looked
		return events.Stopped, (*failed).Error()
	}
	switch {
	case err == nil:
		return events.Live, ""
	case errors.Is(err, errLost) || p.health.asked.before(silentAfter):
		return events.Lost, err.Error()
	case p.health.fold.get() != nil || p.health.emission.get() != nil && p.Fresh() == nil:
		return events.Stalled, err.Error()
	case errors.Is(p.Fresh(), events.ErrBehind):
		return events.CatchingUp, ""
	}
	return events.Live, err.Error()
}
