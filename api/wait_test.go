package api

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"reddot/events"
	"reddot/projector/testkit"
	"reddot/projector/testkit/natstest"
)

// entering returns a hook that signals on the channel when a method is called.
func entering(method string, room int) (func(string) error, <-chan struct{}) {
	entered := make(chan struct{}, room)
	return func(m string) error {
		if m == method {
			entered <- struct{}{}
		}
		return nil
	}, entered
}

// asked sends a request that is answered on replies.
func (a *asker) asked(subject, body, inbox string) {
	a.Helper()
	if err := a.client.PublishRequest(subject, inbox, []byte(body)); err != nil {
		a.Fatal(err)
	}
}

// inbox subscribes to replies, room for n.
func (a *asker) inbox(n int) (string, <-chan *nats.Msg) {
	a.Helper()
	replies := make(chan *nats.Msg, n)
	name := nats.NewInbox()
	if _, err := a.client.ChanSubscribe(name, replies); err != nil {
		a.Fatal(err)
	}
	return name, replies
}

func TestAfterSeq(t *testing.T) {
	source := newTwinSource()
	hook, entered := entering("WaitApplied", 10)
	source.hook = hook
	a := start(t, source)
	inbox, replies := a.inbox(10)

	a.asked(a.subject("alice", events.QueryTotals), `{"after_seq":1,"timeout_ms":30000}`, inbox)
	testkit.Receive(t, "waiter", entered)
	if got := len(replies); got != 0 {
		t.Fatal("answered before the command was applied")
	}
	source.message(t, "alice", "bob", "m1")
	if r := unmarshal[events.TotalsReply](t, testkit.Receive(t, "answer", replies)); r.Totals.Unread != 1 {
		t.Errorf("the answer does not show the command it waited for: %+v", r)
	}
	a.want("408", "alice", events.QueryTotals, `{"after_seq":2,"timeout_ms":20}`)
	a.want("200", "alice", events.QueryTotals, `{"after_seq":1,"timeout_ms":0}`)

	begin := time.Now()
	a.want("408", "alice", events.QueryTotals, `{"after_seq":2}`)
	if took := time.Since(begin); took < events.DefaultWaitMS*time.Millisecond {
		t.Errorf("without timeout_ms it waited %s, want %s", took, events.DefaultWaitMS*time.Millisecond)
	}
}

// TestStatusWaitsForEmission: applied is not enough for status.
func TestStatusWaitsForEmission(t *testing.T) {
	source := newTwinSource()
	hook, entered := entering("WaitEmitted", 10)
	source.hook = hook
	a := start(t, source)
	source.apply(1_000, &events.Command{Verb: events.UserMessage, Inbox: "alice", ID: "m", From: "bob"}, false)
	a.want("200", "alice", events.QueryTotals, `{"after_seq":1}`)
	a.want("408", "-", events.QueryStatus, `{"after_seq":1,"timeout_ms":20}`)
	testkit.Receive(t, "waiter", entered)

	inbox, replies := a.inbox(1)
	a.asked(a.subjects.Status(), `{"after_seq":1,"timeout_ms":30000}`, inbox)
	testkit.Receive(t, "waiter", entered)
	source.emit()
	if s := unmarshal[events.Status](t, testkit.Receive(t, "status", replies)); s.Emitted != 1 {
		t.Errorf("status after emission answers %+v", s)
	}
	a.want("200", "-", events.QueryStatus, `{"after_seq":1,"timeout_ms":0}`)
}

// TestSlowViews: while every place for work is taken, waiting goes on, and the
// queue's bound holds.
func TestSlowViews(t *testing.T) {
	source := newTwinSource()
	var slow atomic.Bool
	b := defaultBounds()
	const queued = 500
	b.queued[queryLane], b.userQueued = queued, queued+1
	entered, release := make(chan struct{}, queued), make(chan struct{})
	source.hook = func(method string) error {
		if method == "View" && slow.Load() {
			entered <- struct{}{}
			<-release
		}
		return nil
	}
	a := startBounded(t, natstest.StartCore(t), source, b)
	slow.Store(true)
	inbox, replies := a.inbox(queued + 1)
	subject := a.subject("alice", events.QueryTotals)
	for range queued + 1 {
		a.asked(subject, "", inbox)
	}
	if reply := testkit.Receive(t, "refusal", replies); code(reply) != "503" {
		t.Fatalf("one beyond the bound got %s", code(reply))
	}
	if got, want := len(entered), b.places; got > want {
		t.Errorf("%d at work, want %d at most", got, want)
	}
	close(release)
	for range queued {
		if reply := testkit.Receive(t, "answer", replies); code(reply) != "200" {
			t.Fatalf("a queued request got %s %s", code(reply), reply.Data)
		}
	}
}

