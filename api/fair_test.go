package api

import (
	"context"
	"errors"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/nats-io/nats.go"

	"reddot/events"
	"reddot/projector/testkit"
	"reddot/projector/testkit/natstest"
)

// TestFlood has alice send 10,000 requests that wait: sixteen of them do, the
// others are refused, and bob's requests and the operator's are answered.
func TestFlood(t *testing.T) {
	source := newTwinSource()
	source.message(t, "bob", "carol", "m1")
	hook, entered := entering("WaitApplied", 20_000)
	source.hook = hook
	a := start(t, source)
	const flood = 10_000
	inbox, replies := a.inbox(flood)
	for range flood {
		a.asked(a.subject("alice", events.QueryTotals), `{"after_seq":999999999,"timeout_ms":30000}`, inbox)
	}
	refused := 0
	for refused < flood-maxUserWaiters {
		if reply := testkit.Receive(t, "refusal", replies); code(reply) != "429" {
			t.Fatalf("a request of the flood got %s %s", code(reply), reply.Data)
		}
		refused++
	}
	for range maxUserWaiters {
		testkit.Receive(t, "waiter", entered)
	}
	a.want("200", "bob", events.QueryTotals, "")
	a.want("200", "-", events.QueryStatus, "")
	a.want("200", "-", events.QueryStatus, `{"after_seq":1}`)
	testkit.Receive(t, "status", entered)
	a.want("200", "alice", events.QueryTotals, "")
	a.want("200", "alice", events.QueryTotals, `{"after_seq":1}`) // waits for nothing any more

	bob, bobs := a.inbox(2)
	a.asked(a.subject("bob", events.QueryTotals), `{"after_seq":2,"timeout_ms":30000}`, bob)
	a.asked(a.subjects.Status(), `{"after_seq":2,"timeout_ms":30000}`, bob)
	testkit.Receive(t, "waiter", entered)
	testkit.Receive(t, "waiter", entered)
	source.message(t, "bob", "carol", "m2")
	for range 2 {
		if reply := testkit.Receive(t, "answer", bobs); code(reply) != "200" {
			t.Errorf("beside the flood: %s %s", code(reply), reply.Data)
		}
	}
	if len(replies) > 0 {
		t.Errorf("one that waits got %s", (<-replies).Data)
	}
}

// TestFloodOfPlainRequests: of one user's requests as many are taken in as one
// may have, while no place is free; those of others are taken in all the same.
func TestFloodOfPlainRequests(t *testing.T) {
	source := newTwinSource()
	release := make(chan struct{})
	source.hook = func(method string) error {
		if method == "Totals" {
			<-release
		}
		return nil
	}
	a := start(t, source)
	const flood = 1_000
	inbox, replies := a.inbox(flood)
	for range flood {
		a.asked(a.subject("alice", events.QueryTotals), "", inbox)
	}
	for range flood - maxUserQueued {
		if reply := testkit.Receive(t, "refusal", replies); code(reply) != "429" {
			t.Fatalf("a request of the flood got %s %s", code(reply), reply.Data)
		}
	}
	bob, bobs := a.inbox(1)
	a.asked(a.subject("bob", events.QueryTotals), "", bob)
	a.want("200", "-", events.QueryStatus, "") // needs no place
	close(release)
	if reply := testkit.Receive(t, "answer", bobs); code(reply) != "200" {
		t.Errorf("bob got %s %s", code(reply), reply.Data)
	}
	for range maxUserQueued {
		if reply := testkit.Receive(t, "answer", replies); code(reply) != "200" {
			t.Fatalf("one that was taken in got %s %s", code(reply), reply.Data)
		}
	}
}

