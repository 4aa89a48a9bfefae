package api

import (
	"context"
	"errors"
	"fmt"
	"net"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"

	"reddot/events"
)

// staleness is a hook that makes a source stale, and fresh again.
type staleness struct{ why atomic.Pointer[error] }

func (s *staleness) is(why error) { s.why.Store(&why) }

func (s *staleness) over() { s.why.Store(nil) }

// called has views fail as well, as those of a real source do.
func (s *staleness) called(method string) error {
	if why := s.why.Load(); why != nil && (method == "Fresh" || method == "View") {
		return *why
	}
	return nil
}

// eventually waits for a state.
func eventually(tb testing.TB, what string, reached func() bool) {
	tb.Helper()
	for deadline := time.Now().Add(patience); !reached(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			tb.Fatalf("waited %s until %s", patience, what)
		}
	}
}

// soon is how long a request waits that is made again. It may be lost with a
// connection.
const soon = 200 * time.Millisecond

// out reports whether nobody takes queries.
func (a *asker) out() bool {
	_, err := a.client.Request(a.subject("alice", events.QueryTotals), nil, soon)
	return errors.Is(err, nats.ErrNoResponders)
}

// in reports whether a query is answered.
func (a *asker) in() bool {
	m, err := a.client.Request(a.subject("alice", events.QueryTotals), nil, soon)
	return err == nil && code(m) == "200"
}

// shownTaking is what the metric says.
func (a *asker) shownTaking() float64 {
	a.Helper()
	families, err := a.registry.Gather()
	if err != nil {
		a.Fatal(err)
	}
	for _, f := range families {
		if f.GetName() == "reddot_queries_taken" {
			return f.GetMetric()[0].GetGauge().GetValue()
		}
	}
	a.Fatal("there is no metric")
	return 0
}

// TestLeaves: a service whose source is stale leaves the queue group, and comes
// back by itself. The status, watches and monitoring are answered all the time.
// However often that happens, the server has each subscription once.
func TestLeaves(t *testing.T) {
	source, stale := newTwinSource(), new(staleness)
	source.hook = stale.called
	ns := startServer(t, server.Options{})
	a := startOn(t, ns, source)
	a.want("200", "alice", events.QueryTotals, "")
	a.want("200", "-", events.QueryStatus, "") // the client's own subscriptions are there
	atServer, atService, goroutines := ns.NumSubscriptions(), a.conn.NumSubscriptions(), runtime.NumGoroutine()
	for n := 1; n <= 5; n++ {
		stale.is(fmt.Errorf("deaf for the %d. time", n))
		eventually(t, "it has left", a.out)
		for _, q := range queries(nil) {
			m, err := a.client.Request(a.subject("alice", q.name), nil, patience)
			stays := q.name == events.QueryStatus || q.name == events.QueryWatch
			if stays && (err != nil || code(m) != "200") || !stays && !errors.Is(err, nats.ErrNoResponders) {
				t.Errorf("%s while it has left: %v %v", q.name, m, err)
			}
		}
		if _, err := a.client.Request("$SRV.PING.reddot", nil, patience); err != nil {
			t.Errorf("PING while it has left: %v", err)
		}
		if v := a.shownTaking(); v != 0 {
			t.Errorf("the metric shows %v", v)
		}
		stale.over()
		eventually(t, "it is back", a.in)
		if v := a.shownTaking(); v != 1 {
			t.Errorf("the metric shows %v", v)
		}
	}
	eventually(t, "the server has each subscription once", func() bool {
		return ns.NumSubscriptions() == atServer && a.conn.NumSubscriptions() == atService
	})
	eventually(t, "no goroutine is left over", func() bool { return runtime.NumGoroutine() <= goroutines })
	log := a.logged.String()
	for n := 1; n <= 5; n++ {
		if said := strings.Count(log, fmt.Sprintf("no queries are taken: others get them\" reason=\"deaf for the %d. time", n)); said != 1 {
			t.Errorf("it is said %d times why it leaves for the %d. time:\n%s", said, n, log)
		}
	}
	if said := strings.Count(log, `msg="queries are taken"`); said != 6 {
		t.Errorf("it is said %d times that queries are taken:\n%s", said, log)
	}
}

