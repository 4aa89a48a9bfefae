package projector

import (
	"sync/atomic"
	"time"

	"reddot/events"
)

const (
	// farBehind is how old the state that is shown may become: then no query is
	// answered from it. A burst of commands, or a single one that takes seconds, does
	// not end the answers; who wants to see a command waits for it.
	farBehind = 10 * time.Second
	// closeBehind is how old it may be that queries are answered again, as old as
	// what is known of the stream's end (staleAfter). It is far less than farBehind:
	// who is about as fast as the commands come is not in and out all the time.
	closeBehind = staleAfter
)

// lateness is how far the state that is shown is behind the log. One goroutine
// looks; late is safe for concurrent use.
type lateness struct {
	covered instant // when the stream held nothing that is not applied
	near    atomic.Bool
	asked   time.Time // at the last look
	sample  end       // the stream's end at an earlier look, which is not applied yet
}

// look looks once: what the stream's last seq was when it was asked, and what is
// applied now.
func (l *lateness) look(asked time.Time, last events.Seq, now time.Time, applied events.Seq) {
	switch {
	case applied >= last:
		l.covered.set(asked)
		l.sample = end{asked, last}
	case applied >= l.sample.last:
		if !l.sample.asked.IsZero() {
			l.covered.set(l.sample.asked)
		}
		l.sample = end{asked, last}
	}
	if asked.Sub(l.asked) > staleAfter { // nobody was answered meanwhile
		l.near.Store(false)
	}
	l.asked = asked
	switch age := l.covered.upTo(now); {
	case age <= closeBehind:
		l.near.Store(true)
	case age > farBehind:
		l.near.Store(false)
	}
}

// late reports whether the state is too old to be shown: it was far behind, nothing
// was heard of the stream, or it has just been begun with, and it has not come close
// since.
func (l *lateness) late() bool { return !l.near.Load() }
