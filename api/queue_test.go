package api

import (
	"errors"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"reddot/events"
	"reddot/projector/testkit"
	"reddot/projector/testkit/natstest"
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

// soon is how long a request waits that is made again. It may be lost with a
// connection.
const soon = 200 * time.Millisecond

// hasLeft waits until a service has left the queue group, and the server knows.
func (a *asker) hasLeft() {
	a.Helper()
	testkit.Eventually(a, "it has left", func() bool { return a.shownTaking() == 0 })
	if err := a.conn.Flush(); err != nil {
		a.Fatal(err)
	}
}

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
	ns := natstest.StartCore(t)
	a := startOn(t, ns, source)
	a.want("200", "alice", events.QueryTotals, "")
	a.want("200", "-", events.QueryStatus, "") // the client's own subscriptions are there
	atServer, atService, goroutines := ns.NATS().NumSubscriptions(), a.conn.NumSubscriptions(), runtime.NumGoroutine()
	for n := 1; n <= 5; n++ {
		stale.is(fmt.Errorf("deaf for the %d. time", n))
		a.hasLeft()
		for _, q := range natsHandlers() {
			m, err := a.client.Request(a.subject("alice", q.name), nil, testkit.Patience)
			stays := q.name == events.QueryStatus || q.name == events.QueryWatch || q.name == events.QueryHold
			if stays && (err != nil || code(m) != "200") || !stays && !errors.Is(err, nats.ErrNoResponders) {
				t.Errorf("%s while it has left: %v %v", q.name, m, err)
			}
		}
		if _, err := a.client.Request("$SRV.PING.reddot", nil, testkit.Patience); err != nil {
			t.Errorf("PING while it has left: %v", err)
		}
		stale.over()
		testkit.Eventually(t, "it is back", a.in)
		testkit.Eventually(t, "the metric shows it", func() bool { return a.shownTaking() == 1 })
	}
	testkit.Eventually(t, "the server has each subscription once", func() bool {
		return ns.NATS().NumSubscriptions() == atServer && a.conn.NumSubscriptions() == atService
	})
	testkit.Eventually(t, "no goroutine is left over", func() bool { return runtime.NumGoroutine() <= goroutines })
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
	a := start(t, source)
	testkit.Eventually(t, "it has left", a.out)
	seen := looks.Load()
	testkit.Eventually(t, "it has looked some more times", func() bool { return looks.Load() > seen+8 })
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
	a := begin(t, natstest.StartCore(t), source, defaultBounds())
	testkit.Eventually(t, "the status is answered", func() bool {
		m, err := a.client.Request(a.subjects.Status(), nil, testkit.Patience)
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

// TestWaitsWhileAway: who waits for a command is answered at once that this instance
// does not hear of it, and waits on where it comes nearer. Who waits for the status
// waits on in either case.
func TestWaitsWhileAway(t *testing.T) {
	source, stale := newTwinSource(), new(staleness)
	hook, entered := entering("WaitApplied", 10)
	source.hook = func(method string) error { return errors.Join(hook(method), stale.called(method)) }
	a := start(t, source)
	const wait = `{"after_seq":1,"timeout_ms":30000}`
	ask := func(subject string) <-chan *nats.Msg {
		inbox, replies := a.inbox(1)
		a.asked(subject, wait, inbox)
		testkit.Receive(t, "waiter", entered)
		return replies
	}
	deaf := ask(a.subject("alice", events.QueryTotals))
	status := ask(a.subjects.Status())
	stale.is(errors.New("nothing was heard"))
	if m := testkit.Receive(t, "answer", deaf); code(m) != "503" || !strings.Contains(string(m.Data), errDeaf.Error()) {
		t.Errorf("who waits is answered %s", m.Data)
	}
	stale.over()
	testkit.Eventually(t, "it is back", a.in)

	behind := ask(a.subject("alice", events.QueryTotals))
	stale.is(events.ErrBehind)
	testkit.Eventually(t, "it has left", a.out)
	source.apply(1_000, &events.Command{Verb: events.UserMessage, Inbox: "alice", ID: "m", From: "bob"}, true)
	if m := testkit.Receive(t, "answer", behind); code(m) != "503" { // the view says that it is old
		t.Errorf("who waits is answered %s", m.Data)
	}
	if m := testkit.Receive(t, "status", status); code(m) != "200" {
		t.Errorf("who waits for the status is answered %s", m.Data)
	}
}

// TestLeavesUnderLoad: while a service leaves and comes back, each request gets one
// answer, or hears at once that there is nobody.
func TestLeavesUnderLoad(t *testing.T) {
	source, stale := newTwinSource(), new(staleness)
	source.hook = stale.called
	a := start(t, source)
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
				switch m, err := a.client.Request(a.subject("alice", events.QueryTotals), nil, testkit.Patience); {
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
		testkit.Eventually(t, "nobody is there", func() bool { return absences.Load() > gone })
		stale.over()
		had := answers.Load()
		testkit.Eventually(t, "requests are answered again", func() bool { return answers.Load() > had+100 })
	}
	close(done)
	all.Wait()
}

// TestHandOver: one of two services ends, or leaves. From then on the other one gets
// all requests: each is answered, and while one ends each is answered rightly.
func TestHandOver(t *testing.T) {
	source, stale := newTwinSource(), new(staleness)
	other := newTwinSource()
	source.hook = stale.called
	ns := natstest.StartCore(t)
	a, b := startOn(t, ns, source), startOn(t, ns, other)
	// load asks until done is closed, and returns how often it was answered what.
	load := func(done <-chan struct{}) map[string]int {
		var mu sync.Mutex
		replied := map[string]int{}
		var all sync.WaitGroup
		for range 8 {
			all.Go(func() {
				for {
					m, err := a.client.Request(a.subject("alice", events.QueryTotals), nil, testkit.Patience)
					what := fmt.Sprint(err)
					if err == nil {
						what = code(m)
					}
					mu.Lock()
					replied[what]++
					mu.Unlock()
					select {
					case <-done:
						return
					default:
					}
				}
			})
		}
		all.Wait()
		return replied
	}
	answered := func(s *asker) float64 { return s.counted("reddot_queries_total", "200", events.QueryTotals) }
	during := func(act func()) map[string]int {
		done, replied := make(chan struct{}), make(chan map[string]int)
		go func() { replied <- load(done) }()
		from := answered(b)
		testkit.Eventually(t, "the other one is asked", func() bool { return answered(b) > from+100 })
		act()
		from = answered(b)
		testkit.Eventually(t, "the other one is asked", func() bool { return answered(b) > from+100 })
		close(done)
		return <-replied
	}
	replied := during(func() {
		stale.is(errors.New("deaf"))
		a.hasLeft()
	})
	delete(replied, "503") // until it had seen that
	if len(replied) != 1 || replied["200"] == 0 {
		t.Errorf("while one leaves: %v", replied)
	}
	if replied := during(func() {}); len(replied) != 1 || replied["200"] == 0 {
		t.Errorf("when one has left: %v", replied)
	}
	stale.over()
	testkit.Eventually(t, "it is back", func() bool { return a.shownTaking() == 1 })
	replied = during(func() {
		a.stop()
		if err := a.ended(); err != nil {
			t.Error(err)
		}
	})
	if len(replied) != 1 || replied["200"] == 0 {
		t.Errorf("while one ends: %v", replied)
	}
}
