package stream

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"math/rand/v2"
	"runtime"
	"slices"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/sync/semaphore"

	"reddot/events"
)

// DefaultStreams is how many streams one instance has unless it is configured otherwise.
const DefaultStreams = 10_000

// Bounds.
const (
	maxOfUser = 10 // streams of one user; another one takes the place of the oldest

	maxQueue      = 32        // events that wait for one member
	maxQueueBytes = 64 << 10  // of them, unless one alone has more
	maxQueued     = 256 << 20 // bytes that wait for all; beyond it, who has more than fewQueued goes behind first
	fewQueued     = 8

	maxHeard      = 1 << 16 // events that have come and were not looked at yet
	maxHeardBytes = 64 << 20
)

// Config says what a Hub tells, and from where.
type Config struct {
	Conn       *nats.Conn // for events alone; stays open; required
	Subjects   events.Subjects
	Source     Source        // required
	Journal    Journal       // required
	Streams    int           // the most at once; 0: DefaultStreams
	Heartbeat  time.Duration // after so much silence a stream says that it lives; 0: DefaultHeartbeat
	Patience   time.Duration // of a client, to take what is written at once; 0: DefaultPatience
	Logger     *slog.Logger
	Registerer prometheus.Registerer
}

// Hub tells streams what happens to their users. It hears every event of every user while
// there is a stream, on one subscription.
type Hub struct {
	cfg  Config
	log  *slog.Logger
	figs *figures
	evt  string // what the subjects of events begin with

	listening sync.Mutex // held while a subscription begins or ends

	mu struct {
		sync.Mutex
		closed  bool // no stream begins any more
		conns   map[*conn]struct{}
		of      map[Transport]int // how many of conns
		users   map[string]*user  // by the token that they are in subjects
		sub     *nats.Subscription
		dropped int // by sub, as far as it is dealt with
		idle    int // looks in a row at which there was no stream

		emitted events.Seq // all events of the commands up to here were heard
		queued  int        // bytes that wait for all members
		many    int        // members that have more than fewQueued events
		opened  uint64
	}
	states budget              // bytes of long states that are being told
	reads  *semaphore.Weighted // turns to read a state: as many as can be at work
}

// user is whose events somebody wants.
type user struct {
	id      string
	token   string
	members []*member
	watched int           // members that watch large groups
	turn    chan struct{} // taken by who tells a long state

	stored [kinds]uint64 // of the last event of each kind: its sequence in the event stream
}

// New returns a hub that Run keeps.
func New(cfg Config) (*Hub, error) {
	switch {
	case cfg.Conn == nil:
		return nil, errors.New("streams: no connection")
	case cfg.Source == nil:
		return nil, errors.New("streams: no source")
	case cfg.Journal == nil:
		return nil, errors.New("streams: no journal")
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	cfg.Heartbeat = cmp.Or(cfg.Heartbeat, DefaultHeartbeat)
	if cfg.Streams == 0 {
		cfg.Streams = DefaultStreams
	}
	if cfg.Patience == 0 {
		cfg.Patience = DefaultPatience
	}
	h := &Hub{cfg: cfg, log: cfg.Logger, evt: cfg.Subjects.Prefix() + ".evt.", states: newBudget(maxStates), reads: semaphore.NewWeighted(int64(runtime.GOMAXPROCS(0)))}
	h.mu.conns, h.mu.users = map[*conn]struct{}{}, map[string]*user{}
	h.mu.of = map[Transport]int{SSE: 0, Poll: 0, Gateway: 0, Feed: 0}
	var err error
	h.figs, err = newFigures(cfg.Registerer, h)
	return h, err
}

// lookEvery is how often watches are renewed, and a subscription that nobody needs ends:
// two renewals may be lost.
const lookEvery = events.WatchLease / 3

// Run renews watches and follows the connection until ctx ends; then it says bye to every
// stream, and none begins any more.
func (h *Hub) Run(ctx context.Context) error {
	status := h.cfg.Conn.StatusChanged(nats.CONNECTED, nats.CLOSED)
	defer h.cfg.Conn.RemoveStatusListener(status)
	tick := time.NewTicker(lookEvery / watchShares)
	defer tick.Stop()
	for share := uint64(0); ; {
		select {
		case <-ctx.Done():
			h.Close()
			h.unlisten()
			return nil
		case s := <-status:
			if s == nats.CLOSED {
				h.Close()
				return fmt.Errorf("streams stopped: the connection to NATS was closed")
			}
			h.back(ctx)
		case <-tick.C:
			h.renew(share)
			if share = (share + 1) % watchShares; share == 0 {
				h.rest()
			}
		}
	}
}

// back has every state read again after the connection was lost: events may be missing.
// The server knows the subscription again once it has answered.
func (h *Hub) back(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, flushTimeout)
	defer cancel()
	if err := h.cfg.Conn.FlushWithContext(ctx); err != nil {
		return // it is lost again, and the next one comes here
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.doubtAllLocked()
}

// rest ends the subscription if there was no stream for a while.
func (h *Hub) rest() {
	h.mu.Lock()
	h.mu.idle++
	if len(h.mu.conns) > 0 {
		h.mu.idle = 0
	}
	idle := h.mu.idle > 1
	h.mu.Unlock()
	if idle {
		h.unlisten()
	}
}

// Close says bye to every stream. None begins any more. It may be called more than once.
func (h *Hub) Close() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.mu.closed = true
	for c := range h.mu.conns {
		h.endLocked(c, Bye{Shutdown, h.spread(len(h.mu.conns))})
	}
}

