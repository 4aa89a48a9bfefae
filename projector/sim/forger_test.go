package sim

import (
	"fmt"
	"maps"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"reddot/events"
)

// forger is somebody who may publish to the event stream, hears all that is
// stored in it, and knows all that reddot knows but the key.
type forger struct {
	*actor
	sent *nats.Msg // the last message that an emitter has sent
}

// forge has the forger store some messages, at once or for a while.
func (w *world) forge() {
	if w.sabotage.alone {
		return
	}
	f := &w.forger
	n := 1 + f.IntN(4)
	switch f.IntN(6) {
	case 0: // more than is read at first in search of the last event
		n = 50 + f.IntN(300)
	case 1:
		w.forgeOn(f.between(time.Millisecond, 4*time.Second), f.between(time.Millisecond, 200*time.Millisecond))
	}
	for range n {
		w.forgeOne()
	}
}

// forgeOn has it store a message now and then.
func (w *world) forgeOn(left, every time.Duration) {
	if left <= 0 {
		return
	}
	pause := w.forger.between(every/2, every)
	w.forger.in(pause, func() {
		w.forgeOne()
		w.forgeOn(left-pause, every)
	})
}

// forgeOne stores one message: one of an emitter's, as it is or changed, or
// anything else.
func (w *world) forgeOne() {
	f, s := &w.forger, &w.server.events
	if !w.server.up || s.gone {
		return
	}
	model := nats.NewMsg("unread-out.x.evt.bob.change")
	overtakes := f.sent != nil && f.one(10) // what is on its way comes sooner
	switch n := len(s.msgs); {
	case overtakes:
		model = f.sent
	case n > 0 && f.one(2):
		model = s.msgs[n-1].msg
	case n > 0 && !f.one(8):
		model = s.msgs[f.IntN(n)].msg
	}
	msg := &nats.Msg{Subject: model.Subject, Header: maps.Clone(model.Header), Data: model.Data}
	if !overtakes {
		msg.Header.Del(jetstream.ExpectedLastSeqHeader)
		f.change(msg)
	}
	seq, duplicate, err := s.store(msg, time.Now())
	w.note("the forger stores %s: %d %v %v", id(msg), seq, duplicate, err)
	if overtakes && err == nil && !duplicate {
		w.audit.hear(s.count, msg) // the emitter's own, at its place
	}
}

// change changes one thing, or nothing.
func (f *forger) change(msg *nats.Msg) {
	at := func(seq int) string { return fmt.Sprint(max(seq, 0)) }
	shown := 0
	fmt.Sscan(msg.Header.Get(headerAt), &shown)
	switch f.IntN(7) {
	case 0:
		msg.Header.Set("Reddot-Applied", at(shown))
	case 1:
		msg.Header.Set(headerAt, at(shown+f.IntN(20)-10))
		msg.Header.Set("Reddot-Applied", msg.Header.Get(headerAt))
	case 2:
		msg.Header.Set(headerAt, "4000000000")
		msg.Header.Set("Reddot-Applied", "4000000000")
	case 3:
		msg.Header.Set(headerWriter, "forger")
	case 4:
		msg.Data = []byte("{}")
		msg.Header.Set("Content-Type", events.JSON.ContentType())
	case 5:
		msg.Header.Set("Reddot-Generation", fmt.Sprint(1+f.IntN(50)))
	}
	if f.one(2) {
		msg.Header.Del(jetstream.MsgIDHeader) // with it, soon, it is a duplicate
	}
}
