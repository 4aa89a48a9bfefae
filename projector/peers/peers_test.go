package peers_test

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"

	"reddot/events"
	"reddot/projector/peers"
	"reddot/projector/testkit"
	"reddot/projector/testkit/natstest"
)

// rig is a NATS server.
type rig struct {
	testing.TB
	*natstest.Server
	subjects events.Subjects
}

func newRig(t testing.TB, users ...*server.User) *rig {
	t.Helper()
	return &rig{t, natstest.StartCore(t, func(o *server.Options) { o.Users = users }), testkit.Must(events.NewSubjects("unread"))(t)}
}

func (r *rig) connect(options ...nats.Option) *nats.Conn {
	r.Helper()
	return r.Connect(append(options, nats.ErrorHandler(func(*nats.Conn, *nats.Subscription, error) {}))...)
}

// reddot is one that reports of itself.
type reddot struct {
	*peers.Peers
	conn    *nats.Conn
	stop    func()
	log     *testkit.Buffer
	reports atomic.Int64 // how often it has reported of itself
}

// open is a reddot at a host that reports nothing yet.
func (r *rig) open(host string, options ...nats.Option) *reddot {
	r.Helper()
	p := &reddot{conn: r.connect(options...), log: new(testkit.Buffer)}
	p.Peers = testkit.Must(peers.New(peers.Config{
		Conn: p.conn, Subjects: r.subjects, Logger: slog.New(slog.NewTextHandler(p.log, nil)),
		Self: func() events.Peer {
			p.reports.Add(1)
			return events.Peer{Host: host, PID: 7, Version: "1.2.3", Role: "standby", State: events.Live, Applied: 5, Emitted: 4, Last: 6}
		},
	}))(r)
	return p
}

// run runs a reddot at a host.
func (r *rig) run(host string, options ...nats.Option) *reddot {
	r.Helper()
	p := r.open(host, options...)
	ctx, cancel := context.WithCancel(context.Background())
	p.Hello(ctx)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		p.Run(ctx)
	}()
	p.stop = func() {
		cancel()
		<-ended
	}
	r.Cleanup(p.stop)
	return p
}

// logged counts a text in the log.
func (p *reddot) logged(text string) int { return strings.Count(p.log.String(), text) }

// hosts are those that are listed.
func (p *reddot) hosts() string {
	var all []string
	for _, peer := range p.List() {
		all = append(all, peer.Host)
	}
	return strings.Join(all, " ")
}

func (r *rig) eventually(what string, holds func() bool) {
	r.Helper()
	testkit.Eventually(r, what, holds)
}

// TestPeers: reddots hear of each other, whole and sorted, none of itself; one that
// ends is gone at once, and one that falls silent later. Only after some silence
// does one believe to be alone.
func TestPeers(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	a := r.run("a")
	if a.Alone() {
		t.Error("alone at once")
	}
	r.eventually("a hears itself, and nobody else", a.Alone)
	if !a.Known() || len(a.List()) != 0 {
		t.Errorf("known %v, list %v", a.Known(), a.List())
	}
	b := r.run("b")
	testkit.OK(t, a.conn.Flush()) // as any question to the server
	if a.Alone() {
		t.Error("alone although b has said hello")
	}
	c := r.run("c")
	r.eventually("all hear of each other", func() bool { return a.hosts() == "b c" && b.hosts() == "a c" && c.hosts() == "a b" })
	got := a.List()[0]
	if got.HeardMS < 0 || got.HeardMS > testkit.Patience.Milliseconds() {
		t.Errorf("heard %d ms ago", got.HeardMS)
	}
	got.HeardMS = 0
	if want := (events.Peer{ID: b.ID(), Host: "b", PID: 7, Version: "1.2.3", Role: "standby", State: events.Live, Applied: 5, Emitted: 4, Last: 6}); got != want {
		t.Errorf("a hears %+v, not %+v", got, want)
	}
	c.stop()
	r.eventually("c has ended", func() bool { return a.hosts() == "b" })
	if a.Alone() {
		t.Error("alone although c may have reported something a moment ago")
	}
	silent := r.connect()
	testkit.OK(t, silent.Publish(r.subjects.Peer("dead"), []byte(`{"id":"dead","host":"dead"}`)))
	r.eventually("dead is heard", func() bool { return a.hosts() == "b dead" })
	b.stop()
	r.eventually("dead is forgotten", func() bool { return a.hosts() == "" })
	r.eventually("alone again", a.Alone)
	r.eventually("the log names who is there, and then nobody", func() bool {
		return a.logged("b pid 7, standby, applied 5") > 0 && a.logged("number=0") == 1
	})
	if n := a.logged("other reddots"); n > 4 {
		t.Errorf("said %d times", n)
	}
}

