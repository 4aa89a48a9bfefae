package store

import (
	"errors"
	"slices"
	"strconv"
	"strings"

	"github.com/cockroachdb/pebble/v2"

	"reddot/events"
	"reddot/projector/fold"
	"reddot/projector/store/cache"
	"reddot/projector/store/row"
)

// listWeight is about what an entry of a list takes: bytes.
const listWeight = 64

// Members lists the members of a group. The list must not be changed.
func (s *Snapshot) Members(group string) (present []string, err error) {
	defer catch(&err)
	if s.rows.left.Of(group) {
		return s.presentMembers(group), nil
	}
	s.rows.key = append(s.rows.key[:0], group...)
	if list, ok := tablesOf(s.store.hidden).audiences.Get(s.rows.key, s.position.Applied); ok {
		return s.withoutErased(group, *list), nil
	}
	var users []string // the cache has it from here on: not the result, which is written once more
	s.scan(row.MembersPrefix(group), func(rest, _ []byte) { users = append(users, string(rest)) })
	tablesOf(s.store.hidden).audiences.Add(s.position.Applied, group, &users, cache.EntryWeight+len(group)+listWeight*len(users))
	return s.withoutErased(group, users), nil
}

// withoutErased leaves out the members who have been erased and not swept yet.
func (s *Snapshot) withoutErased(group string, users []string) []string {
	var gone []string
	for user := range s.rows.left.Erased() {
		if _, listed := slices.BinarySearch(users, user); listed && s.rows.Conversation(fold.MemberKey(group, user)) == nil {
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
func (s *Snapshot) presentMembers(group string) []string {
	if log := s.rows.Group(group); log == nil || log.Members == 0 {
		return nil
	}
	users, _ := s.rows.presentMembers(group)
	return users
}

// presentMembers lists the members of a group, sorted, and their memberships,
// whatever is left to be swept or has changed since the last commit.
func (r *reader) presentMembers(group string) ([]string, []fold.Member) {
	prefix, stored := row.MembersPrefix(group), map[string]fold.Member{}
	scan(r.db, prefix, func(rest, value []byte) {
		if len(stored)%readsOnEvery == 0 && r.snap != nil {
			r.snap.readsOn()
		}
		stored[string(rest)] = *decodedMember(append(prefix, rest...), value)
	})
	if r.snap == nil {
		tablesOf(r.hidden).members.changedOf(r, string(prefix), func(key string, m *fold.Member) {
			if user := key[len(prefix):]; m != nil {
				stored[user] = *m
			} else {
				delete(stored, user)
			}
		})
	}
	return r.left.Members(group, stored)
}

func decodedMember(key, value []byte) *fold.Member {
	m, err := row.DecodeMember("", string(value))
	if err != nil {
		check(rowError(key, err))
	}
	return m
}

// EachMember implements fold.Reader. It goes along the memberships as they are
// stored, unless others are to be swept or not committed.
func (r *reader) EachMember(group, after string, fn func(user string, m fold.Member) (more bool)) {
	if r.snap == nil || r.left.Of(group) {
		users, members := r.presentMembers(group)
		for i, user := range users {
			if user > after && !fn(user, members[i]) {
				return
			}
		}
		return
	}
	prefix := row.MembersPrefix(group)
	end := row.PrefixEnd(prefix)
	it, err := r.db.NewIter(&pebble.IterOptions{LowerBound: append(append(prefix, after...), 0), UpperBound: end})
	check(err)
	defer func() { check(errors.Join(it.Error(), it.Close())) }() // fn may panic; see check
	n := 0
	for ok := it.First(); ok; ok = it.Next() {
		if n++; n%readsOnEvery == 0 {
			r.snap.readsOn()
		}
		user := string(it.Key()[len(prefix):])
		if r.left.ErasedAt(user) > 0 && r.Conversation(fold.MemberKey(group, user)) == nil {
			continue
		}
		if !fn(user, *decodedMember(it.Key(), it.Value())) {
			return
		}
	}
}

// Sweeps is what is left to be swept.
func (s *Snapshot) Sweeps() *fold.Sweeps { return s.rows.left }

// Unswept lists some of the conversations that left their users' lists by the
// command of a sweep and that no command has reported as swept; see fold.Effects. It
// goes on after last, which is "" at first and when there is nothing more. One may
// come twice.
func (s *Snapshot) Unswept(w *fold.Sweep, last string) (keys []fold.Key, next string, err error) {
	defer catch(&err)
	s.readsOn()
	some, next := s.candidates(w, last)
	for _, k := range some {
		if s.rows.left.Ended(&s.rows, w, k, s.storedRow(k)) {
			keys = append(keys, k)
		}
	}
	return keys, next, nil
}

// candidates lists some conversations that the command of a sweep may have ended:
// first those with a row, by their keys, then those without one, by the sweep that
// they are of and by user.
func (s *Snapshot) candidates(w *fold.Sweep, last string) (keys []fold.Key, next string) {
	after, unstored := parseUnstored(last)
	if !unstored && w.Users == nil {
		a := ahead{sweep: w, from: last}
		a.read(s.snap, tablesOf(s.store.hidden).sweptPrefixes(w)[:1])
		for _, row := range a.rows {
			keys = append(keys, row.Conversation)
		}
		if next = a.from; a.end {
			next = after.String()
		}
		return keys, next
	}
	for _, crowd := range s.rows.left.Unstored(w) {
		if crowd.Sweep < after.sweep {
			continue
		}
		at := 0
		if crowd.Sweep == after.sweep {
			var found bool
			if at, found = slices.BinarySearch(crowd.Users, after.user); found {
				at++
			}
		}
		if at == len(crowd.Users) {
			continue
		}
		end := min(at+readAhead, len(crowd.Users))
		for _, user := range crowd.Users[at:end] {
			keys = append(keys, fold.MemberKey(crowd.Group, user))
		}
		return keys, unstoredPlace{crowd.Sweep, crowd.Users[end-1]}.String()
	}
	return nil, ""
}

// unstoredPlace is how far those without a row were listed. Sweeps that are done
// are not listed any more, so it names the sweep.
type unstoredPlace struct {
	sweep events.Seq
	user  string
}

// unstoredPrefix begins the name of such a place. No key of a conversation or a
// member begins with it.
const unstoredPrefix = "unstored "

func (u unstoredPlace) String() string {
	return unstoredPrefix + strconv.FormatUint(uint64(u.sweep), 10) + " " + u.user
}

// parseUnstored reads what String wrote.
func parseUnstored(place string) (u unstoredPlace, ok bool) {
	rest, ok := strings.CutPrefix(place, unstoredPrefix)
	if !ok {
		return u, false
	}
	sweep, user, _ := strings.Cut(rest, " ")
	seq, _ := strconv.ParseUint(sweep, 10, 64) // as it was written
	return unstoredPlace{events.Seq(seq), user}, true
}

// Ended lists the conversations that left a user's list by commands after a seq
// and whose rows are still there, but for those of an inbox that was erased; see
// Unswept.
func (s *Snapshot) Ended(user string, since events.Seq) (all []fold.Departure, err error) {
	defer catch(&err)
	if s.rows.left == nil {
		return nil, nil
	}
	l := s.listOf(user)
	ended := func(k fold.Key, stored *fold.Conversation) {
		if s.rows.left.Died(&s.rows, k, stored) <= since {
			return
		}
		for _, w := range s.rows.left.All() {
			if w.Seq > since && (w.ID == k.ID || w.ID == user) && s.rows.left.Ended(&s.rows, w, k, stored) {
				all = append(all, fold.Departure{Key: k, Seq: w.Seq, At: w.At})
			}
		}
	}
	for i, k := range l.keys {
		ended(k, l.rows[i])
	}
	for _, k := range s.rows.left.Joined(user) {
		if _, found := l.search(k); !found {
			ended(k, nil)
		}
	}
	return all, nil
}

// storedRow reads a conversation's row past the lists, which may lack it.
func (s *Snapshot) storedRow(k fold.Key) *fold.Conversation {
	f, err := tablesOf(s.store.hidden).conversations[k.Kind].find(s.snap, row.AppendConversation(s.rows.key[:0], k))
	check(err)
	return f.row
}
