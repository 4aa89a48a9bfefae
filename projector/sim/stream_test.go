package sim

import (
	"context"
	"maps"
	"slices"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"reddot/projector/emit/journal"
)

// stream is the event stream over a process's link. It implements journal.Stream.
type stream struct{ *lane }

// future is a message on its way. It implements journal.Future.
type future struct {
	ok   chan *jetstream.PubAck
	err  chan error
	done bool
}

func (f *future) Ok() <-chan *jetstream.PubAck { return f.ok }
func (f *future) Err() <-chan error            { return f.err }

// settle resolves it; only the first time counts.
func (f *future) settle(seq uint64, err error) {
	switch {
	case f.done:
		return
	case err != nil:
		f.err <- err
	default:
		f.ok <- &jetstream.PubAck{Sequence: seq}
	}
	f.done = true
}

// Append implements journal.Stream.
func (s stream) Append(msg *nats.Msg) (journal.Future, error) {
	l, w := s.lane, s.w
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(l.waiting) >= maxWaiting {
		return nil, errBufferFull
	}
	// What is sent is the bytes of now.
	wire := &nats.Msg{Subject: msg.Subject, Header: maps.Clone(msg.Header), Data: msg.Data}
	if w.sabotage.message != nil {
		w.sabotage.message(wire)
	}
	w.forger.sent = wire
	w.note("%s sends %s", l.name, id(wire))
	f := &future{ok: make(chan *jetstream.PubAck, 1), err: make(chan error, 1)}
	l.futures = append(l.futures, f)
	w.at(w.now()+journal.AckTimeout, func() { l.resolve(f, 0, jetstream.ErrAsyncPublishTimeout) })
	deleted := w.server.deleted
	l.send(func(epoch int) {
		if deleted != w.server.deleted {
			return
		}
		if w.plan.noise && l.one(60) {
			w.note("%s: %s is lost", l.name, id(wire))
			return
		}
		if w.server.events.gone {
			l.back(epoch, func() { l.resolve(f, 0, jetstream.ErrNoStreamResponse) })
			return
		}
		seq, duplicate, err := w.server.events.store(wire, time.Now())
		w.note("%s: %s after %s: %d %v %v", l.name, id(wire), wire.Header.Get(jetstream.ExpectedLastSeqHeader), seq, duplicate, err)
		if err == nil && !duplicate {
			w.audit.hear(w.server.events.count, wire)
		}
		if w.plan.noise && l.one(60) {
			w.note("%s: the acknowledgement of %s is lost", l.name, id(wire))
			return
		}
		l.back(epoch, func() { l.resolve(f, seq, err) })
	})
	return f, nil
}

func id(msg *nats.Msg) string { return msg.Header.Get(jetstream.MsgIDHeader) }

func (l *lane) resolve(f *future, seq uint64, err error) {
	if f.done {
		return
	}
	f.settle(seq, err)
	l.futures = slices.DeleteFunc(l.futures, func(g *future) bool { return g == f })
}

// Tail implements journal.Stream, in two requests as the one in JetStream.
func (s stream) Tail(ctx context.Context) (journal.End, error) {
	none := false
	end, err := ask(ctx, s.lane, func() (journal.End, error) {
		es := &s.w.server.events
		if es.gone {
			return journal.End{}, journal.ErrGone
		}
		es.expire(time.Now())
		none = len(es.msgs) == 0
		return journal.End{Last: es.last, Key: es.key}, nil
	})
	if err != nil || none {
		return end, err
	}
	if s.w.sabotage.key != nil {
		s.w.sabotage.key(&end.Key)
	}
	end.Msg, err = ask(ctx, s.lane, func() (*nats.Msg, error) {
		m, _ := s.w.server.events.get(end.Last)
		return m.msg, nil
	})
	return end, err
}

// readTimeout is how long a reading of events waits before it says that it
// can't.
const readTimeout = 2 * time.Second

// Read implements journal.Stream.
func (s stream) Read(ctx context.Context, from, upto uint64, fn func(uint64, *nats.Msg) error) error {
	ctx, cancel := context.WithTimeout(ctx, readTimeout)
	defer cancel()
	all, err := ask(ctx, s.lane, func() ([]stored, error) { return s.w.server.events.between(from, upto), nil })
	if err != nil {
		return err
	}
	for _, m := range all {
		if err := fn(m.seq, m.msg); err != nil {
			return err
		}
	}
	return nil
}
