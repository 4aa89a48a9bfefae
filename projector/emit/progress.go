package emit

import (
	"context"
	"strconv"
	"time"

	"github.com/nats-io/nats.go"

	"reddot/projector/emit/journal"
)

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

// sayAfter is how long the stream need not say that a change is emitted: what
// is said with the next event costs no message. That commands without a change are
// applied is said quietShare times within Takeover: who stands by and has just
// started does not know what they left.
const (
	sayAfter   = 50 * time.Millisecond
	quietShare = 3
)

// unsaid is when the stream is to say what is emitted, which no event has said; nil
// if it says all.
func (g *rounds) unsaid() <-chan time.Time {
	applied := g.applied()
	if g.says.applied >= applied {
		return nil
	}
	after := max(g.emitter.cfg.Takeover/quietShare, sayAfter)
	if g.says.applied < min(g.owed, applied) {
		after = sayAfter
	}
	if g.lags.IsZero() {
		g.lags = time.Now()
	}
	return time.After(time.Until(g.lags.Add(after)))
}

// idle waits for commands or a list that was read aside, and takes acknowledgements
// meanwhile. When all is stored that the stream does not say to be emitted, it says
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

// say writes a message without an event, which says only how far all is emitted.
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
