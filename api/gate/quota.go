package gate

import (
	"fmt"
	"sync"
	"time"

	"reddot/events"
)

// MaxSelfMade is how many conversations and threads a user may hold that nobody else
// brought about: conversations muted, labelled, or read up to a message that never
// came, with peers who have not written, and threads followed in which nobody has.
// Each is a row that only its user can ever ask for.
const MaxSelfMade = 10_000

const (
	// countLasts is how long a count of what a user has made is gone on from. It only grows meanwhile, by what was let through here; a new
	// count sees what peers and other instances have changed.
	countLasts = time.Minute

	// recountAfter is how soon a user at the limit is counted again.
	recountAfter = time.Second

	// maxCounts bounds the counts kept of one generation.
	maxCounts = 100_000
)

// quota bounds the conversations and threads that users make by themselves.
type quota struct {
	source Source
	most   int

	mu       sync.Mutex
	now, old map[string]*count
	turned   time.Time
}

// count is how many one user has made, at least.
type count struct {
	mu sync.Mutex // held while they are counted
	n  int
	at time.Time // of the counting; zero: not yet
}

func newQuota(source Source, most int) *quota {
	return &quota{source: source, most: most, now: map[string]*count{}}
}

// check lets a command through, or refuses it because it would make one
// conversation or thread too many. Only commands that may make one are looked at.
func (q *quota) check(c *events.Command, at time.Time) error {
	var known bool
	var err error
	switch {
	case makesConversation(c):
		known, err = q.source.Holds(c.Inbox, c.Conversation)
	case makesThread(c):
		known, err = q.source.HoldsThread(c.Inbox, c.Conversation, c.Thread)
	default:
		return nil
	}
	if err != nil {
		return unavailable(err, "the projection can't be read now; ask again")
	}
	if known {
		return nil
	}
	of := q.of(c.Inbox, at)
	of.mu.Lock()
	defer of.mu.Unlock()
	stale := at.Sub(of.at)
	if stale > countLasts || of.n >= q.most && stale > recountAfter {
		if of.n, err = q.source.SelfMade(c.Inbox); err != nil {
			of.at = time.Time{}
			return unavailable(err, "the projection can't be read now; ask again")
		}
		of.at = at
	}
	if of.n >= q.most {
		return &events.Invalid{Reason: fmt.Sprintf("you hold %d conversations and threads in which nobody has written: no more can be muted, labelled or followed, or read up to a message that has not come", of.n)}
	}
	of.n++
	return nil
}

// makesConversation reports whether a command may bring about a conversation with a
// peer who has not written (rules read-early and stranger).
func makesConversation(c *events.Command) bool {
	if c.Conversation.Kind != events.C2C {
		return false
	}
	switch c.Verb {
	case events.UserRead:
		return c.Upto != ""
	case events.UserMute:
		return c.Muted && c.Thread == ""
	case events.UserLevel:
		return c.Level != events.LevelAll
	case events.UserLabel:
		return len(c.Add) > 0
	}
	return false
}

// makesThread reports whether a command may bring about a thread in which nobody has
// written (rules follow and thread-list).
func makesThread(c *events.Command) bool {
	return c.Verb == events.UserFollow && c.Following || c.Verb == events.UserUnread && c.Thread != "" && c.From != ""
}

// of returns a user's count.
func (q *quota) of(user string, at time.Time) *count {
	q.mu.Lock()
	defer q.mu.Unlock()
	if at.Sub(q.turned) > countLasts || len(q.now) >= maxCounts {
		q.now, q.old, q.turned = map[string]*count{}, q.now, at
	}
	c := q.now[user]
	if c == nil {
		if c = q.old[user]; c == nil {
			c = new(count)
		}
		delete(q.old, user)
		q.now[user] = c
	}
	return c
}
