package api

import (
	"context"
	"encoding/json"
	"errors"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/micro"

	"reddot/events"
	"reddot/projector/testkit"
	"reddot/projector/testkit/natstest"
	"reddot/projector/twin"
)

// TestMonitoring asks PING, INFO and STATS as any NATS tool does.
func TestMonitoring(t *testing.T) {
	source := newTwinSource()
	a := start(t, source)
	seq := source.message(t, "alice", "bob", "m")
	a.want("200", "-", events.QueryStatus, "") // STATS knows no less than the last status
	a.want("404", "alice", events.QueryReceipt, `{"peer":"bob"}`)

	monitor := func(verb string, into any) {
		t.Helper()
		reply, err := a.client.Request("$SRV."+verb+".reddot", nil, testkit.Patience)
		if err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(reply.Data, into); err != nil {
			t.Fatal(err)
		}
	}
	var ping micro.Ping
	monitor("PING", &ping)
	metadata := map[string]string{"prefix": "unread", "stream": "UNREAD_COMMANDS"}
	if diff := cmp.Diff(metadata, ping.Metadata); ping.Name != "reddot" || ping.Version != "1.2.3" || diff != "" {
		t.Errorf("PING answers %+v\n%s", ping, diff)
	}
	var same micro.Ping
	if monitor("PING", &same); same.ID != ping.ID {
		t.Errorf("one instance has the ids %s and %s", ping.ID, same.ID)
	}
	var info micro.Info
	monitor("INFO", &info)
	got := map[string]string{}
	for _, e := range info.Endpoints {
		got[e.Name] = e.Subject + " " + e.QueueGroup
	}
	want := map[string]string{"status": "unread.api.status q", "hold": "unread.api.hold q"}
	for _, name := range []string{"totals", "conversations", "conversation", "threads", "thread", "group-receipts", "readers", "explain", "receipt", "watch"} {
		want[name] = "unread.api.*." + name + " q"
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("INFO's endpoints (-want +got):\n%s", diff)
	}
	var stats micro.Stats
	monitor("STATS", &stats)
	for _, e := range stats.Endpoints {
		var data EndpointData
		if err := json.Unmarshal(e.Data, &data); err != nil {
			t.Fatal(err)
		}
		if data.Applied != seq || data.Lag != 0 || data.AsOf == 0 {
			t.Errorf("STATS of %s answers %s", e.Name, e.Data)
		}
		if e.Name == events.QueryReceipt && (e.NumRequests != 1 || e.NumErrors != 1 || !strings.HasPrefix(e.LastError, "not_found: ") || e.ProcessingTime == 0) {
			t.Errorf("STATS after one error: %+v", e)
		}
	}
}

// TestWatchWithoutReply: a watch is of use to one who doesn't ask for the
// answer.
func TestWatchWithoutReply(t *testing.T) {
	source := newTwinSource()
	hook, watched := entering("Watch", 1)
	source.hook = hook
	a := start(t, source)
	for _, query := range []string{events.QueryTotals, events.QueryWatch} {
		if err := a.client.Publish(a.subject("alice", query), nil); err != nil {
			t.Fatal(err)
		}
	}
	testkit.Receive(t, "watch", watched)
}

// TestLoad asks from many clients while commands are applied: every reply shows
// one position, so that its totals are the sum of its list.
func TestLoad(t *testing.T) {
	source := newTwinSource()
	a := start(t, source)
	const seed, clients, questions = 7, 8, 200
	t.Logf("seed %d", seed)
	enough, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		g := twin.NewGenerator(seed, twin.Config{})
		var c events.Command
		for {
			select {
			case <-enough:
				return
			default:
				g.Next(&c)
				source.apply(g.Now(), &c, true)
			}
		}
	}()
	var all sync.WaitGroup
	for i := range clients {
		all.Go(func() {
			for n := range questions {
				if users := source.users(); len(users) > 0 {
					a.consistent(users[(i+n)%len(users)], n%2 == 0)
				}
			}
		})
	}
	all.Wait()
	close(enough)
	<-done
	seq := source.position()
	t.Logf("%d lists asked for while %d commands were applied", clients*questions, seq)
	for _, u := range source.users() {
		r := unmarshal[events.TotalsReply](t, a.want("200", u, events.QueryTotals, `{"after_seq":`+strconv.Itoa(int(seq))+`}`))
		if diff := cmp.Diff(source.model.Totals(u, events.NoKind, false), r.Totals); diff != "" {
			t.Errorf("%s: %s", u, diff)
		}
	}
}

