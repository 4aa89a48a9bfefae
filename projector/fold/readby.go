package fold

import "reddot/events"

// ReadBy says by how many members of a group a message is read, and how many could
// have: those who joined before it, the sender left out (rule read-by).
func ReadBy(r Reader, g string, log *Log, pos Pos, m *Message) (read, members uint64) {
	of := log.tree(g, TreeJoins, "").Below(r, pos)
	by := -log.tree(g, TreePieces, "").Below(r, pos) - log.tree(g, TreeApart, m.Thread).Below(r, pos)
	drop := func(user string, x Member) {
		if x.Join < pos {
			of--
			if _, has := ReadAt(r, g, user, x, pos, m.Thread); has {
				by--
			}
		}
	}
	for _, x := range erased(r, g, log) {
		drop(x.user, x.Member)
	}
	k := Key{m.From, GroupKey(g).ConversationID}
	if c := r.Conversation(k); c != nil {
		drop(m.From, memberOf(r, k, c))
	}
	if by < 0 || of < by {
		Break(GroupKey(g), "message %d is read by %d of %d", pos, by, of)
	}
	return uint64(by), uint64(of)
}

// ReadAt is when a member has given the receipt that covers a place of a timeline,
// which lies behind the join; false: there is none.
func ReadAt(r Reader, g, user string, m Member, pos Pos, timeline string) (events.Time, bool) {
	if m.Seen >= pos {
		return m.SeenAt, true
	}
	if m.Pieces > 0 {
		if p := r.Piece(g, user, timeline); p != nil && p.To >= pos {
			return p.At, true
		}
	}
	return 0, false
}

// Unreadable reports whether a message of a group has no readers: it was recalled, or
// purged.
func Unreadable(r Reader, g string, log *Log, pos Pos, m *Message) bool {
	lk := GroupKey(g)
	if pos <= log.Purged.Pos {
		return true
	}
	switch {
	case m.Counted && m.Apart:
		t := r.Thread(lk, m.Thread)
		return t == nil || !t.Ap.Has(r, lk.SetOf(m.Thread, SetAp), m.Ord)
	case m.Counted:
		return log.Revoked.Has(r, lk.Set(SetRevoked), m.Ord)
	case m.Revoked:
		return true
	}
	b := r.Chunk(lk.Set(SetGone), chunkNo(Ord(pos)))
	return b != nil && b.has(Ord(pos))
}
