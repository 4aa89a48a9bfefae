package store

import (
	"errors"
	"slices"
	"strings"

	"github.com/cockroachdb/pebble/v2"

	"reddot/projector/fold"
	"reddot/projector/store/row"
)

// Users lists the users who have a conversation, in the list or not: those whose names
// begin with a prefix and come after a name, at most so many, by name. It is a seek for
// each user, and reads no rows.
func (s *Snapshot) Users(prefix, after string, most int) (users []string, err error) {
	defer catch(&err)
	joining := s.joining(prefix, after)
	begin := append([]byte{row.Conversations}, prefix...)
	it, err := s.snap.NewIter(&pebble.IterOptions{LowerBound: begin, UpperBound: row.PrefixEnd(begin)})
	check(err)
	defer func() { check(errors.Join(it.Error(), it.Close())) }()
	// Names hold no byte 0, which ends them in keys: what begins with a name and 1 is
	// behind all of its rows, and not behind any other's.
	next := slices.Clone(begin)
	if after >= prefix && after != "" {
		next = append(append([]byte{row.Conversations}, after...), 1)
	}
	for n, ok := 0, it.SeekGE(next); ok && len(users) < most; ok = it.SeekGE(next) {
		if n++; n%readsOnEvery == 0 {
			s.readsOn()
		}
		k, valid := row.ParseConversation(string(it.Key()))
		if !valid {
			check(rowError(it.Key(), row.ErrCorruptRow))
		}
		for len(joining) > 0 && joining[0] <= k.User {
			if joining[0] < k.User && len(users) < most {
				users = append(users, joining[0])
			}
			joining = joining[1:]
		}
		if len(users) < most && (s.rows.left == nil || len(s.rows.Conversations(k.User)) > 0) {
			users = append(users, k.User)
		}
		next = append(append(next[:0], row.Conversations), k.User...)
		next = append(next, 1)
	}
	for len(joining) > 0 && len(users) < most {
		users, joining = append(users, joining[0]), joining[1:]
	}
	return users, nil
}

// joining are the users, by name, who have joined a group by a command that is not
// swept yet and are members: some may have no row of any conversation.
func (s *Snapshot) joining(prefix, after string) (users []string) {
	for _, w := range s.rows.left.All() {
		if w.Kind != fold.SweepJoin {
			continue
		}
		for _, user := range w.Users {
			if strings.HasPrefix(user, prefix) && user > after && s.rows.Conversation(fold.MemberKey(w.ID, user)) != nil {
				users = append(users, user)
			}
		}
	}
	slices.Sort(users)
	return slices.Compact(users)
}
