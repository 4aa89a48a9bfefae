package store

import (
	"bytes"
	"maps"
	"slices"

	"github.com/cockroachdb/pebble/v2"

	"reddot/events"
	"reddot/projector/fold"
	"reddot/projector/store/row"
)

// BlockedIn implements fold.Reader.
func (r *reader) BlockedIn(k fold.Key) []fold.Writer {
	blocked := r.Settings(k.User).Blocked
	if len(blocked) == 0 {
		return nil
	}
	if r.snap != nil && r.snap.list != nil && r.snap.listUser == k.User {
		return r.snap.blockedIn(k)
	}
	return r.writtenIn(blocked, []string{k.ID})[k.ID]
}

// fewGroups is up to how many groups each is looked for by its key: the key filter
// answers for most.
const fewGroups = 16

// Written implements fold.Rows.
func (r *rows) Written(users, groups []string) map[string][]fold.Writer {
	return r.writtenIn(users, groups)
}

// writtenIn finds what some users have written in some groups.
func (r *reader) writtenIn(users, groups []string) map[string][]fold.Writer {
	if len(groups) > fewGroups {
		return r.walkWriters(users, groups)
	}
	written := map[string][]fold.Writer{}
	for _, group := range groups {
		for _, user := range users {
			if sender := r.Sender(fold.MemberKey(group, user)); sender != nil {
				written[group] = append(written[group], fold.Writer{User: user, Sender: sender})
			}
		}
	}
	return written
}

// walkWriters is writtenIn for many groups: it goes through what was committed, and
// what has changed since.
func (r *reader) walkWriters(users, groups []string) map[string][]fold.Writer {
	w := walk{family: row.Senders}
	defer func() { check(w.close()) }() // what is read may panic; see check
	written := map[string][]fold.Writer{}
	for _, user := range users {
		mine := map[string]*fold.Sender{}
		w.writer(r.db, user, groups, func(group string, s *fold.Sender) { mine[group] = s })
		prefix := string(row.SendersPrefix(user))
		tablesOf(r.hidden).senders.changedOf(r, prefix, func(key string, s *fold.Sender) {
			if _, wanted := slices.BinarySearch(groups, key[len(prefix):]); wanted {
				mine[key[len(prefix):]] = s
			}
		})
		for _, group := range slices.Sorted(maps.Keys(mine)) {
			if mine[group] != nil {
				written[group] = append(written[group], fold.Writer{User: user, Sender: mine[group]})
			}
		}
	}
	return written
}

// writer calls fn with what a user has written in some groups, sorted: it goes from one
// group to the next that is in both lists.
func (w *walk) writer(db pebble.Reader, user string, groups []string, fn func(group string, s *fold.Sender)) {
	prefix := row.SendersPrefix(user)
	for i := 0; i < len(groups); {
		if !w.seek(db, append(slices.Clip(prefix), groups[i]...)) || !bytes.HasPrefix(w.Key(), prefix) {
			break
		}
		group := string(w.Key()[len(prefix):])
		n, found := slices.BinarySearch(groups[i:], group)
		if i += n; !found {
			continue
		}
		s, err := row.DecodeSender("", string(w.Value()))
		if err != nil {
			check(rowError(w.Key(), err))
		}
		fn(group, s)
		i++
	}
	check(w.Error())
}

// blockedIn is what those whom the list's user blocks have written in a group. All of
// them are looked for once, in all groups of the list: they count as rows of it.
func (s *Snapshot) blockedIn(k fold.Key) []fold.Writer {
	if s.written != nil {
		return s.written[k.ID]
	}
	var groups []string
	for _, of := range s.list.keys {
		if of.Kind == events.Group {
			groups = append(groups, of.ID)
		}
	}
	for _, of := range s.rows.left.Joined(k.User) {
		groups = append(groups, of.ID)
	}
	slices.Sort(groups)
	groups = slices.Compact(groups)
	n, written := len(s.list.keys), map[string][]fold.Writer{}
	for _, user := range s.list.account.Blocked {
		if len(groups) == 0 {
			break
		}
		s.count(&n)
		s.senders.writer(s.snap, user, groups, func(group string, sender *fold.Sender) {
			s.count(&n)
			written[group] = append(written[group], fold.Writer{User: user, Sender: sender})
		})
	}
	s.written = written // all of it: the reading may have ended for the list's being long
	return written[k.ID]
}
