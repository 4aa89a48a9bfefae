package webhook

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"reddot/events"
)

// Bounds of what an endpoint holds in memory, beside maxAckPending events.
const (
	fetchAtOnce = 256
	fetchWait   = 5 * time.Second
	fullWait    = 50 * time.Millisecond // where enough is held
	maxHeld     = 16 << 20              // bytes of events, encoded
)

// Times of an endpoint.
const (
	expireEvery = time.Minute
	lookEvery   = time.Second // how often its figures are told
	endWait     = time.Second // what is in flight may go on so long when it ends
	againAfter  = 5 * time.Second
	buryWait    = 10 * time.Second
)

// endpoint delivers to one endpoint. Its loop owns the schedule and the origins.
type endpoint struct {
	hooks  *Webhooks
	cfg    *Endpoint
	file   string // the digest of its file
	log    *slog.Logger
	sender *sender
	told   *memory

	consumer  jetstream.Consumer
	schedule  *schedule
	origins   map[uint64]*origin // by place in the event stream
	replaying map[uint64]bool    // dead letters, by place among those
	bytes     int
	full      atomic.Bool // nothing more is fetched for now
	received  uint64      // the place of the last event that came
	before    uint64      // the place of the last event as this began: who was here before may have told it
	ahead     events.Seq  // the newest state that was told: events of it may still come
	keptAt    uint64      // the position that is written down
	kept      time.Time   // when that was
	made      time.Time   // when the event stream was
	paused    time.Time   // since when the endpoint wants no more; zero: it does

	incoming chan *received
	results  chan finished
	calls    chan func(context.Context)

	figures atomic.Pointer[Figures]
}

// finished is an item that was in flight.
type finished struct {
	item *item
	result
}

func (h *Webhooks) newEndpoint(cfg *Endpoint, file string) *endpoint {
	return &endpoint{
		hooks: h, cfg: cfg, file: file, log: h.log.With("webhook", cfg.Name), sender: newSender(cfg, "reddot/"+h.cfg.Version),
		calls: make(chan func(context.Context)),
	}
}

// run delivers until ctx ends. An error of NATS has it begin anew: what is not settled
// comes again.
func (e *endpoint) run(ctx context.Context) {
	defer e.sender.close()
	for ctx.Err() == nil {
		if err := e.deliver(ctx); err != nil && ctx.Err() == nil {
			e.log.Error("webhooks are not delivered", "error", err, "next_try", againAfter)
			e.idle(ctx, againAfter)
		}
	}
}

// idle waits; who asks meanwhile is told that nothing is delivered.
func (e *endpoint) idle(ctx context.Context, d time.Duration) {
	e.schedule = nil
	end := time.After(d)
	for {
		select {
		case <-ctx.Done():
			return
		case <-end:
			return
		case call := <-e.calls:
			call(ctx)
		}
	}
}

// open finds the consumer, and what of the past matters: up to where events are lost, if
// any are.
func (e *endpoint) open(ctx context.Context) (upto uint64, err error) {
	h := e.hooks
	if e.consumer, err = h.names.consumer(ctx, h.js, e.cfg.Name); err != nil {
		return 0, err
	}
	state, err := h.names.stateOf(ctx, h.js, h.cfg.Replicas)
	if err != nil {
		return 0, err
	}
	e.told = newMemory(h.js, state, h.names.told(e.cfg.Name))
	stream, err := h.js.Stream(ctx, h.names.EventStream())
	if err != nil {
		return 0, err
	}
	info := e.consumer.CachedInfo()
	if err := h.names.reclaim(ctx, h.js, e.consumer); err != nil {
		return 0, err
	}
	e.schedule = newSchedule(e.cfg.delay, jitter)
	e.origins, e.replaying, e.bytes = map[uint64]*origin{}, map[uint64]bool{}, 0
	e.full.Store(false)
	e.incoming, e.results = make(chan *received, fetchAtOnce), make(chan finished, maxInFlight)
	e.paused = time.Time{}
	switch since, err := time.Parse(time.RFC3339, info.Config.Metadata[metadataPaused]); {
	case err != nil:
	case info.Config.Metadata[metadataFile] == e.file:
		e.paused, e.schedule.paused = since, true
	default: // the file is another one
		if err := h.names.pause(ctx, h.js, e.consumer, time.Time{}, ""); err != nil {
			return 0, err
		}
	}
	e.received, e.made, e.keptAt = info.Delivered.Stream, stream.CachedInfo().Created, 0
	e.before, e.ahead = stream.CachedInfo().State.LastSeq, 0
	return e.lostBefore(ctx, state, stream.CachedInfo())
}

// errNotFetched says that nothing is fetched any more, for no reason that is known.
var errNotFetched = errors.New("no events are fetched")

