package journal

import (
	"errors"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"reddot/events"
	"reddot/projector/testkit"
	"reddot/projector/testkit/natstest"
)

// newStreamed opens an event stream on a server of its own.
func newStreamed(t *testing.T) streamed {
	t.Helper()
	js := testkit.Must(jetstream.New(natstest.Start(t).Connect(), jetstream.WithPublishAsyncTimeout(AckTimeout)))(t)
	subjects := testkit.Must(events.NewSubjects("unread"))(t)
	s, err := ensureStream(t.Context(), StreamConfig{JetStream: js, Subjects: subjects, Log: "test"})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// append stores a message and returns what became of it.
func (s streamed) append(t *testing.T, no int, data []byte) error {
	t.Helper()
	msg := nats.NewMsg("unread-out.0.evt.a.change")
	msg.Header.Set("No", strconv.Itoa(no))
	msg.Header.Set(jetstream.ExpectedLastSeqHeader, strconv.Itoa(no-1))
	msg.Data = data
	future, err := s.Append(msg)
	if err != nil {
		return err
	}
	select {
	case <-future.Ok():
		return nil
	case err := <-future.Err():
		return err
	case <-time.After(testkit.Patience):
		t.Fatal("no acknowledgement")
		return nil
	}
}

// read reads a stretch of the stream and returns the numbers of the messages.
func (s streamed) read(t *testing.T, from, upto uint64) (got []int) {
	t.Helper()
	err := s.Read(t.Context(), from, upto, func(seq uint64, msg *nats.Msg) error {
		if no := Number(msg.Header, "No"); no != seq {
			t.Errorf("message %d is said to be at %d", no, seq)
		}
		got = append(got, int(Number(msg.Header, "No")))
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return got
}

// tail reads the end of the stream: its last sequence and the message's number.
func (s streamed) tail(t *testing.T) (last uint64, no int) {
	t.Helper()
	end, err := s.Tail(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if end.Msg == nil {
		return end.Last, 0
	}
	return end.Last, int(Number(end.Msg.Header, "No"))
}

// TestJetStream appends to an event stream and reads it, with messages missing
// at its beginning, in its middle and at its end.
func TestJetStream(t *testing.T) {
	s := newStreamed(t)
	check := func(from, upto uint64, want []int, last uint64, no int) {
		t.Helper()
		if got := s.read(t, from, upto); !slices.Equal(got, want) {
			t.Errorf("from %d to %d there is %v, not %v", from, upto, got, want)
		}
		if l, n := s.tail(t); l != last || n != no {
			t.Errorf("it ends at %d with message %d, not at %d with %d", l, n, last, no)
		}
	}
	check(1, 1, nil, 0, 0)
	for no := range 6 {
		if err := s.append(t, no+1, nil); err != nil {
			t.Fatal(err)
		}
	}
	var refusal *jetstream.APIError
	if err := s.append(t, 6, nil); !errors.As(err, &refusal) || refusal.ErrorCode != jetstream.JSErrCodeStreamWrongLastSequence {
		t.Errorf("a message after another one than the last: %v", err)
	}
	if err := s.append(t, 7, make([]byte, 2<<20)); !errors.Is(err, ErrTooLarge) {
		t.Errorf("a message of 2 MiB: %v", err)
	}
	check(2, 5, []int{2, 3, 4, 5}, 6, 6)
	for _, seq := range []uint64{1, 3, 6} {
		if err := s.stream.DeleteMsg(t.Context(), seq); err != nil {
			t.Fatal(err)
		}
	}
	check(1, 6, []int{2, 4, 5}, 6, 0)
	check(6, 6, nil, 6, 0)
	if err := s.stream.Purge(t.Context()); err != nil {
		t.Fatal(err)
	}
	check(1, 6, nil, 6, 0)
	if err := s.js.DeleteStream(t.Context(), "UNREAD_EVENTS"); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Tail(t.Context()); !errors.Is(err, ErrGone) {
		t.Errorf("the end of a deleted stream: %v", err)
	}
}

// TestStreamLeftAlone: a stream that has what an emitter needs is not updated,
// which would undo what an operator changes meanwhile; one that lacks it is, and
// keeps the rest.
func TestStreamLeftAlone(t *testing.T) {
	s := newStreamed(t)
	conn := s.js.Conn()
	updates, err := conn.SubscribeSync("$JS.API.STREAM.UPDATE.>")
	if err != nil {
		t.Fatal(err)
	}
	subjects, err := events.NewSubjects("unread")
	if err != nil {
		t.Fatal(err)
	}
	open := func(age time.Duration, wantUpdates int) jetstream.StreamConfig {
		t.Helper()
		again, err := ensureStream(t.Context(), StreamConfig{JetStream: s.js, Subjects: subjects, Log: "test", MaxAge: age})
		if err != nil {
			t.Fatal(err)
		}
		if err := conn.Flush(); err != nil {
			t.Fatal(err)
		}
		if n, _, err := updates.Pending(); err != nil || n != wantUpdates {
			t.Errorf("%d updates, not %d: %v", n, wantUpdates, err)
		}
		return again.stream.CachedInfo().Config
	}
	before := open(0, 0)
	after := open(2*time.Hour, 1)
	if after.MaxAge != 2*time.Hour || after.Metadata[metadataKey] != before.Metadata[metadataKey] || after.Replicas != before.Replicas {
		t.Errorf("%+v", after)
	}
	open(2*time.Hour, 1)
}
