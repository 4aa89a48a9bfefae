package emit

import (
	"strings"

	"reddot/events"
	"reddot/projector/dirty"
)

// lane says where a due user waits. Whoever has waited in one lane may go over to
// one of those that follow.
type lane byte

const (
	nowhere lane = iota // notified
	bulkLane
	promptLane
	longLane
	aside  // being read
	flying // until the user's change that is on its way has landed
)

// due is a user to be notified.
type due struct {
	user string
	dirty.Stamp
	left  dirty.Conversations // that may have left the list
	round *round              // the first whose commands are not emitted
	lane  lane
	next  lane // after flying
}

// add notes that a user is to be notified. The prompt lane has them notified promptly.
func (b *backlog) add(r *round, user string, s dirty.Stamp, l lane) *due {
	d := b.users[user]
	if d == nil {
		d = &due{user: user, round: r}
		b.users[user] = d
		r.open++
	} else if r.since < d.round.since {
		r.open++
		b.close(d.round)
		d.round = r
	}
	d.Stamp = dirty.Later(d.Stamp, s)
	if d.lane == flying {
		d.next = max(d.next, l)
	} else if d.lane < l {
		b.enqueue(d, l)
	}
	return d
}

func (b *backlog) enqueue(d *due, l lane) {
	switch d.lane = l; l {
	case promptLane:
		b.prompt.add(d)
	case bulkLane:
		b.bulk.add(d)
	case longLane:
		b.long.add(d)
	}
}

func (b *backlog) drop(d *due) {
	d.lane = nowhere
	delete(b.users, d.user)
	b.close(d.round)
}

// again has a user who was shown the state at a seq wait on: the commands after it
// are not emitted.
func (b *backlog) again(d *due, at events.Seq) {
	r := b.roundAt(at)
	r.open++
	b.close(d.round)
	d.round = r
	b.enqueue(d, longLane)
}

// done notes what a user has been shown: the state at a seq. The user may wait for
// something.
func (b *backlog) done(user string, at events.Seq) {
	b.notified[user] = at
	if d := b.users[user]; d != nil && d.lane != aside {
		b.drop(d)
	}
}

// queue is a lane. Some of whom it holds may have been notified since, or be in
// another lane.
type queue struct {
	lane lane
	elevator[*due]
}

func newQueue(l lane) queue {
	return queue{l, elevator[*due]{compare: func(a, b *due) int { return strings.Compare(a.user, b.user) }}}
}

// next takes the next user off; nil if there is none.
func (q *queue) next() *due {
	for {
		if d, ok := q.elevator.next(); !ok || d.lane == q.lane {
			return d
		}
	}
}