// deliver is the endpoint's loop.
func (e *endpoint) deliver(ctx context.Context) error {
	lost, err := e.open(ctx)
	if err != nil {
		return err
	}
	working, stop := context.WithCancel(context.WithoutCancel(ctx)) // of requests, which may end by themselves
	defer stop()
	fetching := make(chan error, 1)
	reading, end := context.WithCancel(ctx)
	go func() { fetching <- e.fetch(reading, e.consumer.CachedInfo().Delivered.Stream) }()
	defer e.drain(stop)
	defer end()
	if lost > 0 {
		e.offerLost(lost, nil)
	}
	touch, expire, look := time.NewTicker(touchEvery), time.NewTicker(expireEvery), time.NewTicker(lookEvery)
	defer touch.Stop()
	defer expire.Stop()
	defer look.Stop()
	for {
		wake := e.start(working)
		var due <-chan time.Time
		if !wake.IsZero() {
			due = time.After(max(time.Until(wake), time.Millisecond))
		}
		select {
		case <-ctx.Done():
			end()
			<-fetching
			return nil // what the others still hold is given back
		case err := <-fetching:
			return cmp.Or(err, errNotFetched)
		case r := <-e.incoming:
			e.receive(r)
		case f := <-e.results:
			e.finish(ctx, f)
		case call := <-e.calls:
			call(working)
		case <-due:
		case <-touch.C:
			for _, o := range e.origins {
				o.from.Touch()
			}
		case <-expire.C:
			for _, it := range e.schedule.expire(time.Now()) {
				e.dead(ctx, it)
			}
		case <-look.C:
			e.look()
			if now := time.Now(); now.Sub(e.kept) >= positionEvery {
				e.keepPosition(now)
			}
		}
		e.full.Store(e.bytes > maxHeld)
	}
}

// drain lets what is in flight end, and gives back what is not settled.
func (e *endpoint) drain(stop func()) {
	cut := time.AfterFunc(endWait, stop)
	defer cut.Stop()
	for e.schedule.flying > 0 {
		e.finish(context.Background(), <-e.results)
	}
	for {
		select {
		case r := <-e.incoming:
			r.from.GiveBack()
			continue
		default:
		}
		break
	}
	e.keepPosition(time.Now())
	for _, o := range e.origins {
		o.from.GiveBack()
	}
	e.look()
}

// receive takes in an event.
func (e *endpoint) receive(r *received) {
	if o := e.origins[r.place]; o != nil { // it is worked at, and the server did not hear so
		o.from = r.from
		return
	}
	// What a crash of the NATS server makes it forget it hands out as if for the first time.
	again := r.again || r.place <= max(e.received, e.before)
	e.received = max(e.received, r.place)
	o := &origin{place: r.place, from: r.from, bytes: r.bytes}
	items := r.items(e.cfg)
	if r.lost > 0 {
		items = append(items, lostItem(r.lost))
	}
	for _, it := range items {
		it.again = it.again || again && it.kind != Resync
		o.pieces += len(it.pieces)
		for _, p := range it.pieces {
			p.origin = o
			if p.place == 0 {
				p.place = r.place
			}
		}
	}
	if o.pieces == 0 {
		o.from.Settle()
		return
	}
	e.origins[o.place] = o
	e.bytes += o.bytes
	for _, it := range items {
		e.offer(it)
	}
}

// offer puts an item into the schedule.
func (e *endpoint) offer(it *item) {
	where := news
	if it.kind == BadgeChanged {
		b := it.newest().badge
		before, _ := e.told.peek(it.user)
		if f := e.schedule.flies(it.lane, it.key); f != nil && !f.again {
			before = known{told{f.newest().badge.totals.Unread, f.newest().badge.version}, true}
		}
		switch {
		case it.again && b.totals.Unread <= before.Badge:
		case !it.again && before.is && before.Version > b.version, !it.again && before.is && before.Badge == b.totals.Unread:
			where = equal
		case b.totals.Unread > before.Badge:
			where = rise
		}
	}
	e.settle(e.schedule.offer(time.Now(), it, where))
}

func lostItem(upto uint64) *item {
	return &item{kind: Resync, lane: resyncLane, pieces: []*piece{{place: upto, at: events.Time(time.Now().UnixMilli()), reason: retention}}}
}

// offerLost tells that events up to a place are lost.
func (e *endpoint) offerLost(upto uint64, o *origin) {
	e.log.Warn("events were gone before they were told: the endpoint is told to ask for the state", "upto", upto)
	it := lostItem(upto)
	it.pieces[0].origin = o
	e.offer(it)
}

// settle takes note that pieces are told, or need not be.
func (e *endpoint) settle(pieces []*piece) {
	for _, p := range pieces {
		o := p.origin
		if o == nil {
			continue
		}
		if o.pieces--; o.pieces > 0 {
			continue
		}
		o.from.Settle()
		if e.origins[o.place] == o {
			delete(e.origins, o.place)
			e.bytes -= o.bytes
		}
	}
}

// start sends what is due, and returns when more is.
func (e *endpoint) start(ctx context.Context) (wake time.Time) {
	for {
		var it *item
		if it, wake = e.schedule.take(time.Now()); it == nil {
			return wake
		}
		it.again = it.again || e.overtaken(it)
		go func() { e.results <- finished{it, e.tell(ctx, it)} }()
	}
}

// overtaken reports whether a state as new as what an item says was told before its event
// came, of whomever.
func (e *endpoint) overtaken(it *item) bool {
	v := it.newest().version()
	return v > 0 && v <= e.ahead && it.body == nil
}
