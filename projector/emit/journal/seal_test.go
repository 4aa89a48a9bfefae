package journal

import (
	"testing"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"reddot/events"
)

// TestSeal changes each part of an event: its seal is broken.
func TestSeal(t *testing.T) {
	key := newKey(5)
	s := newSealer(key, "log")
	sealed := func() *nats.Msg {
		msg := &nats.Msg{Subject: "unread-out.0.evt.a.change", Header: nats.Header{}, Data: []byte("body")}
		for _, name := range append(bound[:], further[:]...) {
			msg.Header.Set(name, "1")
		}
		msg.Header.Set(jetstream.MsgIDHeader, s.seal(7, msg))
		return msg
	}
	if msg := sealed(); !s.genuine(7, msg) || !newSealer(key, "log").genuine(7, msg) {
		t.Error("an event is not genuine")
	}
	changes := map[string]func(*nats.Msg){
		"subject": func(m *nats.Msg) { m.Subject += "x" },
		"body":    func(m *nats.Msg) { m.Data = []byte("bodi") },
		"no body": func(m *nats.Msg) { m.Data = nil },
		"seal":    func(m *nats.Msg) { m.Header.Set(jetstream.MsgIDHeader, m.Header.Get(jetstream.MsgIDHeader)[1:]) },
		"no seal": func(m *nats.Msg) { m.Header.Del(jetstream.MsgIDHeader) },
		"moved from one header to the next": func(m *nats.Msg) {
			m.Header.Set(HeaderAt, "11")
			m.Header.Set(HeaderSum, "")
		},
		"moved from the subject": func(m *nats.Msg) {
			m.Header.Set(events.HeaderContentType, m.Subject[len(m.Subject)-1:]+m.Header.Get(events.HeaderContentType))
			m.Subject = m.Subject[:len(m.Subject)-1]
		},
		"moved to the body": func(m *nats.Msg) {
			m.Data = append([]byte(m.Header.Get(events.HeaderMore)), m.Data...)
			m.Header.Del(events.HeaderMore)
		},
	}
	for _, name := range append(bound[:], further[:]...) {
		changes[name] = func(m *nats.Msg) { m.Header.Set(name, "2") }
		changes["no "+name] = func(m *nats.Msg) { m.Header.Del(name) }
	}
	for name, change := range changes {
		msg := sealed()
		change(msg)
		if s.genuine(7, msg) {
			t.Errorf("%s: an altered event is genuine", name)
		}
	}
	for _, seq := range []uint64{5, 6, 8} {
		if s.genuine(seq, sealed()) {
			t.Errorf("an event is genuine at %d", seq)
		}
	}
	if newSealer(newKey(5), "log").genuine(7, sealed()) || newSealer(key, "log of another stream").genuine(7, sealed()) {
		t.Error("an event of another key, or another log, is genuine")
	}
	old := &nats.Msg{Header: nats.Header{HeaderWriter: {"w"}}}
	if !s.genuine(4, old) || s.genuine(5, old) || s.genuine(4, &nats.Msg{}) {
		t.Error("an event without a seal is genuine before the key's first sequence, and only there")
	}
}

// TestOlderSeal seals an event without any header that older reddots do not know as
// these did: each takes the other's for its own. One with such a header has another
// seal.
func TestOlderSeal(t *testing.T) {
	const older = "sGiXzldNeTgC6XTxqBaeiA"
	s := newSealer(Key{From: 1}, "log")
	msg := &nats.Msg{Subject: "unread-out.0.evt.a.change", Header: nats.Header{}, Data: []byte("body")}
	for _, name := range bound {
		msg.Header.Set(name, "1")
	}
	if got := s.seal(7, msg); got != older {
		t.Errorf("the seal is %s, not %s", got, older)
	}
	for _, name := range further {
		msg.Header.Set(name, "1")
		if s.seal(7, msg) == older {
			t.Errorf("%s does not change the seal", name)
		}
		msg.Header.Del(name)
	}
}

// TestKeyText writes and reads a key.
func TestKeyText(t *testing.T) {
	key := newKey(42)
	if got, err := parseKey(key.String()); err != nil || got != key {
		t.Errorf("read again it is another one: %v", err)
	}
}

func BenchmarkSeal(b *testing.B) {
	s := newSealer(newKey(1), "log")
	msg := &nats.Msg{Subject: "unread-out.0.evt.user.change", Header: nats.Header{HeaderWriter: {"abcdefghijkl"}}, Data: make([]byte, 400)}
	b.ReportAllocs()
	for b.Loop() {
		s.seal(1<<20, msg)
	}
}
