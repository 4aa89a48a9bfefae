package webhook

import (
	"testing"

	"github.com/nats-io/nats.go/jetstream"

	"reddot/events"
	"reddot/projector/testkit"
)

// TestReclaim: what a process that is gone was handed is handed out again when the next one
// asks for it, once, and the consumer is as it was.
func TestReclaim(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx, n := testkit.Context(t), names{w.subjects}
	c := testkit.Must(n.consumer(ctx, w.js, "push"))(t)
	for i := range 5 {
		w.emitted(w.message("alice", i))
	}
	fetch := func() (got int) {
		batch := testkit.Must(c.FetchNoWait(100))(t)
		for range batch.Messages() {
			got++
		}
		testkit.OK(t, batch.Error())
		return got
	}
	had := 0
	testkit.Eventually(t, "the one that is gone has it all", func() bool {
		had += fetch()
		return had >= 5
	})
	again := 0
	for range 20 { // a server that is busy may miss one, and 20 are over before ackWait is
		c = testkit.Must(w.js.Consumer(ctx, n.EventStream(), "webhook-push"))(t)
		testkit.OK(t, n.reclaim(ctx, w.js, c))
		if again += fetch(); again >= had {
			break
		}
	}
	if again != had {
		t.Errorf("%d are handed out again of %d", again, had)
	}
	if got := fetch(); got != 0 {
		t.Errorf("%d are handed out twice", got)
	}
	if info := testkit.Must(c.Info(ctx))(t); info.Config.AckWait != ackWait || info.NumAckPending != had {
		t.Errorf("left behind: %v, %d pending", info.Config.AckWait, info.NumAckPending)
	}
}

// TestReclaimCut: a crash in between leaves a consumer that hands out all too soon; the
// next process sets it right.
func TestReclaimCut(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx, n := testkit.Context(t), names{w.subjects}
	c := testkit.Must(n.consumer(ctx, w.js, "push"))(t)
	cfg := c.CachedInfo().Config
	cfg.AckWait = reclaimAfter
	testkit.Must(w.js.UpdateConsumer(ctx, n.EventStream(), cfg))(t)
	r := w.receiver(nil)
	w.start("[" + endpointFile("push", r.URL, "") + "]")
	w.message("alice", 1)
	r.await("alice's badge", badgeIs("alice", 1))
	if info := testkit.Must(c.Info(ctx))(t); info.Config.AckWait != ackWait {
		t.Errorf("what is not told comes again after %v", info.Config.AckWait)
	}
}

// TestForgotten: a NATS server that is killed may hand out once more, as if for the first
// time, what was told before; and a state that was told may be newer than the event that
// comes next. No version goes backward.
func TestForgotten(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	r := w.receiver(nil)
	file := "[" + endpointFile("all", r.URL, "") + "]"
	h := w.start(file)
	const n = 20
	for i := range n {
		w.message("alice", i)
	}
	conversation := func(unread float64) func(toldMessage) bool {
		return func(m toldMessage) bool {
			return m.Type == ConversationChanged && m.Data["totals"].(map[string]any)["unread"] == unread
		}
	}
	r.await("the newest state", conversation(n))
	h.end()
	stream := testkit.Must(w.js.Stream(testkit.Context(t), "UNREAD_EVENTS"))(t)
	c := testkit.Must(stream.Consumer(testkit.Context(t), "webhook-all"))(t)
	cfg := c.CachedInfo().Config
	testkit.OK(t, stream.DeleteConsumer(testkit.Context(t), "webhook-all"))
	cfg.DeliverPolicy, cfg.OptStartSeq = jetstream.DeliverByStartSequencePolicy, 1
	testkit.Must(stream.CreateConsumer(testkit.Context(t), cfg))(t)
	w.start(file)
	testkit.Eventually(t, "what was told is handed out again", func() bool {
		times := 0
		for _, m := range r.all() {
			if conversation(n)(m) {
				times++
			}
		}
		return times > 1
	})
	for i := range n {
		w.message("alice", n+i)
	}
	r.await("the newest state", conversation(2*n))
	r.await("the newest badge", badgeIs("alice", 2*n))
	last := map[Type]float64{}
	for _, m := range r.all() {
		if m.number("version") < last[m.Type] {
			t.Errorf("told version %v after %v", m.Data["version"], last[m.Type])
		}
		last[m.Type] = m.number("version")
	}
}

// TestOvertaken: an event that is stored after a newer state was told is told as that
// state, unless it was sent before.
func TestOvertaken(t *testing.T) {
	e := &endpoint{ahead: 7}
	sent := badgeItem("alice", 7, 1)
	sent.body = []byte("{}")
	refused := &item{kind: CommandRefused, pieces: []*piece{{place: 3, rejected: &events.Rejected{Seq: 3}}}}
	for _, test := range []struct {
		*item
		want bool
	}{{badgeItem("alice", 6, 1), true}, {badgeItem("alice", 7, 1), true}, {badgeItem("alice", 8, 1), false}, {sent, false}, {refused, false}} {
		if got := e.overtaken(test.item); got != test.want {
			t.Errorf("%s of %d: %v", test.kind, test.newest().place, got)
		}
	}
}
