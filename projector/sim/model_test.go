package sim

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"strconv"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"reddot/projector/emit"
)

// realStream is an event stream on a NATS server that can be restarted.
type realStream struct {
	t    *testing.T
	opts server.Options
	srv  *server.Server
	conn *nats.Conn
	js   jetstream.JetStream
}

func (r *realStream) start() {
	r.t.Helper()
	opts := r.opts
	srv, err := server.NewServer(&opts)
	if err != nil {
		r.t.Fatal(err)
	}
	srv.Start()
	if !srv.ReadyForConnections(30 * time.Second) {
		r.t.Fatal("the server does not start")
	}
	r.srv = srv
	if r.conn, err = nats.Connect(srv.ClientURL()); err != nil {
		r.t.Fatal(err)
	}
	if r.js, err = jetstream.New(r.conn); err != nil {
		r.t.Fatal(err)
	}
}

func (r *realStream) stop() {
	r.conn.Close()
	r.srv.Shutdown()
	r.srv.WaitForShutdown()
}

func (r *realStream) stream() jetstream.Stream {
	r.t.Helper()
	s, err := r.js.Stream(r.t.Context(), "S")
	if err != nil {
		r.t.Fatal(err)
	}
	return s
}

// answer is what a publisher is told, in words.
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
	seed := drawSeed()
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 1))
	const maxMsgs = 20
	r := &realStream{t: t, opts: server.Options{Host: "127.0.0.1", Port: -1, JetStream: true, StoreDir: t.TempDir(), JetStreamMaxStore: 1 << 50, NoSigs: true, NoLog: true}}
	r.start()
	defer func() { r.stop() }()
	if _, err := r.js.CreateStream(t.Context(), jetstream.StreamConfig{
		Name: "S", Subjects: []string{"s"}, MaxMsgs: maxMsgs, Duplicates: emit.Duplicates, Storage: jetstream.FileStorage,
	}); err != nil {
		t.Fatal(err)
	}
	model := &eventStream{maxMsgs: maxMsgs}
	answers := map[string]int{}
	for step := range 600 {
		switch rng.IntN(60) {
		case 0:
			r.stop()
			r.start()
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
