package store

import (
	"slices"
	"unsafe"

	"reddot/events"
	"reddot/projector/fold"
	"reddot/projector/store/cache"
	"reddot/projector/store/row"
)

// mostUnread bounds how many of a user's conversations are kept in mind, and fewUnread is for
// how many there is room at first: most users have that few.
const (
	mostUnread = 256
	fewUnread  = 8
)

// inbox is what a user may have unread, with repetitions.
type inbox []events.ConversationID

// size is about what it takes in a cache: bytes.
func (b inbox) size(user string) int {
	return cache.EntryWeight + len(user) + cap(b)*int(unsafe.Sizeof(events.ConversationID{}))
}

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
	room := cap(e.Value)
	if e.Value = append(e.Value, k.ConversationID); cap(e.Value) != room {
		u.rows.Resize(e, e.Value.size(k.User))
	}
}

// begin keeps a user in mind who has nothing unread.
func (u *unread) begin(user string) {
	u.rows.Drop(user)
	none := make(inbox, 0, fewUnread)
	u.rows.Add(user, none, none.size(user))
}

// unreadParts are those of the parts that the reader is of.
func (r *rows) unreadParts() []unread {
	all := tablesOf(r.hidden).unread
	if r.part != whole {
		return all[r.part : r.part+1]
	}
	return all
}

func (r *rows) unreadOf(k fold.Key) *unread {
	if r.part != whole {
		return &tablesOf(r.hidden).unread[r.part]
	}
	return &tablesOf(r.hidden).unread[tablesOf(r.hidden).homeOf(k)]
}

// TakeUnread implements fold.Rows.
func (r *rows) TakeUnread(user string, kind events.Kind) (taken []fold.Key) {
	var all inbox
	parts, known := r.unreadParts(), true
	for i := range parts {
		if e := parts[i].rows.Peek(user); e != nil {
			all = append(all, e.Value...)
		} else {
			known = false
		}
	}
	if !known {
		all = r.findUnread(user)
	}
	for _, k := range r.left.Joined(user) {
		all = append(all, k.ConversationID)
	}
	slices.SortFunc(all, compareConversations)
	all = slices.Compact(all)
	for i := range parts {
		parts[i].begin(user)
	}
	for _, id := range all {
		take, k := kind == events.NoKind || kind == id.Kind, fold.Key{User: user, ConversationID: id}
		if take {
			taken = append(taken, k)
		}
		if !take || id.Kind == events.Group {
			r.unreadOf(k).add(k)
		}
	}
	return taken
}

// KeepUnread implements fold.Rows.
func (r *rows) KeepUnread(k fold.Key) { r.unreadOf(k).add(k) }

// findUnread looks through the rows of a user; a shard's through those that are at home with
// it.
func (r *rows) findUnread(user string) (all inbox) {
	prefix := row.ConversationsPrefix(user)
	key := slices.Clone(prefix)
	erased := r.left.ErasedAt(user)
	scan(r.db, prefix, func(rest, value []byte) {
		key = append(key[:len(prefix)], rest...)
		k, _ := row.ParseConversation(string(key))
		if r.part != whole && tablesOf(r.hidden).homeOf(k) != r.part {
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
	r.changedOf(user, func(k fold.Key) { all = append(all, k.ConversationID) })
	return all
}
