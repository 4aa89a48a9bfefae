package emit

import (
	"reddot/events"
	"reddot/projector/emit/journal"
)

// What is on its way is not emitted yet: a message may lose its place to a foreign
// one while others behind it are stored, and is sent again behind those. So of a
// user one change is on its way at a time, and of a user and a peer one receipt:
// what comes meanwhile waits until that has landed, and merges.

// parcel is an event on its way, or a part of one.
type parcel interface {
	journal.Parcel
	// last is the round of which nothing more of the event is on its way when this
	// part has landed; nil if there is.
	last() *round
}

// flight is a user's change on its way. It implements parcel.
type flight struct {
	backlog *backlog
	user    string
	round   *round // the first whose commands it shows
	parts   int    // sent, or about to be
	left    int    // of them not stored
	open    bool   // further parts are to come
}

// takeOff notes that a user is being notified.
func (b *backlog) takeOff(user string) *flight {
	f := &flight{backlog: b, user: user, round: b.roundAt(b.since(user)), open: true}
	f.round.open++
	b.flights[user] = f
	return f
}

// part adds a part; more says that it is not the last one.
func (f *flight) part(more bool) {
	f.parts++
	f.left++
	f.open = more
}

func (f *flight) Landed() {
	f.left--
	f.end()
}

// end ends the flight if all of it has landed: whoever waits for that may be notified.
func (f *flight) end() {
	if f.left > 0 || f.open {
		return
	}
	b := f.backlog
	b.close(f.round)
	delete(b.flights, f.user)
	if d := b.users[f.user]; d != nil && d.lane == flying {
		b.enqueue(d, d.next)
	}
}

func (f *flight) last() *round {
	if f.left > 1 || f.open {
		return nil
	}
	return f.round
}

// wait has a user wait for the end of a flight: one who waits by name, or who is
// the next of a lot.
func (g *rounds) wait(user string, l *lot) {
	d := g.users[user]
	if l != nil {
		d = g.add(l.round, user, l.Stamp, bulkLane)
		if l.Left {
			d.left.At(events.ConversationID{Kind: events.Group, ID: l.Group})
		}
	}
	if d.lane < longLane {
		d.next, d.lane = d.lane, flying
	}
}
