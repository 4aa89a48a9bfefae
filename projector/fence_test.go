package projector_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"maps"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"reddot/events"
	"reddot/projector/emit"
	"reddot/projector/twin"
)

// emitter is what a process's emitter is doing.
func (p *process) emitter() emit.State { return emit.State(p.status().Emitter) }

// leads waits until one of two processes emits and the other stands by.
func leads(t *testing.T, p, q *process) (leader, standby *process) {
	t.Helper()
	eventually(t, "one of two emits, the other stands by", func() bool {
		a, b := p.emitter(), q.emitter()
		if a == emit.Standby {
			leader, standby = q, p
		} else {
			leader, standby = p, q
		}
		return a != b && (a == emit.Emitting || b == emit.Emitting)
	})
	return leader, standby
}

// TestTakeover runs two projectors on one event stream under random load. One
// emits; when it ends the other takes over; and what both have written
// together is as if one had.
func TestTakeover(t *testing.T) {
	t.Parallel()
	c := newChaos(t, drawSeed(t), twin.Config{})
	p := c.bus.run(t.TempDir())
	c.write(200)
	p.settle(c.author.last())
	q := c.bus.run(t.TempDir())
	for round := range 2 {
		for range 20 { // in small steps: both try to write
			p.settle(c.write(5))
		}
		leader, standby := leads(t, p, q)
		c.check(leader)
		for range 200 {
			c.write(1 + c.rng.IntN(5))
		}
		if round == 0 {
			leader.stop()
		} else {
			leader.kill()
		}
		c.write(300)
		c.check(standby)
		if got := standby.emitter(); got != emit.Emitting {
			t.Errorf("the other has ended; this one is %q", got)
		}
		p, q = standby, c.bus.run(t.TempDir())
	}
	t.Logf("%d commands, %d events, %d of them changes", c.upto, c.events, c.changes)
}

// sealer returns what puts on a message for the event stream what an emitter
// would, at a place.
func (b *bus) sealer() func(msg *nats.Msg, place uint64) {
	b.t.Helper()
	metadata := b.events().CachedInfo().Config.Metadata
	var from uint64
	var secret string
	if n, err := fmt.Sscanf(metadata["reddot-key"], "key1 %d %s", &from, &secret); n != 2 || from != 1 {
		b.t.Fatalf("the key of the event stream is for sequence %d on: %v", from, err)
	}
	sum := func(key []byte, text ...[]byte) []byte {
		h := hmac.New(sha256.New, key)
		for _, b := range text {
			h.Write(b)
		}
		return h.Sum(nil)
	}
	key := sum(must(base64.RawURLEncoding.DecodeString(secret))(b.t), []byte("reddot event 1\x00"+metadata["reddot-log"]))
	return func(msg *nats.Msg, place uint64) {
		text := binary.BigEndian.AppendUint64(nil, place)
		for _, field := range []string{
			msg.Subject, msg.Header.Get("Content-Type"), msg.Header.Get("Reddot-Writer"), msg.Header.Get("Reddot-Applied"),
			msg.Header.Get("Reddot-At"), msg.Header.Get("Reddot-Sum"), msg.Header.Get("Reddot-Generation"), msg.Header.Get("Reddot-More"),
		} {
			text = append(binary.BigEndian.AppendUint32(text, uint32(len(field))), field...)
		}
		msg.Header.Set("Nats-Msg-Id", base64.RawURLEncoding.EncodeToString(sum(key, text, msg.Data)[:16]))
		msg.Header.Set("Nats-Expected-Last-Sequence", fmt.Sprint(place-1))
	}
}

// TestFencedWithinWindow has another emitter's message come in between the many
// that an emitter has on their way: of those behind it none is stored, and
// when the other goes quiet the rest follows.
func TestFencedWithinWindow(t *testing.T) {
	for range 20 {
		if fencedWithinWindow(t) {
			return
		}
	}
	t.Fatal("the emitter was done each time before the other's message came in between")
}

// fencedWithinWindow returns false if the emitter was faster than the other.
func fencedWithinWindow(t *testing.T) bool {
	const users = 10_000
	b := newBus(t)
	a := b.author()
	dir := t.TempDir()
	b.run(dir).stop()
	for i := range users { // one command for each: each has one change, wherever generations end
		a.message(member(i), "sender", "m1")
	}
	a.flush()
	changes := b.hear(t, "unread.evt.>")
	first := make(chan *nats.Msg, users) // of the last generation
	if _, err := b.connect().Subscribe("unread.evt.>", func(m *nats.Msg) {
		if m.Header.Get(headerAt) == fmt.Sprint(a.last()) {
			first <- m
		}
	}); err != nil {
		t.Fatal(err)
	}
	p := b.run(dir)
	var heard *nats.Msg
	select {
	case heard = <-first:
	case <-time.After(tooLong):
		t.Fatal("the last generation does not begin")
	}
	rivals := b.intrude(heard)
	fenced := false
	eventually(t, "the emitter stands by or is done", func() bool {
		fenced = p.emitter() == emit.Standby
		return fenced || p.status().Emitted == a.last()
	})
	if !fenced {
		p.stop()
		return false
	}
	if end := b.end(); end != rivals[len(rivals)-1] || end > users {
		t.Fatalf("the stream ends at %d, not with the other's message, %d", end, rivals[len(rivals)-1])
	}
	p.settle(a.last())
	if got := p.emitter(); got != emit.Emitting {
		t.Errorf("the emitter is %q", got)
	}
	l := newLedger(t)
	all := b.storedEvents(1)
	for _, s := range all {
		l.enter(&s)
	}
	v := p.view(a.last())
	defer v.Close()
	for i := range users {
		l.settled(v, member(i))
	}
	if want := users + len(rivals); l.changes != want {
		t.Errorf("%d changes are stored, not %d", l.changes, want)
	}
	changes.compare(t, all)
	t.Logf("%d of the other's messages are from %d on, of %d", len(rivals), rivals[0], len(all))
	return true
}

// intrude has another emitter's messages come in between those of one that goes
// on from an event that was heard. It returns where they are.
func (b *bus) intrude(heard *nats.Msg) (places []uint64) {
	b.t.Helper()
	const guesses = 500
	base := &nats.Msg{Subject: "unread-out.0.evt.foreign.change", Header: nats.Header{"Reddot-Writer": {"other"}}}
	for _, name := range []string{"Content-Type", "Reddot-Applied", "Reddot-At", "Reddot-Generation"} {
		base.Header.Set(name, heard.Header.Get(name))
	}
	seal := b.sealer()
	for version := events.Seq(1); places == nil; {
		var futures []jetstream.PubAckFuture
		for place := b.end() + 1; len(futures) < guesses; place++ { // one that fits, and so may those after it
			msg := &nats.Msg{Subject: base.Subject, Header: maps.Clone(base.Header)}
			msg.Data = must(events.Marshal(events.Msgpack, events.Change{User: "foreign", Version: version}))(b.t)
			version++
			seal(msg, place)
			futures = append(futures, must(b.js.PublishMsgAsync(msg, jetstream.WithRetryAttempts(0)))(b.t))
		}
		for _, f := range futures {
			select {
			case ack := <-f.Ok():
				places = append(places, ack.Sequence)
			case <-f.Err():
			}
		}
	}
	return places
}