// TestForged: what is malformed or too much is not listed, and makes nobody
// believe to be alone; nor does a forged end.
func TestForged(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	a := r.run("a")
	r.eventually("alone", a.Alone)
	b := r.run("b")
	r.eventually("b is heard", func() bool { return a.hosts() == "b" })
	forger := r.connect()
	forge := func(id, payload string) {
		t.Helper()
		testkit.OK(t, forger.Publish(r.subjects.Peer(id), []byte(payload)))
	}
	for id, payload := range map[string]string{
		"x1":                     "",
		"x2":                     "{",
		"x3":                     "[]",
		"x4":                     `{"id":"other"}`,
		"x5":                     `{"id":"x5","applied":-1}`,
		"x6":                     `{"id":"x6","pid":"7"}`,
		"x7":                     `{"id":"x7","host":"` + strings.Repeat("h", 256) + `"}`,
		"x8":                     `{"id":"x8","host":"` + strings.Repeat("h", 3<<10) + `"}`,
		"x9":                     strings.Repeat(`{"id":`, 300),
		strings.Repeat("x", 100): `{"id":"` + strings.Repeat("x", 100) + `"}`,
	} {
		forge(id, payload)
	}
	forge(b.ID(), `{"id":"`+b.ID()+`","bye":true}`)
	forge("last", `{"id":"last","host":"last","lag":7,"heard_ms":-7,"new":{"a":1}}`)
	r.eventually("the last is heard", func() bool { return strings.HasSuffix(a.hosts(), "last") })
	if a.Alone() {
		t.Error("a forged end has it believe to be alone")
	}
	r.eventually("b is heard again", func() bool { return a.hosts() == "b last" })
	for _, peer := range a.List() {
		if peer.Lag != 0 || peer.HeardMS < 0 {
			t.Errorf("what only who hears it can say: %+v", peer)
		}
	}
	for i := range 1_000 {
		forge(fmt.Sprint("many", i), fmt.Sprintf(`{"id":"many%d","host":"m"}`, i))
	}
	testkit.OK(t, forger.Flush())
	r.eventually("some of many are heard", func() bool { return len(a.List()) > 3 })
	if n := len(a.List()); n > 64 {
		t.Errorf("%d are listed", n)
	}
}

// TestDeaf: who may not publish or not listen never believes to be alone, nor to be
// known, and says so once.
func TestDeaf(t *testing.T) {
	t.Parallel()
	deny := &server.SubjectPermission{Deny: []string{"unread-peer.>"}}
	r := newRig(t, &server.User{Username: "mute", Password: "x", Permissions: &server.Permissions{Publish: deny}},
		&server.User{Username: "deaf", Password: "x", Permissions: &server.Permissions{Subscribe: deny}})
	for _, user := range []string{"mute", "deaf"} {
		p := r.run(user, nats.UserInfo(user, "x"))
		r.eventually("it says that it hears nothing", func() bool {
			if p.Alone() || p.Known() {
				t.Errorf("%s: alone %v, known %v", user, p.Alone(), p.Known())
			}
			return p.logged("does not hear") == 1
		})
	}
}

// TestKnown: that a reddot hears itself is no proof that others have heard it. Those
// who believe to be alone have time to.
func TestKnown(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	began := time.Now()
	p := r.run("a")
	r.eventually("known", p.Known)
	if took := time.Since(began); took < peers.Spreads {
		t.Errorf("known %v after its first word", took)
	}
}

// mutable is a connection whose server can be kept from being heard.
type mutable struct {
	net.Conn
	d *mute
}

type mute struct{ held sync.Mutex } // held: nothing is heard

func (d *mute) Dial(network, address string) (net.Conn, error) {
	c, err := net.Dial(network, address)
	return mutable{c, d}, err
}

func (m mutable) Read(b []byte) (int, error) {
	n, err := m.Conn.Read(b)
	m.d.held.Lock()
	defer m.d.held.Unlock()
	return n, err
}

// TestHangs: who hears nothing at all, because the server or the network hangs, does
// not take that for a missing permission, and goes on reporting.
func TestHangs(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	d := new(mute)
	p := r.run("a", nats.SetCustomDialer(d))
	r.eventually("known", p.Known)
	d.held.Lock()
	r.eventually("not known any more", func() bool { return !p.Known() })
	before := p.reports.Load()
	r.eventually("it goes on reporting", func() bool { return p.reports.Load() >= before+3 })
	d.held.Unlock()
	r.eventually("known again", p.Known)
	if p.logged("does not hear") != 0 {
		t.Errorf("it takes that for a missing permission: %s", p.log.String())
	}
}

// TestLocked: nobody waits for a connection that is locked, because it tries to come
// back to a server that takes it and says nothing.
func TestLocked(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	p := r.open("a", nats.MaxReconnects(-1), nats.ReconnectWait(time.Millisecond), nats.ReconnectJitter(0, 0), nats.Timeout(2*testkit.Patience))
	p.Hello(t.Context()) // it has heard that, and nobody has looked yet
	address := r.Addr()
	r.Stop()
	silent := testkit.Must(net.Listen("tcp", address))(t)
	taken := testkit.Must(silent.Accept())(t) // the connection is locked from now on
	defer taken.Close()
	defer silent.Close()
	looked := make(chan int, 1)
	go func() {
		p.Alone()
		p.Known()
		looked <- len(p.List())
	}()
	if n := testkit.Receive(t, "who asks for the others does not wait for the connection", looked); n != 0 {
		t.Errorf("%d others are listed", n)
	}
}
