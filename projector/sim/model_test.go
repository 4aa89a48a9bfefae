package sim

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"strconv"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"reddot/projector/emit/journal"
	"reddot/projector/testkit"
	"reddot/projector/testkit/natstest"
)

// realStream is an event stream on a NATS server that can be restarted.
type realStream struct {
	*natstest.Server
	t  *testing.T
	js jetstream.JetStream
}

// restart starts the server again, with a new connection to it.
func (r *realStream) restart() {
	r.t.Helper()
	r.js.Conn().Close()
	r.Restart()
	r.js = r.JetStream()
}

func (r *realStream) stream() jetstream.Stream {
	r.t.Helper()
	s, err := r.js.Stream(r.t.Context(), "S")
	if err != nil {
		r.t.Fatal(err)
	}
	return s
}

// answer is what a publisher is answered, in words.
func answer(seq uint64, duplicate bool, err error) string {
	var refusal *jetstream.APIError
	if errors.As(err, &refusal) {
		return fmt.Sprintf("refused with %d", refusal.ErrorCode)
	}
	return fmt.Sprint(seq, duplicate, err)
}

// TestEventStream sends the same random messages to the model of the event
// stream and to a stream on a NATS server, with purges, deletions of the last
// message by age or by number, and restarts: both answer the same.
func TestEventStream(t *testing.T) {
	rng := testkit.Rand(t)
	const maxMsgs = 20
	ns := natstest.Start(t)
	r := &realStream{ns, t, ns.JetStream()}
	if _, err := r.js.CreateStream(t.Context(), jetstream.StreamConfig{
		Name: "S", Subjects: []string{"s"}, MaxMsgs: maxMsgs, Duplicates: journal.Duplicates, Storage: jetstream.FileStorage,
	}); err != nil {
		t.Fatal(err)
	}
	model := &eventStream{maxMsgs: maxMsgs}
	answers := map[string]int{}
	for step := range testkit.Effort(600) {
		switch rng.IntN(60) {
		case 0:
			r.restart()
			model.restart(time.Now())
		case 1:
			if err := r.stream().Purge(t.Context()); err != nil {
				t.Fatal(err)
			}
			model.purge()
		}
		msg := drawMessage(rng, model)
		ack, err := r.js.PublishMsg(t.Context(), msg)
		var got string
		if err == nil {
			got = answer(ack.Sequence, ack.Duplicate, nil)
		} else {
			got = answer(0, false, err)
		}
		want := answer(model.store(msg, time.Now()))
		if got != want {
			t.Fatalf("step %d: %v: the server says %s, the model %s", step, msg.Header, got, want)
		}
		if err == nil && !ack.Duplicate {
			want = "stored"
		} else if err == nil {
			want = "duplicate"
		}
		answers[want]++
	}
	t.Log(answers)
	if len(answers) != 3 {
		t.Errorf("not all answers came: %v", answers)
	}
}

// drawMessage draws a message whose headers hold often, and often nearly.
func drawMessage(rng *rand.Rand, model *eventStream) *nats.Msg {
	msg := nats.NewMsg("s")
	near := func() uint64 { return model.last + 1 - min(uint64(rng.IntN(3)), model.last) }
	if rng.IntN(3) > 0 {
		msg.Header.Set(jetstream.ExpectedLastSeqHeader, strconv.FormatUint(near()-min(1, uint64(rng.IntN(4))), 10))
	}
	if rng.IntN(5) > 0 {
		msg.Header.Set(jetstream.MsgIDHeader, fmt.Sprint("id", near()))
	}
	return msg
}
