package projector

import (
	"sync"
	"time"

	"github.com/nats-io/nats.go"

	"reddot/events"
)

// aloneFor is how long a look at the stream that has found nobody else is good
// for, from when it was begun.
const aloneFor = time.Second

// Peers knows of the other reddots of the log.
type Peers interface {
	// Alone reports whether no other was heard lately, although one would have
	// been: this one hears itself. Whatever has arrived before is heard.
	Alone() bool
	// Known reports whether the others know of this one: Alone says so nowhere.
	Known() bool
}

// alone is whether no other reddot can have shown, by an answer or an event,
// anything newer than what is applied here. Then an answer needs no read index.
//
// Each look at the stream (see health) says how many consumers the log has. One is
// good for aloneFor if the log has none but those that are this reddot's for sure,
// and nobody else was heard of. Looks of which each was begun while the one before
// was good, and by readings that went on all the time, are a row; floor is what the
// stream held at the first of them. While the last look is good and floor is
// applied, this reddot is alone.
//
// Why no other one Y has shown anything then that is not applied here: Y shows
// nothing before it is settled (see settling), so not before it has had a consumer
// for settleFor, or has seen, with a consumer, that nobody else has one. In the first
// case the last look that is good came after Y's consumer, so Y's is gone since, and
// what it has shown was in the stream before the row's first look: any look of the
// row would have met it. In the second case this reddot had no consumer then, so
// that was before the row began; same again. A Y that goes on without a consumer
// can show nothing new, and when it gets one it is settling again, unless the others
// have known of it by its presence for as long, so that none is alone.
//
// A reddot that stood still for a minute does not hear whether a consumer is still
// there that was made. It has not heard itself then either, and must listen again
// before Peers says that it is alone.
//
// Time is taken by two clocks, so that it passes also while the process stands
// still, or the machine sleeps. Not if both clocks stand still with it, as those
// of a virtual machine may; then the presence of Y is what ends it.
type alone struct {
	link  func() (connection uint64, up bool)
	peers Peers // nil: never alone

	mu         sync.Mutex
	begun      time.Time // of the last look of the row; zero: there is none
	floor      events.Seq
	changes    uint64 // of this reddot's consumers
	connection uint64
}

// sighting is what a look at the stream has found.
type sighting struct {
	begun      time.Time
	last       events.Seq
	consumers  int // of the stream
	own        int // of them this reddot's, all the time
	changes    uint64
	connection uint64
}

// others reports whether somebody else may read the log.
func (s *sighting) others() bool { return s.own == 0 || s.consumers > s.own }

// look goes on with the row, or begins one.
func (a *alone) look(s sighting) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.peers == nil || s.others() || !a.peers.Alone() {
		a.begun = time.Time{}
		return
	}
	if a.begun.IsZero() || apart(a.begun, s.begun) > aloneFor || a.changes != s.changes || a.connection != s.connection {
		a.floor = s.last
	}
	a.begun, a.changes, a.connection = s.begun, s.changes, s.connection
}

// end ends the row.
func (a *alone) end() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.begun = time.Time{}
}

// holds reports whether this reddot is alone. Nobody else waits while it asks the
// connection, which may be locked.
func (a *alone) holds(applied events.Seq) bool {
	a.mu.Lock()
	begun, floor, by := a.begun, a.floor, a.connection
	a.mu.Unlock()
	if begun.IsZero() || applied < floor || apart(begun, time.Now()) > aloneFor || !a.peers.Alone() {
		return false
	}
	connection, up := a.link()
	// The clock comes last: the process may stand still anywhere.
	return up && connection == by && apart(begun, time.Now()) <= aloneFor
}

// linkOf says how often a connection was made again, and whether it is there.
func linkOf(conn *nats.Conn, c *contact) func() (uint64, bool) {
	return func() (uint64, bool) {
		if !c.up() {
			return 0, false
		}
		return conn.Stats().Reconnects, conn.IsConnected()
	}
}

// apart is how far apart two times are by the clock that says more.
func apart(a, b time.Time) time.Duration { return max(b.Sub(a), b.Round(0).Sub(a.Round(0))) }