// TestFlapping: a source that is fresh at every other look has its service out of
// the queue group, which says so once.
func TestFlapping(t *testing.T) {
	source := newTwinSource()
	var looks atomic.Int64
	source.hook = func(method string) error {
		if method == "Fresh" && looks.Add(1)%2 == 0 {
			return errors.New("deaf")
		}
		return nil
	}
	a := start(t, source, server.Options{})
	eventually(t, "it has left", a.out)
	seen := looks.Load()
	eventually(t, "it has looked some more times", func() bool { return looks.Load() > seen+8 })
	if !a.out() {
		t.Error("it is back")
	}
	if said := strings.Count(a.logged.String(), "no queries are taken"); said != 1 {
		t.Errorf("it is said %d times that it has left:\n%s", said, a.logged.String())
	}
}

// TestBeginsStale: a service is not ready, and takes nothing, until its source is
// fresh.
func TestBeginsStale(t *testing.T) {
	source, stale := newTwinSource(), new(staleness)
	source.hook = stale.called
	stale.is(fmt.Errorf("%w: applied 1 of 2", events.ErrBehind))
	a := begin(t, startServer(t, server.Options{}), source, defaultBounds())
	eventually(t, "the status is answered", func() bool {
		m, err := a.client.Request(a.subjects.Status(), nil, patience)
		return err == nil && code(m) == "200"
	})
	if !a.out() {
		t.Error("a query is taken")
	}
	select {
	case <-a.service.Ready():
		t.Error("it says that it is ready")
	default:
	}
	stale.over()
	a.ready()
	a.want("200", "alice", events.QueryTotals, "")
	if said := strings.Count(a.logged.String(), `no queries are taken yet" reason="catching up: applied 1 of 2"`); said != 1 {
		t.Errorf("it is said %d times why no queries are taken:\n%s", said, a.logged.String())
	}
}

// TestWaitsWhileAway: who waits for a command is told at once that this instance
// does not hear of it, and waits on where it comes nearer. Who waits for the status
// waits on in either case.
func TestWaitsWhileAway(t *testing.T) {
	source, stale := newTwinSource(), new(staleness)
	hook, entered := entering("WaitApplied", 10)
	source.hook = func(method string) error { return errors.Join(hook(method), stale.called(method)) }
	a := start(t, source, server.Options{})
	const wait = `{"after_seq":1,"timeout_ms":30000}`
	ask := func(subject string) <-chan *nats.Msg {
		inbox, replies := a.inbox(1)
		a.asked(subject, wait, inbox)
		receive(t, entered, "waiter")
		return replies
	}
	deaf := ask(a.subject("alice", events.QueryTotals))
	status := ask(a.subjects.Status())
	stale.is(errors.New("nothing was heard"))
	if m := receive(t, deaf, "answer"); code(m) != "503" || !strings.Contains(string(m.Data), errDeaf.Error()) {
		t.Errorf("who waits is told %s", m.Data)
	}
	stale.over()
	eventually(t, "it is back", a.in)

	behind := ask(a.subject("alice", events.QueryTotals))
	stale.is(events.ErrBehind)
	eventually(t, "it has left", a.out)
	source.apply(1_000, &events.Command{Verb: events.UserMessage, Inbox: "alice", ID: "m", From: "bob"}, true)
	if m := receive(t, behind, "answer"); code(m) != "503" { // the view says that it is old
		t.Errorf("who waits is answered %s", m.Data)
	}
	if m := receive(t, status, "status"); code(m) != "200" {
		t.Errorf("who waits for the status is told %s", m.Data)
	}
}

