package rest_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"reddot/api/gate"
	"reddot/api/identity"
	"reddot/api/rest"
	"reddot/events"
	"reddot/projector/testkit"
)

// stored is how many commands the log holds.
func (w *world) stored() uint64 {
	w.Helper()
	s := testkit.Must(testkit.Must(jetstream.New(w.conn))(w).Stream(context.Background(), w.subjects.CommandStream()))(w)
	return testkit.Must(s.Info(context.Background()))(w).State.Msgs
}

// TestBatch: all is checked before anything is stored; what is stored is known by its seq,
// and what the fold refuses is told.
func TestBatch(t *testing.T) {
	w := open(t)
	good := `{"type":"user.message","user":"alice","id":"m%d","from":"bob"}`
	var list []string
	for i := range events.MaxBatch {
		list = append(list, fmt.Sprintf(good, i))
	}
	reply := w.commands(list...)
	if len(reply.Results) != events.MaxBatch || reply.LastSeq != events.MaxBatch || reply.Applied != events.MaxBatch || reply.Results[999].Seq != 1000 {
		t.Errorf("%d results, %+v", len(reply.Results), reply.LastSeq)
	}
	if got := read[events.TotalsReply](t, w.get("/v1/totals?user=alice")); got.Totals.Unread != events.MaxBatch {
		t.Errorf("%+v", got)
	}
	for _, bad := range []string{`{"type":"user.erase"}`, `{"type":"user.message","user":"alice","id":"x"}`, `{}`, `{"type":"group.join","group":"g","users":["a"],"user":"b"}`} {
		p := w.want(400, w.post("/v1/commands", `{"commands":[`+fmt.Sprintf(good, 5000)+`,`+bad+`]}`)).problem(t)
		if len(p.Errors) != 1 || !strings.HasPrefix(p.Errors[0].Pointer, "/commands/1") || !strings.HasPrefix(p.Detail, "commands[1]") {
			t.Errorf("%s: %+v", bad, p)
		}
	}
	if n := w.stored(); n != events.MaxBatch {
		t.Errorf("%d commands are stored", n)
	}
	got := read[rest.BatchReply](t, w.post("/v1/commands", `{"wait":"emitted","commands":[{"type":"user.read","user":"x","conversation":"group_g"},{"type":"user.read","user":"alice","conversation":"c2c_bob"},{"type":"user.unread","user":"alice","conversation":"c2c_bob","from":"nope"}]}`))
	if len(got.Refused) != 2 || got.Refused[0].Index != 0 || got.Refused[1].Index != 2 || got.Refused[0].Reason == "" || got.Applied != 1003 {
		t.Errorf("%+v", got)
	}
	if got := read[rest.BatchReply](t, w.post("/v1/commands", `{"commands":[{"type":"policy","own_message":"advance"},{"type":"clock","at":1}]}`)); got.Applied != 0 || got.LastSeq != 1005 {
		t.Errorf("%+v", got)
	}
}

// TestKeys: the same key is the same request, on NATS too, and another body under it is
// told so.
func TestKeys(t *testing.T) {
	w := newWorld(t, options{fold: true, auth: `"origins":[]`})
	alice, backend := sign(t, "al.ice", ""), w.as(identity.Backend)[0]
	first := read[events.DoReply](t, w.post("/v1/read-all", `{"kind":"c2c"}`, alice, "Idempotency-Key: k1"))
	again := read[events.DoReply](t, w.post("/v1/read-all", `{"kind":"c2c"}`, alice, "Idempotency-Key: k1"))
	if first.Duplicate || !again.Duplicate || again.Seq != first.Seq {
		t.Errorf("%+v, then %+v", first, again)
	}
	raw := testkit.Must(w.ns.JetStream().Stream(t.Context(), w.subjects.CommandStream()))(t)
	msg := testkit.Must(raw.GetMsg(t.Context(), uint64(first.Seq)))(t)
	sum := sha256.Sum256([]byte("k1"))
	if id := msg.Header.Get("Nats-Msg-Id"); id != "h.al%2Eice."+hex.EncodeToString(sum[:16])+".0" {
		t.Errorf("stored with the id %q", id)
	}
	reply := testkit.Must(w.conn.Request(w.subjects.Do("al.ice", "read-all"), []byte(`{"kind":"c2c","key":"k1"}`), testkit.Patience))(t)
	if string(reply.Data) != fmt.Sprintf(`{"seq":%d,"duplicate":true}`, first.Seq) {
		t.Errorf("NATS says %s", reply.Data)
	}
	if got := read[events.DoReply](t, w.post("/v1/read-all", `{"kind":"c2c","user":"al.ice"}`, backend, "Idempotency-Key: k1")); got.Duplicate {
		t.Error("a back end has the key of a user")
	}
	for _, other := range [][2]string{{"/v1/read-all", `{"kind":"group"}`}, {"/v1/delete", `{"kind":"c2c"}`}} {
		w.want(422, w.post(other[0], other[1], alice, "Idempotency-Key: k1"))
	}
	batch := `{"commands":[{"type":"user.message","user":"a","id":"m1","from":"b"},{"type":"user.message","user":"a","id":"m2","from":"b"}]}`
	one := read[rest.BatchReply](t, w.post("/v1/commands", batch, backend, "Idempotency-Key: k2"))
	two := read[rest.BatchReply](t, w.post("/v1/commands", batch, backend, "Idempotency-Key: k2"))
	if one.LastSeq != two.LastSeq || !two.Results[0].Duplicate || !two.Results[1].Duplicate || two.Results[0].Seq != one.Results[0].Seq {
		t.Errorf("%+v, then %+v", one, two)
	}
	// What was not stored leaves the key free.
	w.want(400, w.post("/v1/read", `{}`, alice, "Idempotency-Key: k3"))
	w.want(200, w.post("/v1/read", `{"conversation":"c2c_bob"}`, alice, "Idempotency-Key: k3"))
	for _, key := range []string{strings.Repeat("k", 201), "a b", "ü"} {
		w.want(400, w.post("/v1/read", `{"conversation":"c2c_bob"}`, alice, "Idempotency-Key: "+key))
	}
	w.want(400, w.post("/v1/read", `{"conversation":"c2c_bob","key":"k"}`, alice))
}