// TestQueryRate: a user who asks more often than a user may is refused, by the name that
// the id has in subjects; a back end that asks about the user is not.
func TestQueryRate(t *testing.T) {
	a := start(t, newTwinSource())
	const user = "al.ice"
	heard := testkit.Must(a.client.SubscribeSync(a.subjects.Inbox(user) + ".>"))(t)
	testkit.Eventually(t, "the user is refused", func() bool {
		for ok := true; ok; {
			_, ok = a.service.AdmitQuery(user)
		}
		a.asked(a.subject(user, events.QueryTotals), "", a.subjects.Inbox(user)+".x")
		a.want("200", user, events.QueryTotals, "")
		reply := testkit.Must(heard.NextMsgWithContext(testkit.Context(t)))(t)
		return code(reply) == "429" && strings.Contains(string(reply.Data), "more than 50 queries a second")
	})
}

// TestStatusAlwaysHasAPlace: when as many wait by status as may, the one that
// has waited for longest makes room.
func TestStatusAlwaysHasAPlace(t *testing.T) {
	source := newTwinSource()
	b := defaultBounds()
	b.operatorWaiters = 3
	hook, entered := entering("WaitApplied", 10)
	source.hook = hook
	a := startBounded(t, natstest.StartCore(t), source, b)
	var waiting []<-chan *nats.Msg
	for range b.operatorWaiters + 1 {
		inbox, replies := a.inbox(1)
		a.asked(a.subjects.Status(), `{"after_seq":1,"timeout_ms":30000}`, inbox)
		testkit.Receive(t, "waiter", entered)
		waiting = append(waiting, replies)
	}
	if reply := testkit.Receive(t, "answer", waiting[0]); code(reply) != "429" {
		t.Errorf("the oldest got %s %s", code(reply), reply.Data)
	}
	a.want("200", "-", events.QueryStatus, "")
	source.message(t, "alice", "bob", "m1")
	for _, replies := range waiting[1:] {
		if reply := testkit.Receive(t, "answer", replies); code(reply) != "200" {
			t.Errorf("a later one got %s %s", code(reply), reply.Data)
		}
	}
}

// TestGreediest: when all together may not wait, whoever has the most waiting
// gives one up for one who has fewer, and nobody does for one who would have as
// many.
func TestGreediest(t *testing.T) {
	b := defaultBounds()
	b.waiters, b.userWaiters = 6, 4
	p := newPool(b)
	outcome := make(chan string, 10)
	var calls []*call
	wait := func(user string) error {
		c := &call{endpoint: &endpoint{}, user: user}
		if err := p.admit(c); err != nil {
			t.Fatal(err)
		}
		calls = append(calls, c)
		entered, refused := make(chan struct{}), make(chan error, 1)
		go func() {
			err := p.wait(t.Context(), c, func(ctx context.Context) {
				close(entered)
				<-ctx.Done()
				if errors.Is(context.Cause(ctx), errDropped) {
					outcome <- user + " dropped"
				}
			})
			if err != nil {
				refused <- err
			}
		}()
		select {
		case <-entered:
			return nil
		case err := <-refused:
			return err
		}
	}
	for _, step := range []struct {
		user    string
		err     error
		dropped string
	}{
		{"alice", nil, ""}, {"alice", nil, ""}, {"alice", nil, ""}, {"alice", nil, ""},
		{"alice", errUserWaiters, ""},
		{"bob", nil, ""}, {"bob", nil, ""},
		{"carol", nil, "alice dropped"},
		{"bob", errWaiters, ""}, // would have as many as alice
		{"dave", nil, "alice dropped"},
		{"carol", errWaiters, ""},
		{"erin", nil, ""},
	} {
		if step.user == "erin" { // alice and bob have two each
			step.dropped = "?"
		}
		if err := wait(step.user); !errors.Is(err, step.err) {
			t.Fatalf("%s: %v, want %v", step.user, err, step.err)
		}
		switch step.dropped {
		case "":
		case "?":
			testkit.Receive(t, "dropping", outcome)
		default:
			if got := testkit.Receive(t, "dropping", outcome); got != step.dropped {
				t.Fatalf("%s came: %s, want %s", step.user, got, step.dropped)
			}
		}
	}
	if p.mu.users.total != b.waiters {
		t.Errorf("%d wait, want %d", p.mu.users.total, b.waiters)
	}
}

