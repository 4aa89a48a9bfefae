package emit

import (
	"context"
	"strconv"
	"time"

	"github.com/nats-io/nats.go"

	"reddot/events"
	"reddot/projector/emit/journal"
)

// held is a message that is not sent yet.
type held struct {
	msg    *nats.Msg // nil: there is none
	parcel parcel
}

// put sends the message held back and holds the next one.
func (g *rounds) put(ctx context.Context, subject string, data []byte, header nats.Header, p parcel) error {
	if err := g.release(ctx); err != nil {
		return err
	}
	msg := nats.NewMsg(g.emitter.cfg.Subjects.Prefix() + "-out." + strconv.Itoa(g.emitter.cfg.Partition) + "." + subject)
	msg.Data = data
	for _, h := range []nats.Header{g.header, header} {
		for name, value := range h {
			msg.Header[name] = value
		}
	}
	g.held = held{msg, p}
	return nil
}

// release sends the message held back. It says what is emitted: all that is stored,
// and with it what this one shows if nothing else is left.
func (g *rounds) release(ctx context.Context) error {
	h := g.held
	if h.msg == nil {
		return nil
	}
	g.held = held{}
	var own *round
	if h.parcel != nil {
		own = h.parcel.last()
	}
	applied, begin := g.appliedBut(own)
	if g.applies == nil || applied != g.says.applied || begin != g.says.begin {
		g.says.applied, g.says.begin = applied, begin
		g.applies, g.begins = []string{format(applied)}, []string{strconv.FormatUint(begin, 10)}
	}
	h.msg.Header[journal.HeaderApplied], h.msg.Header[journal.HeaderBegin] = g.applies, g.begins
	g.sent, g.lags = time.Now(), time.Time{}
	return g.writer.Send(ctx, h.msg, h.parcel)
}

// event sends an event of one part.
func (g *rounds) event(ctx context.Context, subject string, event any, p parcel) error {
	data, err := events.Marshal(g.emitter.cfg.Encoding, event)
	if err != nil {
		return err
	}
	return g.put(ctx, subject, data, nil, p)
}

// defaultPayload is how large a message a NATS server takes unless it is configured otherwise.
const defaultPayload = 1 << 20

// headerRoom is more than the headers of an event take.
const headerRoom = 1 << 10

// room is how large the payload of an event may be.
func (e *Emitter) room() int { return int(e.cfg.MaxPayload()) - headerRoom }
