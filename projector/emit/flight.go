package emit

import (
	"context"
	"strconv"
	"time"

	"github.com/nats-io/nats.go"

	"reddot/events"
	"reddot/projector/emit/journal"
	"reddot/projector/fold"
)

// What is on its way is not told yet: a message may lose its place to a foreign
// one while others behind it are stored, and is sent again behind those. So of a
// user one change is on its way at a time, and of a user and a peer one receipt:
// what comes meanwhile waits until that has landed, and merges.

// parcel is an event on its way, or a part of one.
type parcel interface {
	journal.Parcel
	// last is the round of which nothing more of the event is on its way when this
	// part has landed; nil if there is.
	last() *round
}

// flight is a user's change on its way. It implements parcel.
type flight struct {
	backlog *backlog
	user    string
	round   *round // the first whose commands it tells of
	parts   int    // sent, or about to be
	left    int    // of them not stored
	open    bool   // further parts are to come
}

// takeOff notes that a user is being told.
func (b *backlog) takeOff(user string) *flight {
	f := &flight{backlog: b, user: user, round: b.roundAt(b.since(user)), open: true}
	f.round.open++
	b.flights[user] = f
	return f
}

// part adds a part; more says that it is not the last one.
func (f *flight) part(more bool) {
	f.parts++
	f.left++
	f.open = more
}

func (f *flight) Landed() {
	f.left--
	f.end()
}

// end ends the flight if all of it has landed: whoever waits for that may be told.
func (f *flight) end() {
	if f.left > 0 || f.open {
		return
	}
	b := f.backlog
	b.close(f.round)
	delete(b.flights, f.user)
	if d := b.users[f.user]; d != nil && d.lane == flying {
		b.enqueue(d, d.next)
	}
}

func (f *flight) last() *round {
	if f.left > 1 || f.open {
		return nil
	}
	return f.round
}

// receiptFlight is a receipt on its way. It implements parcel.
type receiptFlight struct {
	backlog *backlog
	key     fold.Key
	round   *round
	again   *round // it is to be sent once more; nil: it is not
}

func (f *receiptFlight) Landed() {
	b := f.backlog
	b.close(f.round)
	delete(b.receiptFlights, f.key)
	if f.again != nil {
		b.receipts.add(f.key, f.again)
	}
}

func (f *receiptFlight) last() *round { return f.round }

// refusalFlight is a refusal on its way. It implements parcel.
type refusalFlight struct{ round *round }

func (f *refusalFlight) Landed()      { f.round.open-- }
func (f *refusalFlight) last() *round { return f.round }

// progress says that all is stored up to where it is.
func (g *rounds) progress() {
	if applied := g.applied(); applied > g.shown {
		g.shown = applied
		g.emitter.stored(applied)
	}
}

// restate brings up to date what a message says that comes behind later ones.
func (g *rounds) restate(msg *nats.Msg) {
	if shows := msg.Header.Get(journal.HeaderAt); shows != "" && shows != g.header.Get(journal.HeaderAt) {
		msg.Header[journal.HeaderAt], msg.Header[journal.HeaderSum] = g.header[journal.HeaderAt], g.header[journal.HeaderSum]
		if msg.Header.Get(journal.HeaderShows) == "" {
			msg.Header.Set(journal.HeaderShows, shows)
		}
	}
	applied, begin := g.appliedBut(nil)
	msg.Header.Set(journal.HeaderApplied, format(applied))
	msg.Header.Set(journal.HeaderBegin, strconv.FormatUint(begin, 10))
	g.says.applied, g.says.begin, g.applies = applied, begin, nil // it is the newest message now
}

// markAfter is how long the stream need not say that what left a mark is told: what
// is said with the next event costs no message. That commands without a mark are
// applied is said quietShare times within Takeover: who stands by and has just
// started does not know what they left.
const (
	markAfter  = 50 * time.Millisecond
	quietShare = 3
)

// unsaid is when the stream is to be told what is told, which no event has said; nil
// if it says all.
func (g *rounds) unsaid() <-chan time.Time {
	applied := g.applied()
	if g.says.applied >= applied {
		return nil
	}
	after := max(g.emitter.cfg.Takeover/quietShare, markAfter)
	if g.says.applied < min(g.owed, applied) {
		after = markAfter
	}
	if g.lags.IsZero() {
		g.lags = time.Now()
	}
	return time.After(time.Until(g.lags.Add(after)))
}

// idle waits for marks or a list that was read aside, and takes acknowledgements
// meanwhile. When all is stored that the stream does not know to be told, it says
// so.
func (g *rounds) idle(ctx context.Context) error {
	w := g.writer
	if w.Pending() == 0 {
		marker := g.unsaid()
		select {
		case <-g.emitter.wake:
			return nil
		case <-marker:
			return g.say(ctx, nil)
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return w.Wait(ctx, g.emitter.wake)
}

// say writes a message that tells no user anything, only how far all is told.
func (g *rounds) say(ctx context.Context, header nats.Header) error {
	msg := nats.NewMsg(g.emitter.cfg.fenceSubject())
	for name, value := range g.header {
		msg.Header[name] = value
	}
	for name, value := range header {
		msg.Header[name] = value
	}
	g.held = held{msg: msg}
	return g.release(ctx)
}

// farewellTimeout bounds how long an emitter that is asked to end waits for what
// it has on its way.
const farewellTimeout = time.Second

// farewell says that this emitter writes no more, once all is stored that it has
// sent: another one may go on at once. Without it that one waits for a while.
func (g *rounds) farewell(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), farewellTimeout)
	defer cancel()
	err := g.writer.Finish(ctx)
	if err == nil {
		err = g.release(ctx)
	}
	if err == nil {
		err = g.writer.Finish(ctx)
	}
	if err == nil {
		err = g.say(ctx, nats.Header{journal.HeaderWriter: {g.emitter.cfg.ID}, journal.HeaderEnds: {"1"}})
	}
	if err == nil {
		err = g.writer.Finish(ctx)
	}
	if err != nil {
		g.emitter.cfg.Logger.Warn("emitter ends without a word to the others", "error", err)
	}
}

// wait has a user wait for the end of a flight: one who waits by name, or who is
// the next of a lot.
func (g *rounds) wait(user string, l *lot) {
	d := g.users[user]
	if l != nil {
		d = g.mark(l.round, user, l.Stamp, bulkLane)
		if l.Left {
			d.left.At(events.ConversationID{Kind: events.Group, ID: l.Group})
		}
	}
	if d.lane < longLane {
		d.next, d.lane = d.lane, flying
	}
}