// consistent asks for a user's list and compares it with its totals.
func (a *asker) consistent(user string, msgpack bool) {
	accept := ""
	if msgpack {
		accept = "application/msgpack"
	}
	m := nats.NewMsg(a.subject(user, events.QueryConversations))
	m.Data = []byte(`{"limit":200}`)
	m.Header.Set("Accept", accept)
	reply, err := a.client.RequestMsg(m, testkit.Patience)
	if err != nil {
		a.Errorf("ask for %s: %v", user, err)
		return
	}
	var r events.ConversationsReply
	if err := events.Unmarshal(reply.Header.Get("Content-Type"), reply.Data, &r); err != nil || code(reply) != "200" {
		a.Errorf("ask for %s: %s %v", user, code(reply), err)
		return
	}
	if sum := twin.Sum(slices.Values(r.Conversations), r.Totals); sum != r.Totals {
		a.Errorf("%s at version %d: totals say %+v, the list %+v", user, r.Version, r.Totals, sum)
	}
}

// TestDrain stops a service under load: whoever is routed to it gets an
// answer, a waiter gets 503 at once, and nothing is routed to it afterwards.
func TestDrain(t *testing.T) {
	source := newTwinSource()
	hook, entered := entering("WaitApplied", 1)
	source.hook = hook
	a := start(t, source)
	inbox, waiter := a.inbox(1)
	a.asked(a.subject("alice", events.QueryTotals), `{"after_seq":1,"timeout_ms":30000}`, inbox)
	testkit.Receive(t, "waiter", entered)

	var all sync.WaitGroup
	var answers atomic.Int64
	busy := make(chan struct{}, 1)
	for range 8 {
		all.Go(func() {
			for {
				reply, err := a.client.Request(a.subject("alice", events.QueryTotals), nil, testkit.Patience)
				if errors.Is(err, nats.ErrNoResponders) {
					return // refused at once, so an asker can go elsewhere
				}
				if err != nil || code(reply) != "200" {
					t.Errorf("a request during the drain: %v", err)
					return
				}
				if answers.Add(1) == 1_000 {
					busy <- struct{}{}
				}
			}
		})
	}
	testkit.Receive(t, "load", busy)
	begin := time.Now()
	a.stop()
	if reply := testkit.Receive(t, "answer", waiter); code(reply) != "503" {
		t.Errorf("the waiter got %s", code(reply))
	}
	if err := a.ended(); err != nil {
		t.Error(err)
	}
	if took := time.Since(begin); took > drainTotal+time.Second {
		t.Errorf("the drain took %s", took)
	}
	all.Wait()
	if err := a.service.Run(context.Background()); err == nil {
		t.Error("a service ran twice")
	}
	if a.conn.IsClosed() {
		t.Error("the drain closed the caller's connection")
	}
}

// TestDrainStuck: a source that doesn't return does not keep the service, nor
// the asker.
func TestDrainStuck(t *testing.T) {
	source := newTwinSource()
	entered, release := make(chan struct{}, 1), make(chan struct{})
	source.hook = func(method string) error {
		if method == "View" {
			entered <- struct{}{}
			<-release
		}
		return nil
	}
	a := start(t, source)
	inbox, replies := a.inbox(10)
	a.asked(a.subject("alice", events.QueryTotals), "", inbox)
	testkit.Receive(t, "view", entered)
	begin := time.Now()
	a.stop()
	if err := a.ended(); err != nil {
		t.Error(err)
	}
	if took := time.Since(begin); took > drainTotal+time.Second {
		t.Errorf("the drain took %s", took)
	}
	if reply := testkit.Receive(t, "answer", replies); code(reply) != "503" {
		t.Errorf("the asker got %s", code(reply))
	}
	close(release)
	if _, err := a.client.Request(a.subject("alice", events.QueryTotals), nil, testkit.Patience); !errors.Is(err, nats.ErrNoResponders) {
		t.Errorf("a request afterwards: %v", err)
	}
	if len(replies) > 0 {
		t.Errorf("answered twice: %s", (<-replies).Data)
	}
}

