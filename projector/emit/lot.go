package emit

import (
	"slices"

	"reddot/events"
	"reddot/projector/dirty"
	"reddot/projector/fold"
	"reddot/projector/store"
)

// lot is a list of users of whom a command, or the messages of a group, touched
// each. Those before next have been notified.
type lot struct {
	dirty.Bulk
	message bool        // in the group: what changed is the group's log
	sweep   *fold.Sweep // by which they left the group: the users are read as they are notified; nil: they are known
	from    string      // where to go on reading
	more    bool        // there are more to be read
	round   *round
	next    int
}

// done reports whether all have been notified.
func (l *lot) done() bool { return l.next == len(l.Users) && !l.more }

// read reads on who has left, if those are notified who are known.
func (l *lot) read(snap *store.Snapshot) error {
	if !l.more || l.next < len(l.Users) {
		return nil
	}
	keys, next, err := snap.Unswept(l.sweep, l.from)
	if err != nil {
		return err
	}
	l.Users, l.next = make([]string, len(keys)), 0
	for i, k := range keys {
		l.Users[i] = k.User
	}
	l.from, l.more = next, next != ""
	return nil
}

// list reports whether it is known who is in the lot and is not known from the rows.
func (l *lot) list() bool { return !l.message && l.sweep == nil }

// union is who is in either list; both are sorted. Who is not a member any more is
// to be notified all the same of what came before.
func union(a, b []string) []string {
	if slices.Equal(a, b) {
		return b
	}
	both := slices.Concat(a, b)
	slices.Sort(both)
	return slices.Compact(both)
}

// stamped is the newest message of a group, and in how many lots it is emitted.
type stamped struct {
	dirty.Stamp
	lots int
}

// addLot has the users of a list notified, in bulk.
func (b *backlog) addLot(r *round, n dirty.Bulk, message bool) {
	if !message {
		slices.Sort(n.Users)
		n.Users = slices.Compact(n.Users)
	} else if l := b.open[n.Group]; l != nil && l.next == 0 {
		l.Users, l.Stamp = union(l.Users, n.Users), n.Stamp
		b.stamps[n.Group] = stamped{n.Stamp, b.stamps[n.Group].lots}
		return
	}
	l := &lot{Bulk: n, message: message, round: r}
	r.open++
	b.lots = append(b.lots, l)
	if message {
		b.open[n.Group] = l
		b.stamps[n.Group] = stamped{n.Stamp, b.stamps[n.Group].lots + 1}
	}
}

// begun has those notified who are concerned by what a command has left to be swept:
// the members of a dismissed group, those who joined or left, or who was erased.
func (b *backlog) begun(r *round, w *fold.Sweep) {
	s := dirty.Stamp{Seq: w.Seq, At: w.At}
	switch w.Kind {
	case fold.SweepErase:
		b.add(r, w.ID, s, promptLane)
		return
	case fold.SweepJoin:
		b.addLot(r, dirty.Bulk{Stamp: s, Group: w.ID, Users: slices.Clone(w.Users)}, false)
		return
	}
	r.open++
	b.lots = append(b.lots, &lot{Bulk: dirty.Bulk{Stamp: s, Group: w.ID, Left: true}, sweep: w, more: true, round: r})
}

// lotDone ends a lot that all are notified of.
func (b *backlog) lotDone(l *lot) {
	b.close(l.round)
	if !l.message {
		return
	}
	if b.open[l.Group] == l {
		delete(b.open, l.Group)
	}
	if s := b.stamps[l.Group]; s.lots > 1 {
		b.stamps[l.Group] = stamped{s.Stamp, s.lots - 1}
	} else {
		delete(b.stamps, l.Group)
	}
}

// bound has the users of all but some lists wait one by one: whoever is notified is
// looked for in each list.
func (b *backlog) bound() {
	lists := 0
	for _, l := range slices.Backward(b.lots) {
		if !l.list() {
			continue
		}
		if lists++; lists <= mostLists {
			continue
		}
		for _, user := range l.Users[l.next:] {
			if b.notified[user] >= l.Seq {
				continue
			}
			if d := b.add(l.round, user, l.Stamp, bulkLane); l.Left {
				d.left.At(events.ConversationID{Kind: events.Group, ID: l.Group})
			}
		}
		l.next = len(l.Users)
		b.lotDone(l)
	}
	b.lots = slices.DeleteFunc(b.lots, func(l *lot) bool { return l.list() && l.next == len(l.Users) })
}

// mostLists bounds the lists in which whoever is notified is looked for.
const mostLists = 16

// merge adds what a user waits for in lists of users.
func (b *backlog) merge(user string, s *dirty.Stamp, left *dirty.Conversations) {
	for _, l := range b.lots {
		if !l.list() {
			continue
		}
		if _, found := slices.BinarySearch(l.Users[l.next:], user); found {
			*s = dirty.Later(*s, l.Stamp)
			if l.Left {
				left.At(events.ConversationID{Kind: events.Group, ID: l.Group})
			}
		}
	}
}