// TestOnce: of many copies of a request at the same time the log has one.
func TestOnce(t *testing.T) {
	w := newWorld(t, options{fold: true, auth: `"origins":[]`})
	header := append(w.as(identity.Backend), "Idempotency-Key: once")
	var all sync.WaitGroup
	for range 20 {
		all.Go(func() {
			got := w.post("/v1/read-all", `{"user":"alice","wait":"applied"}`, header...)
			if got.code != 200 && got.code != 409 {
				t.Errorf("%d %s", got.code, got.body)
			}
		})
	}
	all.Wait()
	if n := w.stored(); n != 1 {
		t.Errorf("%d commands are stored", n)
	}
}

// TestLogAway: what became of each command is told when the log is away, and a retry
// with the same key does the rest.
func TestLogAway(t *testing.T) {
	w := newWorld(t, options{fold: true, auth: `"origins":[]`})
	backend := w.as(identity.Backend)
	batch := `{"timeout_ms":100,"commands":[{"type":"user.message","user":"a","id":"m1","from":"b"},{"type":"user.message","user":"a","id":"m2","from":"b"}]}`
	w.ns.Stop()
	testkit.Eventually(t, "the connection is seen to be lost", func() bool {
		got := w.post("/v1/commands", batch, append(backend, "Idempotency-Key: k")...)
		p := w.want(503, got).problem(t)
		return len(p.Results) == 2 && p.Results[0].Error == "not_sent" && p.Results[1].Error == "not_sent" && p.LastSeq == 0
	})
	w.ns.Restart()
	w.conn = w.ns.Connect()
	testkit.Eventually(t, "the log is back", func() bool {
		return w.post("/v1/commands", batch, append(backend, "Idempotency-Key: k")...).code == 200
	})
	if n := w.stored(); n != 2 {
		t.Errorf("%d commands are stored", n)
	}
}

// TestUncertain: what was sent and not acknowledged may be stored; a command behind it
// that found no room is not.
func TestUncertain(t *testing.T) {
	t.Parallel()
	w := newWorld(t, options{auth: `"origins":[]`, gate: gate.Config{MaxPending: 3}})
	backend := w.as(identity.Backend)
	testkit.OK(t, w.ns.JetStream().DeleteStream(t.Context(), w.subjects.CommandStream()))
	taken := make(chan *nats.Msg, 10) // and never acknowledged
	testkit.Must(w.conn.ChanSubscribe(w.subjects.Commands(), taken))(t)
	testkit.OK(t, w.conn.Flush())
	if p := w.want(503, w.post("/v1/read-all", `{"user":"a","timeout_ms":0}`, backend...)).problem(t); !p.Uncertain || p.Results != nil {
		t.Errorf("%+v", p)
	}
	one := `{"type":"user.read-all","user":"a"}`
	p := w.want(503, w.post("/v1/commands", `{"timeout_ms":0,"commands":[`+one+`,`+one+`,`+one+`]}`, backend...)).problem(t)
	var errors []string
	for _, r := range p.Results {
		errors = append(errors, r.Error)
	}
	if strings.Join(errors, " ") != "uncertain uncertain not_sent" || len(taken) != 3 {
		t.Errorf("%+v, %d taken", p, len(taken))
	}
}

