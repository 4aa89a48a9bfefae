package twin

import (
	"cmp"
	"slices"

	"reddot/events"
)

// maxExpiries bounds what expires at one clock, and how many users those messages
// name.
const maxExpiries = 1_000

// due is a message that is to expire.
type due struct {
	key chatKey
	i   int
	at  events.Time
}

// setClock lets expire what expires by a time (rules clock, expire). It is ignored
// if nothing that shows has ended.
func (m *Model) setClock(s step) Result {
	if s.At <= m.clock {
		return ignoredUnless(false)
	}
	m.clock = s.At
	changed, named := false, 0
	for n, d := range m.dueBy(s.At) {
		if n == maxExpiries || named >= maxExpiries {
			break
		}
		c := m.chats[d.key]
		c.log[d.i].due = false
		if d.key.kind == events.C2C {
			changed = c.views[d.key.owner].takeBack(d.i) || changed
			continue
		}
		named += len(c.log[d.i].mentions)
		changed = c.takeBack(d.i) || changed
	}
	return ignoredUnless(changed)
}

// dueBy returns the messages that expire by a time, the first first.
func (m *Model) dueBy(at events.Time) []due {
	var all []due
	for k, c := range m.chats {
		for i := range c.log {
			if c.log[i].due && c.log[i].expires <= at {
				all = append(all, due{k, i, c.log[i].expires})
			}
		}
	}
	slices.SortFunc(all, func(a, b due) int {
		return cmp.Or(cmp.Compare(a.at, b.at), cmp.Compare(a.key.kind, b.key.kind), cmp.Compare(a.key.inbox(), b.key.inbox()),
			cmp.Compare(a.key.id, b.key.id), cmp.Compare(a.i, b.i))
	})
	return all
}

func (k chatKey) inbox() string {
	if k.kind == events.C2C {
		return k.owner
	}
	return k.id
}