// TestLeavesUnderLoad: while a service leaves and comes back, each request gets one
// answer, or is told at once that there is nobody.
func TestLeavesUnderLoad(t *testing.T) {
	source, stale := newTwinSource(), new(staleness)
	source.hook = stale.called
	a := start(t, source, server.Options{})
	var all sync.WaitGroup
	var answers, absences atomic.Int64
	done := make(chan struct{})
	for range 8 {
		all.Go(func() {
			for {
				select {
				case <-done:
					return
				default:
				}
				switch m, err := a.client.Request(a.subject("alice", events.QueryTotals), nil, patience); {
				case errors.Is(err, nats.ErrNoResponders):
					absences.Add(1)
				case err != nil || code(m) != "200" && code(m) != "503":
					t.Errorf("a request is answered %v, %v", m, err)
					return
				default:
					answers.Add(1)
				}
			}
		})
	}
	for range 5 {
		stale.is(errors.New("deaf"))
		gone := absences.Load()
		eventually(t, "nobody is there", func() bool { return absences.Load() > gone })
		stale.over()
		had := answers.Load()
		eventually(t, "requests are answered again", func() bool { return answers.Load() > had+100 })
	}
	close(done)
	all.Wait()
}

// TestReconnectWhileAway: a connection that comes back to a service that has left
// meanwhile does not take it back into the queue group.
func TestReconnectWhileAway(t *testing.T) {
	source, stale := newTwinSource(), new(staleness)
	source.hook = stale.called
	ns := startServer(t, server.Options{})
	a := startOn(t, ns, source, nats.MaxReconnects(-1), nats.ReconnectWait(20*time.Millisecond))
	address := ns.Addr().(*net.TCPAddr)
	ns.Shutdown()
	ns.WaitForShutdown()
	eventually(t, "the connection is lost", func() bool { return !a.conn.IsConnected() })
	stale.is(errors.New("deaf"))
	eventually(t, "it has left", func() bool { return strings.Contains(a.logged.String(), "reason=deaf") })
	ns = startServer(t, server.Options{Port: address.Port})
	eventually(t, "the connection is back", a.conn.IsConnected)
	if err := a.conn.Flush(); err != nil {
		t.Fatal(err)
	}
	if at, own := a.heardAtServer(ns), a.conn.NumSubscriptions(); at != own {
		t.Errorf("the server has %d subscriptions, %d are heard", at, own)
	}
	a.client = connect(t, ns)
	if !a.out() {
		t.Error("it takes queries")
	}
	stale.over()
	eventually(t, "it is back", a.in)
}

// TestReconnectWhileLeaving: a connection that breaks while requests are taken in
// of subscriptions that were given back makes them anew. Nobody would hear of them:
// they don't last.
func TestReconnectWhileLeaving(t *testing.T) {
	ns := startServer(t, server.Options{})
	conn := connect(t, ns)
	taken, goOn := make(chan struct{}, 2), make(chan struct{})
	q := &queue{
		conn: conn, endpoints: []*endpoint{{name: "totals", subject: "unread.api.*.totals"}},
		take: func(context.Context, *endpoint, *nats.Msg) {
			taken <- struct{}{}
			<-goOn
		},
	}
	if err := q.join(t.Context()); err != nil {
		t.Fatal(err)
	}
	asking := connect(t, ns)
	for range 2 { // the second one is not taken in yet
		if err := asking.PublishRequest("unread.api.alice.totals", nats.NewInbox(), nil); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(asking.Flush(), conn.Flush()); err != nil {
		t.Fatal(err)
	}
	receive(t, taken, "request")
	a := &asker{TB: t, conn: conn}
	if err := q.leave(); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(conn.ForceReconnect(), conn.Flush()); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the connection has begun the subscription again", func() bool { return a.heardAtServer(ns) == 1 })
	close(goOn)
	receive(t, taken, "request")
	q.leaving.Wait()
	eventually(t, "the subscription is over", func() bool { return a.heardAtServer(ns) == 0 })
}

// heardAtServer is how many subscriptions the server has of the service's
// connection.
func (a *asker) heardAtServer(ns *server.Server) int {
	a.Helper()
	id, err := a.conn.GetClientID()
	if err != nil {
		return -1 // not connected
	}
	c, err := ns.Connz(&server.ConnzOptions{CID: id})
	if err != nil || len(c.Conns) != 1 {
		return -1
	}
	return int(c.Conns[0].NumSubs)
}