// TestRates: HTTP and NATS share a user's bucket; back ends have none.
func TestRates(t *testing.T) {
	w := newWorld(t, options{fold: true, auth: `"origins":[]`, gate: gate.Config{Rate: 1}}) // three at once
	alice, backend := sign(t, "alice", ""), w.as(identity.Backend)
	for range 3 {
		w.want(200, w.post("/v1/read-all", `{"user":"alice"}`, backend...))
	}
	took := 0
	for w.post("/v1/read-all", "{}", alice).code == 200 {
		took++
	}
	if took < 3 {
		t.Errorf("%d at once", took)
	}
	testkit.Eventually(t, "NATS says so too", func() bool {
		for range 4 {
			reply := testkit.Must(w.conn.Request(w.subjects.Do("alice", "read-all"), nil, testkit.Patience))(t)
			if reply.Header.Get(events.HeaderErrorCode) == "429" {
				return true
			}
		}
		return false
	})
	w.want(400, w.post("/v1/commands", `{"commands":[{"type":"user.read-all"},{"type":"user.read-all"},{"type":"user.read-all"},{"type":"user.read-all"}]}`, alice))
	limited := false
	for range 400 {
		if w.get("/v1/totals?user=carl", sign(t, "carl", "")).code == 429 {
			limited = true
			break
		}
	}
	if !limited {
		t.Error("a user's queries have no rate")
	}
	for range 120 {
		w.want(200, w.get("/v1/totals?user=carl", backend...))
	}
	if gauge(t, w, "reddot_rate_limited_total") < 2 {
		t.Error("what is limited is not counted")
	}
}

// TestWrongCredentials: who sends many has to wait, from wherever a trusted proxy says
// that they come; right ones pass all the same.
func TestWrongCredentials(t *testing.T) {
	w := newWorld(t, options{fold: true, auth: `"origins":[],"trusted_proxies":["127.0.0.0/8","10.0.0.0/8"]`})
	from := "X-Forwarded-For: 6.6.6.6, 203.0.113.7, 10.1.2.3"
	last := 0
	for range 21 {
		last = w.get("/v1/totals", "X-API-Key: rdk_wrong", from).code
	}
	if last != 429 {
		t.Errorf("after 21 wrong keys: %d", last)
	}
	for _, other := range []string{"X-Forwarded-For: 203.0.113.8", "X-Forwarded-For: 203.0.113.7, 203.0.113.9", "X-Forwarded-For: "} {
		w.want(401, w.get("/v1/totals", "X-API-Key: rdk_wrong", other))
	}
	w.want(200, w.get("/v1/totals", sign(t, "alice", ""), from))
	w.want(401, w.get("/v1/totals", from)) // none is no wrong one
	if strings.Contains(w.logged.String(), "rdk_wrong") {
		t.Error("a credential stands in the log")
	}
}

// TestNotApplied: what is stored and not applied in time is told with its seqs; it is
// stored all the same.
func TestNotApplied(t *testing.T) {
	w := newWorld(t, options{auth: `"origins":[]`}) // nothing is applied
	backend := w.as(identity.Backend)
	p := w.want(504, w.post("/v1/commands", `{"wait":"emitted","timeout_ms":0,"commands":[{"type":"user.read-all","user":"a"},{"type":"policy"}]}`, backend...)).problem(t)
	if len(p.Results) != 2 || p.Results[1].Seq != 2 || p.LastSeq != 2 || p.Code != rest.NotApplied {
		t.Errorf("%+v", p)
	}
	if p := w.want(504, w.post("/v1/read-all", `{"user":"a","wait":"applied","timeout_ms":0}`, backend...)).problem(t); p.Seq != 3 || p.Results != nil {
		t.Errorf("%+v", p)
	}
}

// TestWaiting: of one user sixteen requests may wait, whichever way they came; another's
// wait too.
func TestWaiting(t *testing.T) {
	w := newWorld(t, options{auth: `"origins":[]`})
	alice, backend := sign(t, "alice", ""), w.as(identity.Backend)[0]
	done := make(chan answer, 40)
	wait := func(path, header string) { done <- w.get(path+"after_seq=9&timeout_ms=30000", header) }
	for range 8 {
		go wait("/v1/totals?", alice)
		go wait("/v1/totals?user=alice&", backend)
	}
	testkit.Eventually(t, "sixteen wait", func() bool { return gauge(t, w, "reddot_query_waiters") == 16 })
	w.want(429, w.get("/v1/totals?after_seq=9", alice))
	for range 20 { // of nobody's
		go wait("/v1/group?group=g&", backend)
	}
	go wait("/v1/totals?user=bob&", backend)
	testkit.Eventually(t, "others wait", func() bool { return gauge(t, w, "reddot_query_waiters") == 37 })
	w.stop()
	for range 37 {
		if got := testkit.Receive(t, "an answer", done); got.code != 503 {
			t.Errorf("%d %s", got.code, got.body)
		}
	}
}