// TestPoolForgets: when all have left, nothing is known of any user.
func TestPoolForgets(t *testing.T) {
	p := newPool(defaultBounds())
	var calls []*call
	for i := range 100 {
		c := &call{endpoint: &endpoint{handler: handler{lane: lane(i % int(lanes))}}, user: strconv.Itoa(i % 7), body: make([]byte, i)}
		if err := p.admit(c); err != nil {
			t.Fatal(err)
		}
		calls = append(calls, c)
		if i%2 == 0 {
			p.shed(c)
		}
		if i%3 == 0 {
			if err := p.wait(t.Context(), c, func(context.Context) {}); err != nil {
				t.Fatal(err)
			}
		}
	}
	for _, c := range calls {
		p.leave(c)
	}
	if len(p.mu.loads) != 0 || p.mu.bytes != 0 || p.mu.queued != [lanes]int{} || p.mu.users.total != 0 {
		t.Errorf("left over: %d users, %d bytes, %v queued, %d waiting", len(p.mu.loads), p.mu.bytes, p.mu.queued, p.mu.users.total)
	}
}

// TestHoldReachesAll: of two services one answers who has events held back, and both
// hold them back.
func TestHoldReachesAll(t *testing.T) {
	ns := natstest.StartCore(t)
	held := make(chan string, 16)
	var all []*asker
	for range 2 {
		source := newTwinSource()
		source.watched = held
		all = append(all, startOn(t, ns, source))
	}
	m := all[0].want("200", "-", events.QueryHold, `{"ttl_ms":60000}`)
	if r := unmarshal[events.HoldReply](all[0], m); r.Until != 60_000 {
		t.Errorf("held until %d", r.Until)
	}
	for range 3 { // once by who answers, once overheard by each
		if ttl := testkit.Receive(t, "hold", held); ttl != "1m0s" {
			t.Errorf("held back for %s", ttl)
		}
	}
	for _, bad := range []string{`{"ttl_ms":60001}`, `{"ttl_ms":-1}`, `{"ttl":5}`} {
		all[0].want("400", "-", events.QueryHold, bad)
	}
	if len(held) > 0 {
		t.Errorf("a request that was refused holds events back for %s", <-held)
	}
}

// TestWatchReachesAll: of two services one answers a watch, and both begin it.
func TestWatchReachesAll(t *testing.T) {
	ns := natstest.StartCore(t)
	const users = 40
	watched := make(chan string, 4*users)
	var all []*asker
	for range 2 {
		source := newTwinSource()
		source.watched = watched
		all = append(all, startOn(t, ns, source))
	}
	inbox, replies := all[0].inbox(2 * users)
	want := map[string]int{}
	for i := range users {
		user := "u" + strconv.Itoa(i)
		all[0].asked(all[0].subject(user, events.QueryWatch), "", inbox)
		want[user] = 3 // once by who answers, once overheard by each
	}
	got := map[string]int{}
	for range 3 * users {
		got[testkit.Receive(t, "watch", watched)]++
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("watches (-want +got):\n%s", diff)
	}
	for range users {
		testkit.Receive(t, "answer", replies)
	}
	for _, a := range all { // so that a second answer would be here
		if err := a.conn.Flush(); err != nil {
			t.Fatal(err)
		}
	}
	if err := all[0].client.Flush(); err != nil {
		t.Fatal(err)
	}
	if len(replies) > 0 {
		t.Errorf("%d answered twice", len(replies))
	}
	all[0].want("400", "alice", events.QueryWatch, `{"x":1}`)
	all[0].want("200", "-", events.QueryStatus, "")
	if len(watched) > 0 {
		t.Errorf("a watch that is refused began for %s", <-watched)
	}
}
