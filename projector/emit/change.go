package emit

import (
	"slices"

	"reddot/events"
	"reddot/projector/dirty"
	"reddot/projector/fold"
	"reddot/projector/store"
	"reddot/projector/view"
)

// look is a look at what a user may have to be notified of.
type look struct {
	user string
	dirty.Stamp
	since  events.Seq // the user has been notified of all up to here
	left   dirty.Conversations
	limit  uint64             // the fan-out limit
	all    bool               // the user is to be shown all large groups
	stamps map[string]stamped // of groups
}

// change is what a user is notified of: those conversations with a version after
// the last one that the user was shown, and those that belong to the totals without
// the user having been notified of every message, since the group is or was large, so
// that the list adds up to them (rule total); of these all threads that the user follows.
type change struct {
	events.Change
	shows   bool // else what changed is neither in the user's list nor a kept filter (rule quiet)
	rest    view.Changed
	list    []events.Conversation // next to be sent
	threads []events.Thread
	removed []string

	// returned is how many of removed, the first ones, are in the list again. They are told
	// in parts of their own: of what was followed there a listener forgets what has ended
	// (rule thread-list), and hears then what there is.
	returned int
}

// take looks at the rows.
func (l *look) take(r fold.Reader) *change {
	at, shows := l.Stamp, r.Settings(l.user).Filtered > l.since
	every := func(k fold.Key) bool { // what the user may not have been notified of
		return l.all && k.Kind == events.Group && r.Group(k.ID).Peak > l.limit
	}
	changed := view.Change(r, l.user, l.since, func(k fold.Key, s *fold.Summary) bool {
		changed := s.Version > l.since
		if shows = shows || changed; changed && k.Kind == events.Group {
			at = dirty.Later(at, l.stamps[k.ID].Stamp)
		}
		return changed || every(k)
	}, every)
	// What blocked senders have written belongs to the list: if it is long with that, it
	// is found out before anything is sent.
	r.BlockedIn(fold.Key{User: l.user, ConversationID: events.ConversationID{Kind: events.Group}})
	c := &change{shows: shows || changed.News > 0, rest: changed, list: []events.Conversation{}}
	c.User, c.Version, c.Totals, c.Filters, c.At = l.user, changed.Version, changed.Totals, changed.Filters, at.At
	return c
}

// remove adds the names of conversations that have left the list, and returns the
// others.
func (c *change) remove(r fold.Reader, left *dirty.Conversations) (listed dirty.Conversations) {
	for id := range left.All() {
		if k := (fold.Key{User: c.User, ConversationID: id}); view.Listed(r, k) {
			listed.At(id)
		} else {
			c.removed = append(c.removed, k.String())
		}
	}
	return listed
}

// comeBack adds the names of those that have left the list and are in it again.
func (c *change) comeBack(r fold.Reader, left *dirty.Conversations, since events.Seq) {
	for id := range left.All() {
		if k := (fold.Key{User: c.User, ConversationID: id}); view.Returned(r, k, since) {
			c.removed = slices.Insert(c.removed, c.returned, k.String())
			c.returned++
		}
	}
}

// news reports whether the user was not shown all of it by a seq.
func (c *change) news(since events.Seq) bool {
	return c.Version > since && (c.shows || len(c.removed) > 0)
}

// ended adds what has left the list and is not swept yet.
func (l *look) ended(snap *store.Snapshot) error {
	all, err := snap.Ended(l.user, l.since)
	for _, t := range all {
		l.left.At(t.ConversationID)
		l.Stamp = dirty.Later(l.Stamp, dirty.Stamp{Seq: t.Seq, At: t.At})
	}
	return err
}
