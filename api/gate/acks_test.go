package gate

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"reddot/events"
	"reddot/projector/testkit"
)

// TestAcknowledgements reads what servers answer.
func TestAcknowledgements(t *testing.T) {
	a := newAcks("_INBOX.x", "UNREAD_COMMANDS", 1)
	refused, _ := errors.AsType[*jetstream.APIError](a.read(&nats.Msg{Data: []byte(`{"error":{"code":503,"err_code":10077,"description":"maximum bytes exceeded"},"stream":"UNREAD_COMMANDS","seq":0}`)}).err)
	if refused == nil || refused.ErrorCode != 10077 {
		t.Errorf("a refusal is read as %v", refused)
	}
	if a := a.read(&nats.Msg{Header: nats.Header{"Status": {"503"}}}); !errors.Is(a.err, jetstream.ErrNoStreamResponse) {
		t.Errorf("nobody there is read as %+v", a)
	}
	if a := a.read(&nats.Msg{Data: []byte(`{"stream":"OTHER","seq":7}`)}); a.err == nil || a.seq != 0 {
		t.Errorf("another stream's is read as %+v", a)
	}
	for _, text := range []string{"", "{", "{}", `{"stream":"UNREAD_COMMANDS","seq":}`, `{"stream":"UNREAD_COMMANDS","seq":0}`, `{"stream":"UNREAD_COMMANDS","seq":-1}`,
		`{"stream":"UNREAD_COMMANDS","seq":18446744073709551616}`, `{"stream":"UNREAD_COMMANDS","seq":1}x`} {
		if a := a.read(&nats.Msg{Data: []byte(text)}); !errors.Is(a.err, jetstream.ErrInvalidJSAck) {
			t.Errorf("%s is read as %+v", text, a)
		}
	}
	for text, want := range map[string]answer{
		`{"stream":"UNREAD_COMMANDS","seq":18446744073709551615}`:        {seq: 1<<64 - 1},
		`{"stream":"UNREAD_COMMANDS","seq":7,"duplicate":true}`:          {seq: 7, duplicate: true},
		`{"stream":"UNREAD_COMMANDS","domain":"hub","seq":8}`:            {seq: 8},
		`{ "seq" : 9, "stream" : "UNREAD_COMMANDS", "val" : "anything"}`: {seq: 9},
	} {
		if got := a.read(&nats.Msg{Data: []byte(text)}); got != want {
			t.Errorf("%s is read as %+v, want %+v", text, got, want)
		}
	}
}

// ack acknowledges what waits for an answer at a subject.
func (a *acks) ack(t *testing.T, subject string, seq events.Seq) {
	t.Helper()
	data, err := json.Marshal(jetstream.PubAck{Stream: a.stream, Sequence: uint64(seq)})
	testkit.OK(t, err)
	a.take(&nats.Msg{Subject: subject, Data: data})
}

// TestFlight: answers come in any order, twice and late; a slot is held from sending to
// the answer, whoever waits for it, and no longer.
func TestFlight(t *testing.T) {
	a := newAcks("_INBOX.x", "UNREAD_COMMANDS", 3)
	ctx := t.Context()
	f, other := a.begin(3), a.begin(1)
	var subjects []string
	for i := range 2 {
		subjects = append(subjects, testkit.Must(f.add(ctx, i))(t))
	}
	third := testkit.Must(other.add(ctx, 0))(t)
	ended, cancel := context.WithCancel(ctx)
	cancel()
	if _, err := f.add(ended, 2); !errors.Is(err, context.Canceled) {
		t.Errorf("a fourth slot of three: %v", err)
	}
	f.stop(2)
	if got := f.wait(ended); got[0].err == nil || got[1].err == nil || len(a.slots) != 3 {
		t.Errorf("given up by who asked: %+v, %d slots held", got, len(a.slots))
	}
	for _, s := range []struct {
		subject string
		seq     events.Seq
	}{{subjects[1], 11}, {subjects[1], 12}, {third, 13}, {a.inbox + "zz", 14}, {a.inbox + "", 15}, {subjects[0], 10}} {
		a.ack(t, s.subject, s.seq)
	}
	if got := fmt.Sprint(f.wait(ctx), other.wait(ctx)); got != "[{10 false <nil>} {11 false <nil>} {0 false <nil>}] [{13 false <nil>}]" {
		t.Errorf("got %s", got)
	}
	if len(a.slots)+len(a.waiting) > 0 {
		t.Errorf("%d slots are held, %d are waited for", len(a.slots), len(a.waiting))
	}
}

// TestLost: what is on its way when the connection is lost is known to nobody, and what
// is sent afterwards is not of it.
func TestLost(t *testing.T) {
	a := newAcks("_INBOX.x", "UNREAD_COMMANDS", 10)
	f := a.begin(3)
	first := testkit.Must(f.add(t.Context(), 0))(t)
	testkit.Must(f.add(t.Context(), 1))(t)
	a.ack(t, first, 1)
	a.giveAll(nats.ErrDisconnected)
	last := testkit.Must(f.add(t.Context(), 2))(t)
	a.ack(t, last, 5)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	got := f.wait(ctx)
	if got[0].seq != 1 || !errors.Is(got[1].err, nats.ErrDisconnected) || got[2].seq != 5 || len(a.slots) != 0 {
		t.Errorf("got %+v, %d slots are held", got, len(a.slots))
	}
}