// TestQueuedBytes: a flood of large bodies is bounded by bytes.
func TestQueuedBytes(t *testing.T) {
	p := newPool(defaultBounds())
	large := make([]byte, events.MaxRequest)
	var calls []*call
	of := func(i int) *call { return &call{endpoint: &endpoint{}, user: strconv.Itoa(i), body: large} }
	for {
		c := of(len(calls))
		if err := p.admit(c); err != nil {
			if !errors.Is(err, errBusy) {
				t.Fatal(err)
			}
			break
		}
		calls = append(calls, c)
	}
	if got, want := len(calls), maxQueuedBytes/events.MaxRequest; got != want {
		t.Errorf("%d large requests taken in, want %d", got, want)
	}
	p.shed(calls[0])
	if err := p.admit(of(len(calls))); err != nil {
		t.Errorf("after a body has been read: %v", err)
	}
	for _, c := range calls {
		p.leave(c)
	}
	if got := p.mu.bytes; got != events.MaxRequest {
		t.Errorf("%d bytes held, want one body's", got)
	}
}

// TestSourceFails: errors and panics of the source are 503, reported without their
// text and logged with it, and end nothing.
func TestSourceFails(t *testing.T) {
	source := newTwinSource()
	var fails atomic.Value // string: the method that fails, and how
	fails.Store("")
	source.hook = func(method string) error {
		switch how := fails.Load().(string); {
		case how == "error "+method:
			return fmt.Errorf("disk of %s is on fire", method)
		case how == "panic "+method:
			panic("a secret of " + method)
		}
		return nil
	}
	a := start(t, source)
	for method, query := range map[string]string{
		"View": events.QueryTotals, "Totals": events.QueryTotals, "Watch": events.QueryWatch,
		"WaitApplied": events.QueryTotals, "WaitEmitted": events.QueryStatus, "Status": events.QueryStatus,
	} {
		for _, how := range []string{"error ", "panic "} {
			body := ""
			if strings.HasPrefix(method, "Wait") {
				body = `{"after_seq":1,"timeout_ms":30000}`
			}
			if method == "WaitEmitted" {
				source.message(t, "alice", "bob", "m")
			}
			fails.Store(how + method)
			for range 3 * a.service.pool.places { // places are given back
				if got := a.want("503", "alice", query, body); strings.Contains(string(got.Data), "fire") ||
					strings.Contains(string(got.Data), "secret") {
					t.Errorf("%s%s answers %s", how, method, got.Data)
				}
			}
			fails.Store("")
			a.want("200", "alice", query, "")
		}
	}
	for _, line := range []string{"on fire", "a secret of Watch", "twinSource"} {
		if !strings.Contains(a.logged.String(), line) {
			t.Errorf("the log says nothing of %q", line)
		}
	}
	if n := a.service.pool.waiting.Load(); n > 1 {
		t.Errorf("%d still wait", n)
	}
}

// TestAwait: whoever waits for a command without asking anything is one of the user's
// waiting requests.
func TestAwait(t *testing.T) {
	source := newTwinSource()
	hook, entered := entering("WaitApplied", maxUserWaiters)
	source.hook = hook
	a := start(t, source)
	ctx := testkit.Context(t)
	await := func(user string, seq events.Seq, timeout time.Duration) error {
		return a.service.Await(ctx, user, seq, timeout)
	}
	if err := await("bob", 1, time.Millisecond); !errors.Is(err, events.ErrNotApplied) {
		t.Errorf("before the command is applied: %v", err)
	}
	testkit.Receive(t, "waiter", entered)
	done := make(chan error, maxUserWaiters)
	for range maxUserWaiters {
		go func() { done <- await("alice", 1, testkit.Patience) }()
		testkit.Receive(t, "waiter", entered)
	}
	if err := await("alice", 1, testkit.Patience); !errors.Is(err, events.ErrRateLimited) {
		t.Errorf("one more than a user may have waiting: %v", err)
	}
	source.message(t, "alice", "bob", "m1")
	for range maxUserWaiters {
		if err := testkit.Receive(t, "end of a wait", done); err != nil {
			t.Errorf("applied: %v", err)
		}
	}
	reply, applied, err := a.service.Ask(ctx, "alice", events.QueryResume, []byte(`{"since":0,"after_seq":1}`), 0)
	if r, ok := reply.(events.ResumeReply); err != nil || applied != 1 || !ok || len(r.Conversations) != 1 {
		t.Errorf("resumed at %d: %+v, %v", applied, reply, err)
	}
	a.stop()
	if err := a.ended(); err != nil {
		t.Fatal(err)
	}
	if err := await("alice", 1, testkit.Patience); !errors.Is(err, events.ErrUnavailable) {
		t.Errorf("of a service that has ended: %v", err)
	}
}
