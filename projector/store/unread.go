package store

import (
	"slices"

	"reddot/events"
	"reddot/projector/fold"
	"reddot/projector/store/cache"
	"reddot/projector/store/row"
)

// mostUnread bounds how many of a user's conversations are kept in mind.
const mostUnread = 256

// inbox is what a user may have unread, with repetitions.
type inbox []events.ConversationID

// unread keeps in mind, for users who read everything from time to time, which
// of their conversations may have something to read: the groups, as a group's
// message does not touch its members' rows, and the C2C ones that have come
// since. So such a read costs what it reads, not what the user has. A user who
// isn't in mind has all rows looked through.
type unread struct{ rows cache.Cache[inbox] }

// add notes that a conversation may have something to read.
func (u *unread) add(k fold.Key) {
	e := u.rows.Peek(k.User)
	if e == nil || slices.Contains(e.Value[max(0, len(e.Value)-4):], k.ConversationID) {
		return
	}
	if len(e.Value) == mostUnread {
		u.rows.Drop(k.User)
		return
	}
	e.Value = append(e.Value, k.ConversationID)
}

// put notes all that a user may have unread.
func (u *unread) put(user string, box inbox) {
	u.rows.Drop(user)
	if len(box) < mostUnread {
		u.rows.Add(user, box, cache.EntryWeight+24*mostUnread/4)
	}
}

// TakeUnread implements fold.Rows.
func (r *rows) TakeUnread(user string, kind events.Kind) []fold.Key {
	if r.part != whole {
		return r.takeUnread(r.part, user, kind, nil)
	}
	var joined inbox
	for _, k := range r.left.Joined(user) {
		joined = append(joined, k.ConversationID)
	}
	var all []fold.Key
	for part := range tablesOf(r.hidden).unread {
		all = append(all, r.takeUnread(part, user, kind, joined)...)
	}
	slices.SortFunc(all, func(a, b fold.Key) int { return compareConversations(a.ConversationID, b.ConversationID) })
	return all
}

// takeUnread is TakeUnread for the conversations that are at home in a part; more are
// looked at as well, as far as they are.
func (r *rows) takeUnread(part int, user string, kind events.Kind, more inbox) (taken []fold.Key) {
	u := &tablesOf(r.hidden).unread[part]
	var all inbox
	if e := u.rows.Peek(user); e != nil {
		all = e.Value
	} else {
		all = r.findUnread(part, user)
	}
	for _, id := range more {
		if tablesOf(r.hidden).homeOf(fold.Key{User: user, ConversationID: id}) == part {
			all = append(all, id)
		}
	}
	slices.SortFunc(all, compareConversations)
	all = slices.Compact(all)
	kept := make(inbox, 0, 8)
	for _, id := range all {
		take := kind == events.NoKind || kind == id.Kind
		if take {
			taken = append(taken, fold.Key{User: user, ConversationID: id})
		}
		if !take || id.Kind == events.Group {
			kept = append(kept, id)
		}
	}
	u.put(user, kept)
	return taken
}

// KeepUnread implements fold.Rows.
func (r *rows) KeepUnread(k fold.Key) { r.unreadOf(k).add(k) }

// findUnread looks through the rows of a user that are at home in a part.
func (r *rows) findUnread(part int, user string) (all inbox) {
	prefix := row.ConversationsPrefix(user)
	key := slices.Clone(prefix)
	erased := r.left.ErasedAt(user)
	scan(r.db, prefix, func(rest, value []byte) {
		key = append(key[:len(prefix)], rest...)
		k, _ := row.ParseConversation(string(key))
		if tablesOf(r.hidden).homeOf(k) != part {
			return
		}
		if erased > 0 {
			gone, err := row.IsBefore(erased, key, value)
			if err != nil {
				check(rowError(key, err))
			}
			if gone {
				return
			}
		}
		read, err := row.IsSettled(key, value)
		if err != nil {
			check(rowError(key, err))
		}
		if !read {
			all = append(all, k.ConversationID)
		}
	})
	r.changedOf(user, func(k fold.Key) {
		if tablesOf(r.hidden).homeOf(k) == part {
			all = append(all, k.ConversationID)
		}
	})
	return all
}