// TestDrainLong: an answer that takes long learns at the end of the drain that
// nobody wants it any more.
func TestDrainLong(t *testing.T) {
	source := newTwinSource()
	entered, given := make(chan struct{}, 1), make(chan error, 1)
	source.hook = func(method string) error {
		if method != "Totals" {
			return nil
		}
		entered <- struct{}{}
		for wanted := *source.wanted.Load(); ; runtime.Gosched() {
			if err := wanted(); err != nil {
				given <- err
				return err
			}
		}
	}
	a := start(t, source)
	inbox, _ := a.inbox(10)
	a.asked(a.subject("alice", events.QueryTotals), "", inbox)
	testkit.Receive(t, "totals", entered)
	a.stop()
	if err := a.ended(); err != nil {
		t.Error(err)
	}
	if err := testkit.Receive(t, "the end of the answer", given); !errors.Is(err, context.Canceled) {
		t.Errorf("the answer ended with %v", err)
	}
}

func TestConnectionClosed(t *testing.T) {
	a := start(t, newTwinSource())
	a.conn.Close()
	if err := a.ended(); err == nil || !strings.Contains(err.Error(), "connection") {
		t.Errorf("after its connection was closed, Run returned %v", err)
	}
}

// TestReconnect: a server that goes away and comes back ends nothing.
func TestReconnect(t *testing.T) {
	ns := natstest.StartCore(t)
	a := startOn(t, ns, newTwinSource())
	back := make(chan struct{}, 1)
	a.conn.SetReconnectHandler(func(*nats.Conn) { back <- struct{}{} })
	if err := a.conn.ForceReconnect(); err != nil {
		t.Fatal(err)
	}
	testkit.Receive(t, "reconnect", back)
	if err := a.conn.Flush(); err != nil {
		t.Fatal(err)
	}
	// The server may not have noticed yet that the connection of before has ended: what it
	// sends there is lost.
	testkit.Eventually(t, "an answer", func() bool {
		_, err := a.client.Request(a.subject("alice", events.QueryTotals), nil, time.Second)
		return err == nil
	})
	a.want("200", "alice", events.QueryTotals, "")
}

func TestNotPermitted(t *testing.T) {
	deny := &server.Permissions{Subscribe: &server.SubjectPermission{Deny: []string{"unread.api.*.explain"}}}
	ns := natstest.StartCore(t, func(o *server.Options) {
		o.Users = []*server.User{{Username: "reddot", Password: "x", Permissions: deny}}
	})
	subjects, err := events.NewSubjects("unread")
	if err != nil {
		t.Fatal(err)
	}
	conn := ns.Connect(nats.UserInfo("reddot", "x"), nats.ErrorHandler(func(*nats.Conn, *nats.Subscription, error) {}))
	s, err := NewService(ServiceConfig{Conn: conn, Subjects: subjects, Source: newTwinSource(), Version: "0.0.1"})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Run(t.Context()); err == nil || !strings.Contains(err.Error(), "unread.api.*.explain") {
		t.Errorf("deaf on one subject, Run returned %v", err)
	}
}

func TestServiceConfig(t *testing.T) {
	subjects, err := events.NewSubjects("unread")
	if err != nil {
		t.Fatal(err)
	}
	good := ServiceConfig{Conn: &nats.Conn{}, Subjects: subjects, Source: newTwinSource(), Version: "1.0.0-rc.1+linux"}
	if _, err := NewService(good); err != nil {
		t.Fatal(err)
	}
	for what, spoil := range map[string]func(*ServiceConfig){
		"connection":   func(c *ServiceConfig) { c.Conn = nil },
		"subjects":     func(c *ServiceConfig) { c.Subjects = events.Subjects{} },
		"source":       func(c *ServiceConfig) { c.Source = nil },
		"version":      func(c *ServiceConfig) { c.Version = "v1" },
		"reply prefix": func(c *ServiceConfig) { c.ReplyPrefixes = []string{"unread.cmd."} },
	} {
		cfg := good
		spoil(&cfg)
		if _, err := NewService(cfg); err == nil || !strings.Contains(err.Error(), what) {
			t.Errorf("without %s: %v", what, err)
		}
	}
}

// BenchmarkTotals asks from many goroutines over one TCP connection.
func BenchmarkTotals(b *testing.B) {
	source := newTwinSource()
	source.message(b, "alice", "bob", "m")
	a := start(b, source)
	subject := a.subject("alice", events.QueryTotals)
	b.SetParallelism(32)
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if _, err := a.client.Request(subject, nil, testkit.Patience); err != nil {
				b.Error(err)
				return
			}
		}
	})
}
