package store

import (
	"slices"

	"reddot/events"
	"reddot/projector/fold"
)

// Members lists the members of a group. The list must not be changed.
func (s *Snapshot) Members(group string) (users []string, err error) {
	defer catch(&err)
	if s.pending.Of(group) {
		return s.presentMembers(group), nil
	}
	s.key = append(s.key[:0], group...)
	if list, ok := s.store.audiences.get(s.key, s.position.Applied); ok {
		return s.withoutErased(group, *list), nil
	}
	s.scan(membersPrefix(group), func(rest, _ []byte) { users = append(users, string(rest)) })
	s.store.audiences.add(s.position.Applied, &entry[[]string]{key: group, row: &users, size: entryWeight + len(group) + listWeight*len(users)})
	return s.withoutErased(group, users), nil
}

// withoutErased leaves out the members who have been erased and not swept yet.
func (s *Snapshot) withoutErased(group string, users []string) []string {
	var gone []string
	for user := range s.pending.Erased() {
		if _, listed := slices.BinarySearch(users, user); listed && (reader{s}).Conversation(memberOf(group, user)) == nil {
			gone = append(gone, user)
		}
	}
	if gone == nil {
		return users
	}
	return slices.DeleteFunc(slices.Clone(users), func(user string) bool { return slices.Contains(gone, user) })
}

// presentMembers lists the members of a group of which something is left to be
// swept.
func (s *Snapshot) presentMembers(group string) (users []string) {
	if log := (reader{s}).Group(group); log == nil || log.Members == 0 {
		return nil
	}
	prefix := membersPrefix(group)
	s.scan(prefix, func(rest, value []byte) {
		joined, err := decodeNumber[events.Seq]("", string(value))
		if err != nil {
			check(rowError(append(prefix, rest...), err))
		}
		if user := string(rest); s.pending.Present(memberOf(group, user), *joined) {
			users = append(users, user)
		}
	})
	return users
}

func memberOf(group, user string) fold.Key {
	return fold.Key{User: user, ConversationID: fold.GroupKey(group).ConversationID}
}

// Pending is what is left to be swept.
func (s *Snapshot) Pending() *fold.Pending { return s.pending }

// Unswept lists some of the conversations that left their users' lists by the
// command of a sweep and whose rows are still there; others have been told of as
// swept, see fold.Effects. It goes on after last, which is "" at first and when
// there is nothing more.
func (s *Snapshot) Unswept(w *fold.Sweep, last string) (keys []fold.Key, next string, err error) {
	defer catch(&err)
	a := ahead{sweep: w, from: last}
	s.readsOn()
	a.read(s.snap, sweptPrefixes(w)[:1])
	for _, row := range a.rows {
		if s.pending.Ended(reader{s}, w, row.Conversation, s.storedRow(row.Conversation)) {
			keys = append(keys, row.Conversation)
		}
	}
	if a.end {
		return keys, "", nil
	}
	return keys, a.from, nil
}

// Ended lists the conversations that left a user's list by commands after a seq
// and whose rows are still there, but for those of an inbox that was erased; see
// Unswept.
func (s *Snapshot) Ended(user string, since events.Seq) (all []fold.Told, err error) {
	defer catch(&err)
	if s.pending == nil {
		return nil, nil
	}
	l := s.listOf(user)
	for i, k := range l.keys {
		if s.pending.Died(reader{s}, k, l.rows[i]) <= since {
			continue
		}
		for _, w := range s.pending.Sweeps() {
			if w.Seq > since && (w.ID == k.ID || w.ID == user) && s.pending.Ended(reader{s}, w, k, l.rows[i]) {
				all = append(all, fold.Told{Key: k, Seq: w.Seq, At: w.At})
			}
		}
	}
	return all, nil
}

// storedRow reads a conversation's row past the lists, which may lack it.
func (s *Snapshot) storedRow(k fold.Key) *fold.Conversation {
	e, err := conversationRows.find(s.snap, appendConversation(s.key[:0], k))
	check(err)
	return e.row
}
