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
	chat *chat
	i    int
	at   events.Time
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
		c := d.chat
		c.due = slices.DeleteFunc(c.due, func(i int) bool { return i == d.i })
		if c.key.kind == events.C2C {
			changed = c.views[c.key.owner].takeBack(d.i) || changed
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
	for _, c := range m.chats() {
		for _, i := range c.due {
			if c.log[i].expires <= at {
				all = append(all, due{c, i, c.log[i].expires})
			}
		}
	}
	slices.SortFunc(all, func(a, b due) int {
		ka, kb := a.chat.key, b.chat.key
		return cmp.Or(cmp.Compare(a.at, b.at), cmp.Compare(ka.kind, kb.kind), cmp.Compare(ka.inbox(), kb.inbox()),
			cmp.Compare(ka.id, kb.id), cmp.Compare(a.i, b.i))
	})
	return all
}
