package journal

import (
	"context"
	"log/slog"
	"strconv"
	"testing"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"reddot/projector/testkit"
)

// counted counts what is read of a stream.
type counted struct {
	Stream
	readings, messages int
}

func (c *counted) Read(ctx context.Context, from, upto uint64, fn func(uint64, *nats.Msg) error) error {
	c.readings++
	return c.Stream.Read(ctx, from, upto, func(seq uint64, msg *nats.Msg) error {
		c.messages++
		return fn(seq, msg)
	})
}

// flood stores foreign messages.
func (s streamed) flood(t *testing.T, n int) {
	t.Helper()
	for range n {
		if _, err := s.js.PublishMsgAsync(&nats.Msg{Subject: "unread-out.x.evt.bob.change", Header: nats.Header{HeaderWriter: {"none"}}},
			jetstream.WithStallWait(testkit.Patience)); err != nil {
			t.Fatal(err)
		}
	}
	testkit.Receive(t, "the messages are acknowledged", s.js.PublishAsyncComplete())
}

// event stores an event at a place.
func (l *lookout) store(t *testing.T, s streamed, seq uint64) {
	t.Helper()
	msg := nats.NewMsg("unread-out.0.evt.a.change")
	msg.Header.Set(HeaderWriter, "writer")
	msg.Header.Set(HeaderAt, strconv.FormatUint(seq, 10))
	msg.Header.Set(jetstream.MsgIDHeader, l.sealer.seal(seq, msg))
	if ack, err := s.js.PublishMsg(t.Context(), msg); err != nil || ack.Sequence != seq {
		t.Fatalf("the event is stored: %+v, %v", ack, err)
	}
}

// TestLookout finds the last event behind foreign messages. It reads what it has
// not seen, in few pieces, and each message once.
func TestLookout(t *testing.T) {
	s := newStreamed(t)
	open := func() (*lookout, *counted) {
		c := &counted{Stream: s}
		l := &lookout{stream: c, log: "test", foreign: &foreign{log: slog.New(slog.DiscardHandler)}}
		if _, err := l.look(t.Context()); err != nil {
			t.Fatal(err)
		}
		return l, c
	}
	look := func(l *lookout, want Tail) {
		t.Helper()
		got, err := l.look(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if got.Last != want.Last || got.Place != want.Place || got.Said.Known() != want.Said.Known() || got.Said.Known() && uint64(got.Said.At) != want.Place {
			t.Errorf("it ends with %+v, not %+v", got, want)
		}
	}
	l, c := open()
	look(l, Tail{})
	s.flood(t, 3)
	look(l, Tail{Last: 3})
	l.store(t, s, 4)
	look(l, Tail{Last: 4, Place: 4, Said: Said{Place: 4}})
	for _, n := range []int{1, 63, 64, 65, 1_000, 10_000} {
		was := *c
		before, err := s.Tail(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		s.flood(t, n)
		last := before.Last + uint64(n)
		look(l, Tail{Last: last, Place: before.Last, Said: Said{Place: before.Last}})
		look(l, Tail{Last: last, Place: before.Last, Said: Said{Place: before.Last}})
		if c.messages != was.messages+n {
			t.Errorf("of %d messages it reads %d", n, c.messages-was.messages)
		}
		fresh, d := open()
		look(fresh, Tail{Last: last, Place: before.Last, Said: Said{Place: before.Last}})
		if d.messages > 5*n+searchFirst || d.readings > 7 {
			t.Errorf("one that starts behind %d reads %d messages, in %d pieces", n, d.messages, d.readings)
		}
		l.store(t, s, last+1)
		look(l, Tail{Last: last + 1, Place: last + 1, Said: Said{Place: last + 1}})
	}
	// What has left the stream may have been an event.
	end, err := s.Tail(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	s.flood(t, 3)
	for _, seq := range []uint64{end.Last + 2, end.Last} {
		if err := s.stream.DeleteMsg(t.Context(), seq); err != nil {
			t.Fatal(err)
		}
		fresh, _ := open()
		look(fresh, Tail{Last: end.Last + 3})
	}
	look(l, Tail{Last: end.Last + 3})
	if err := s.stream.Purge(t.Context()); err != nil {
		t.Fatal(err)
	}
	fresh, _ := open()
	look(fresh, Tail{Last: end.Last + 3})
}