// Those of n streams that are cut at once come back within spreadOver for each spreadOf of
// them.
const (
	spreadOver = 10 * time.Second
	spreadOf   = 5000
)

func (h *Hub) spread(n int) int64 {
	return rand.Int64N(spreadOver.Milliseconds()*int64(n)/spreadOf + 1)
}

// Disconnect ends the streams of a user, and returns how many there were. A gateway's
// stays: it is the back end's, which knows whom it passes events on to.
func (h *Hub) Disconnect(id string) (closed int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	u := h.mu.users[events.EscapeToken(id)]
	if u == nil {
		return 0
	}
	for _, m := range slices.Clone(u.members) {
		if m.conn.transport != Gateway {
			h.endLocked(m.conn, Bye{Disconnected, disconnectedRetry.Milliseconds()})
			closed++
		}
	}
	return closed
}

// DisconnectKey ends the streams that a key has opened, and returns how many there were.
func (h *Hub) DisconnectKey(name string) (closed int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for c := range h.mu.conns {
		if c.key == name {
			h.endLocked(c, Bye{Disconnected, disconnectedRetry.Milliseconds()})
			closed++
		}
	}
	return closed
}

// disconnectedRetry is after how long a client may try again whose user was logged out.
const disconnectedRetry = 10 * time.Second

// Live reports whether a user has a stream here, of whatever transport.
func (h *Hub) Live(user string) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	u := h.mu.users[events.EscapeToken(user)]
	return u != nil && len(u.members) > 0
}

// Open is a stream that is open.
type Open struct {
	Transport Transport   `json:"transport"`
	Since     events.Time `json:"since"`
	Key       string      `json:"key,omitempty"`        // name of the key of who has asked; absent: a user's own token, or nobody is asked
	Expires   events.Time `json:"expires_at,omitempty"` // of the credential
	Watch     bool        `json:"watch"`                // of large groups
	Receipts  bool        `json:"receipts"`
	View      string      `json:"view"` // full or totals
}

// Of a user, the oldest first: the streams that tell the user's events here, those of gateways
// among them.
func (h *Hub) Of(id string) []Open {
	h.mu.Lock()
	defer h.mu.Unlock()
	all := []Open{}
	u := h.mu.users[events.EscapeToken(id)]
	if u == nil {
		return all
	}
	for _, m := range u.members {
		o := Open{Transport: m.conn.transport, Since: events.Time(m.conn.since.UnixMilli()), Key: m.conn.key, Watch: m.watch, Receipts: m.receipts, View: "full"}
		if m.totals {
			o.View = "totals"
		}
		if !m.conn.expires.IsZero() {
			o.Expires = events.Time(m.conn.expires.UnixMilli())
		}
		all = append(all, o)
	}
	slices.SortStableFunc(all, func(a, b Open) int { return cmp.Compare(a.Since, b.Since) })
	return all
}

// Streams is how many there are, of each transport.
func (h *Hub) Streams() map[Transport]int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return maps.Clone(h.mu.of)
}
