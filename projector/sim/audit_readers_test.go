package sim

import (
	"maps"
	"slices"

	"reddot/events"
	"reddot/projector/twin"
)

// readers audits the events that say who has read messages of groups (rule
// receipts-sent).
type readers struct {
	*audit
	raised  map[wanted]events.Seq  // by the twin: the last command that brought a message a reader
	heard   map[wanted]events.Seq  // the state that the last event of a message shows
	version map[string]events.Seq  // of the last event of a user
	last    map[asked]readersEvent // by user and group
}

// wanted is a message whose sender is notified of its readers.
type wanted struct{ user, group, id string }

// asked is who is told of the readers of messages in a group.
type asked struct{ user, group string }

type readersEvent struct {
	event   int
	version events.Seq
	more    bool // parts of it follow
}

func newReaders(a *audit) *readers {
	return &readers{a, map[wanted]events.Seq{}, map[wanted]events.Seq{}, map[string]events.Seq{}, map[asked]readersEvent{}}
}

// raise notes what the twin says of a command.
func (a *readers) raise(seq events.Seq, all []twin.Raised) {
	for _, r := range all {
		a.raised[wanted{r.Sender, r.Group, r.ID}] = seq
	}
}

// hear checks one event, which shows the state at a seq.
func (a *readers) hear(event int, r *events.GroupReceipts, at events.Seq, more bool) {
	k := asked{r.User, r.Group}
	before := a.last[k]
	switch {
	case r.Version < a.version[r.User] || r.Version > at:
		a.fail("event %d at seq %d: %+v comes after version %d", event, at, r, a.version[r.User])
	case r.Version == before.version && !before.more:
		a.again(event, before.event, r.Version, "%+v", r)
	}
	if len(r.Receipts) == 0 {
		a.fail("event %d: rule quiet: there is nothing for %q", event, r.User)
	}
	m := a.as(at)
	for _, x := range r.Receipts {
		w := wanted{r.User, r.Group, x.ID}
		if now, ok := m.ReadBy(r.Group, x.ID); !ok || now != x || x.Read > x.Members {
			a.fail("event %d: %q is notified of %+v in %q at seq %d, the twin says %+v, %v", event, r.User, x, r.Group, at, now, ok)
		}
		if seq := a.raised[w]; seq == 0 || seq > r.Version {
			a.fail("event %d: %q is notified of %+v in %q with version %d; seq %d brought the last reader", event, r.User, x, r.Group, r.Version, seq)
		}
		a.heard[w] = at
	}
	a.version[r.User] = max(a.version[r.User], r.Version)
	a.last[k] = readersEvent{event, r.Version, more}
}

// emitted checks the claim that all events of the commands up to seq are stored: the
// last figures have come of all messages that have readers yet.
func (a *readers) emitted(seq events.Seq) {
	for _, w := range slices.SortedFunc(maps.Keys(a.raised), func(x, y wanted) int {
		return slices.Compare([]string{x.user, x.group, x.id}, []string{y.user, y.group, y.id})
	}) {
		if by := a.raised[w]; by <= seq && a.heard[w] < by {
			if now, ok := a.twin.ReadBy(w.group, w.id); ok {
				a.fail("seq %d is said to be emitted, and %q is not notified that %+v of %q have read, by seq %d", seq, w.user, now, w.group, by)
			}
		}
	}
}
