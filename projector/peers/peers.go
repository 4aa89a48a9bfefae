package peers

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nuid"

	"reddot/events"
)

const (
	// reportEvery is how often a reddot reports of itself.
	reportEvery = time.Second
	// quietEvery is how often it does where it does not hear itself: that it may
	// not is said by the server each time.
	quietEvery = time.Minute
	// forgetAfter is after how long of silence another one is forgotten.
	forgetAfter = 10 * time.Second
	// knownFor is how long the others surely know of this one after it has heard
	// itself: half as long, for it may be heard sooner there than here.
	knownFor = forgetAfter / 2
	// spreads is how long others may take to hear of this one, after it has heard
	// itself: a second, for which one that hears nothing any more may still believe
	// to be alone, and what news take from one server to another.
	spreads = time.Second + 250*time.Millisecond
	// echoes is how long after it has heard itself a reddot would hear others as
	// well: two may be late, or lost.
	echoes = 2*reportEvery + reportEvery/2
	// listens is how long it hears itself before it knows that nobody else is there:
	// as long as another one is silent between two messages, and some more.
	listens = reportEvery + reportEvery/4
	// byeWait is how long is waited for the server to have the last word.
	byeWait = 500 * time.Millisecond
	// room is for messages not yet looked at: some of each reddot that is known at a
	// time, and no more than fit into memory if each is as large as a server lets
	// pass. One that is lost is taken for another's.
	room = 2 * maxPeers
)

// Config says who a reddot is.
type Config struct {
	Conn     *nats.Conn // required; the stream must be asked by it, too
	Subjects events.Subjects
	// Self returns what is reported but for the id.
	Self   func() events.Peer
	Logger *slog.Logger
}

// Peers are the reddots of one log. Safe for concurrent use.
type Peers struct {
	cfg  Config
	id   string
	sub  *nats.Subscription
	come chan *nats.Msg

	mu      sync.Mutex // never held while the connection is asked, which may be locked
	heard   table
	dropped int
	other   time.Time // another was heard; zero: never
	echo    time.Time // this one has heard itself; zero: never
	since   time.Time // and did so all the time from here on, by one connection
	known   time.Time // from here on others had no time to forget it
	warned  bool
}

// New listens to the others. It reports nothing yet.
func New(cfg Config) (*Peers, error) {
	p := &Peers{cfg: cfg, id: nuid.New().Next(), come: make(chan *nats.Msg, room), heard: table{}}
	var err error
	p.sub, err = cfg.Conn.ChanSubscribe(cfg.Subjects.Peers(), p.come)
	return p, err
}

// ID is this reddot's.
func (p *Peers) ID() string { return p.id }

// Hello reports of this reddot, and returns when the server has heard it.
func (p *Peers) Hello(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, byeWait)
	defer cancel()
	p.report(false)
	_ = p.cfg.Conn.FlushWithContext(ctx) // it is reported again
}

// Run reports of this reddot until ctx ends, and that it has ended then.
func (p *Peers) Run(ctx context.Context) {
	connected := p.cfg.Conn.StatusChanged(nats.CONNECTED)
	defer p.cfg.Conn.RemoveStatusListener(connected)
	began := time.Now()
	var said roll
	for {
		p.report(false)
		said.say(p.cfg.Logger, p.List(), time.Now())
		every := reportEvery
		if p.deaf(began) {
			every = quietEvery
		}
		select {
		case <-ctx.Done():
			p.bye()
			return
		case <-connected:
			p.again()
		case <-time.After(every):
		}
	}
}

// again notes a new connection: who spoke before it was there was not heard.
func (p *Peers) again() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.since = time.Now()
}

// bye says that this one ends.
func (p *Peers) bye() {
	_ = p.sub.Unsubscribe() // with the connection, if that is lost
	p.report(true)
	_ = p.cfg.Conn.FlushTimeout(byeWait)
}

// report publishes how far this one is. A server that is away is not waited for, and
// what was to be reported then is not reported later.
func (p *Peers) report(bye bool) {
	if !p.cfg.Conn.IsConnected() {
		return
	}
	self := p.cfg.Self()
	self.ID, self.Bye, self.Lag, self.HeardMS = p.id, bye, 0, 0
	data, err := events.Marshal(events.JSON, clipped(self))
	if err == nil {
		err = p.cfg.Conn.Publish(p.cfg.Subjects.Peer(p.id), data)
	}
	if err != nil && !errors.Is(err, nats.ErrConnectionClosed) {
		p.cfg.Logger.Warn("tell the other reddots", "error", err)
	}
}

// deaf reports whether this one does not hear itself, and says so once. It may also
// have stood still, or the server hang: only who hears the server is deaf.
func (p *Peers) deaf(began time.Time) bool {
	if p.echoed(began) || p.cfg.Conn.FlushTimeout(byeWait) != nil || p.echoed(began) {
		return false
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.warned {
		p.warned = true
		p.cfg.Logger.Warn("this reddot does not hear what it tells the others of itself: it works, and asks the stream before each answer",
			"permit to publish and to subscribe to", p.cfg.Subjects.Peers())
	}
	return true
}

// echoed reports whether this one has heard itself lately, or has just begun.
func (p *Peers) echoed(began time.Time) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.take()
	last := p.echo
	if last.Before(began) {
		last = began
	}
	return ago(last, time.Now()) < knownFor
}

// Alone reports whether no other was heard for some time, although one would
// have been. What the server has sent before is heard.
func (p *Peers) Alone() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.take()
	now := time.Now()
	return p.hears(now) && now.Sub(p.since) >= listens && (p.other.IsZero() || now.Sub(p.other) >= forgetAfter)
}

// hears reports whether this one hears itself.
func (p *Peers) hears(now time.Time) bool { return !p.echo.IsZero() && ago(p.echo, now) <= echoes }

// ago is how long ago something was, by the clock that says more: one of them may
// stand still while the machine sleeps.
func ago(t, now time.Time) time.Duration { return max(now.Sub(t), now.Round(0).Sub(t.Round(0))) }

// Known reports whether the others, which forget after forgetAfter, know of this
// one: it has heard itself lately, and did so before they had to.
func (p *Peers) Known() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.take()
	now := time.Now()
	return !p.echo.IsZero() && ago(p.echo, now) <= knownFor && now.Sub(p.known) >= spreads
}

// List is who was heard lately, by host, pid and id.
func (p *Peers) List() []events.Peer {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.take()
	return p.heard.list(time.Now())
}

// take takes in what has come.
func (p *Peers) take() {
	now := time.Now()
	for range len(p.come) {
		p.hear(<-p.come, now)
	}
	if n, err := p.sub.Dropped(); err == nil && n > p.dropped {
		p.dropped, p.other = n, now
	}
}

// hear takes in one message.
func (p *Peers) hear(msg *nats.Msg, now time.Time) {
	if msg == nil {
		return
	}
	if msg.Subject != p.cfg.Subjects.Peer(p.id) {
		p.other = now
		p.heard.hear(p.cfg.Subjects, msg, now)
		return
	}
	if !p.hears(now) {
		p.since = now
	}
	if p.echo.IsZero() || ago(p.echo, now) > knownFor {
		p.known = now
	}
	p.echo = now
}
