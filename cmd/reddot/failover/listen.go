package failover

import (
	"fmt"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/nats-io/nats.go"

	"reddot/events"
)

// A client that notices a server that hangs within some seconds.
const (
	pingEvery   = time.Second
	pingsMissed = 2
	connectWait = 2 * time.Second
	backWait    = 100 * time.Millisecond
)

// connect connects to the cluster: to one of its servers first, and to any other
// when that is away.
func (n *nodes) connect(name string, first int) (*nats.Conn, error) {
	var urls []string
	for i := range nodeCount {
		urls = append(urls, n.URL((first+i)%nodeCount))
	}
	conn, err := nats.Connect(strings.Join(urls, ","), nats.Name("drill "+name), nats.DontRandomize(), nats.MaxReconnects(-1),
		nats.ReconnectWait(backWait), nats.Timeout(connectWait), nats.PingInterval(pingEvery), nats.MaxPingsOutstanding(pingsMissed))
	if err != nil {
		return nil, fmt.Errorf("connect to the cluster: %w", err)
	}
	return conn, nil
}

// listener is plain subscribers to all events, one at each server at first. What
// one hears is heard: how long a client needs to find another server is its own
// matter.
type listener struct {
	conns []*nats.Conn
	heard silence // of news

	mu      sync.Mutex
	newest  map[string]events.Seq // by user, as heard by any
	all     map[uint64]bool       // the sequences of what was heard by any
	records []*record             // by connection
	err     error
}

// listen begins to listen.
func (n *nodes) listen(s events.Subjects) (*listener, error) {
	l := &listener{newest: map[string]events.Seq{}, all: map[uint64]bool{}}
	for i := range nodeCount {
		conn, err := n.connect("listener", i)
		if err != nil {
			l.close()
			return nil, err
		}
		l.conns = append(l.conns, conn)
		r := newRecord()
		l.records = append(l.records, r)
		sub, err := conn.Subscribe(s.Prefix()+".evt.>", func(m *nats.Msg) { l.hear(r, m) })
		if err == nil {
			err = sub.SetPendingLimits(-1, -1)
		}
		if err == nil {
			err = conn.Flush()
		}
		if err != nil {
			l.close()
			return nil, fmt.Errorf("listen: %w", err)
		}
	}
	return l, nil
}

func (l *listener) hear(r *record, m *nats.Msg) {
	now := time.Now()
	l.mu.Lock()
	defer l.mu.Unlock()
	seq, err := strconv.ParseUint(m.Header.Get(nats.JSSequence), 10, 64)
	who, version := "", events.Seq(0)
	if err == nil {
		l.all[seq] = true
		who, version, err = r.enter(seq, m.Subject, m.Header, m.Data)
	}
	if err != nil && l.err == nil {
		l.err = err
	}
	if version > l.newest[who] {
		l.newest[who] = version
		l.heard.heard(now)
	}
}

func (l *listener) close() {
	for _, c := range l.conns {
		c.Close()
	}
}

// missed is how many events nobody has heard of those with certain sequences, and how
// many somebody has heard late.
func (l *listener) missed(stored []uint64) (unheard, late int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, seq := range stored {
		if !l.all[seq] {
			unheard++
		}
	}
	for _, r := range l.records {
		late = max(late, r.late)
	}
	return unheard, late
}

// wrong says what was heard that should not be.
func (l *listener) wrong() (problems []string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.err != nil {
		problems = append(problems, l.err.Error())
	}
	for i, r := range l.records {
		for _, p := range r.problems() {
			problems = append(problems, fmt.Sprintf("listener %d: %s", i+1, p))
		}
	}
	return problems
}
