package store

import (
	"bytes"
	"errors"
	"slices"

	"github.com/cockroachdb/pebble/v2"

	"reddot/events"
	"reddot/projector/fold"
	"reddot/projector/store/row"
)

// ahead is what comes next of the oldest sweep: read from Pebble some rows at a
// time.
type ahead struct {
	sweep *fold.Sweep
	rows  []fold.SweptRow
	from  string // where to go on reading
	end   bool   // nothing is there
}

// readAhead is how many rows are read at a time.
const readAhead = 1_024

// Pace implements fold.Rows.
func (r *rows) Pace() fold.Pace { return r.pace }

// PutProgress implements fold.Rows.
func (r *rows) PutProgress(at fold.Progress) {
	tablesOf(r.hidden).progress.put(&r.reader, row.ProgressKey(), &at)
	r.left = r.left.At(at)
}

// BeginSweep implements fold.Rows. All that is to be swept is committed first.
func (r *rows) BeginSweep(w *fold.Sweep) {
	r.commitEarlier()
	if r.left == nil {
		r.since = r.store.position.Applied
	}
	tablesOf(r.hidden).sweeps.put(&r.reader, row.AppendSweep(nil, w.Seq), w)
	r.left = r.left.With(w)
}

// commitEarlier commits what the commands before the one that is being applied
// have changed. That one has changed nothing yet.
func (r *rows) commitEarlier() {
	if r.store.committed != r.store.position.Applied {
		_, err := r.store.Commit()
		check(err)
	}
}

// Anything implements fold.Rows.
func (r *rows) Anything(user string) (found bool) {
	r.commitEarlier()
	for _, k := range r.left.Joined(user) {
		if r.Conversation(k) != nil {
			return true
		}
	}
	return !r.Settings(user).Empty() || r.anyAlive(user, row.ConversationsPrefix(user)) ||
		r.anyAlive(user, row.InboxPrefix(row.Indexes, user, r.Era(user))) ||
		r.anyAlive(user, row.InboxPrefix(row.Imports, user, r.Era(user)))
}

// anyAlive reports whether an inbox has a committed row, whose key has a prefix,
// that is not left to be swept.
func (r *rows) anyAlive(user string, prefix []byte) (found bool) {
	it, err := r.db.NewIter(&pebble.IterOptions{LowerBound: prefix, UpperBound: row.PrefixEnd(prefix)})
	check(err)
	defer func() { // reading a row may panic; see check
		check(errors.Join(err, it.Error(), it.Close()))
	}()
	for ok := it.First(); ok && !found && err == nil; ok = it.Next() {
		found, err = r.alive(user, it.Key(), it.Value())
	}
	return found
}

// alive reports whether a committed row of an inbox is not left to be swept.
func (r *rows) alive(user string, key, value []byte) (bool, error) {
	erased := r.left.ErasedAt(user)
	if key[0] != row.Conversations {
		return true, nil
	}
	if erased > 0 {
		if gone, err := row.IsBefore(erased, key, value); err != nil || gone {
			return false, err
		}
	}
	k, ok := row.ParseConversation(string(key))
	if !ok {
		return false, rowError(key, row.ErrCorruptRow)
	}
	return r.Conversation(k) != nil, nil
}

// EndSweep implements fold.Rows.
func (r *rows) EndSweep(w *fold.Sweep) {
	tablesOf(r.hidden).sweeps.put(&r.reader, row.AppendSweep(nil, w.Seq), nil)
	tablesOf(r.hidden).progress.put(&r.reader, row.ProgressKey(), nil)
	r.left = r.left.WithoutOldest()
	r.since = r.store.position.Applied + 1 // the command that is being applied
}

// sweepFrom is called between two commands: the rows that the oldest sweep is of
// must be found in Pebble.
func (r *rows) sweepFrom() {
	if r.left != nil && r.store.committed < r.since {
		_, err := r.store.Commit()
		check(err)
	}
}

// NextRow implements fold.Rows. Rows that have been changed since they were
// committed are looked at by the caller.
func (r *rows) NextRow(w *fold.Sweep, after string) (row fold.SweptRow, ok bool) {
	if w.Users != nil {
		return nextUser(w, after)
	}
	a := &r.ahead
	if a.sweep != w {
		*a = ahead{sweep: w, from: after}
	}
	for {
		for len(a.rows) > 0 && a.rows[0].Name <= after {
			a.rows = a.rows[1:]
		}
		if len(a.rows) > 0 {
			return a.rows[0], true
		}
		if a.end {
			return row, false
		}
		a.read(r.db, tablesOf(r.hidden).sweptPrefixes(w))
	}
}

// nextUser is the next of those who joined or left.
func nextUser(w *fold.Sweep, after string) (row fold.SweptRow, ok bool) {
	i, found := slices.BinarySearch(w.Users, after)
	if found {
		i++
	}
	if i == len(w.Users) {
		return row, false
	}
	return fold.SweptRow{Name: w.Users[i], Conversation: fold.MemberKey(w.ID, w.Users[i])}, true
}

// sweptPrefixes are those of the keys of the rows that a sweep may be of, those of
// conversations first.
func (t *tables) sweptPrefixes(w *fold.Sweep) [][]byte {
	if w.Kind == fold.SweepErase {
		return t.inboxPrefixes(w.ID, w.Era)
	}
	return [][]byte{row.MembersPrefix(w.ID), row.TreesPrefix(w.ID, w.Era)}
}

// read reads on.
func (a *ahead) read(r pebble.Reader, prefixes [][]byte) {
	a.rows = nil
	for _, prefix := range prefixes {
		if end := row.PrefixEnd(prefix); a.from < string(end) && !a.readPrefix(r, prefix, end) {
			return
		}
	}
	a.end = true
}

// readPrefix reads the rows whose keys have a prefix, until there are enough. It
// reports whether that were all.
func (a *ahead) readPrefix(r pebble.Reader, prefix, end []byte) (all bool) {
	from := prefix
	if a.from > string(prefix) {
		from = append([]byte(a.from), 0)
	}
	it, err := r.NewIter(&pebble.IterOptions{LowerBound: from, UpperBound: end})
	check(err)
	all = true
	for ok := it.First(); ok && all && err == nil; ok = it.Next() {
		swept, mine, unread := a.row(it.Key(), it.Value())
		if err = unread; mine {
			a.rows = append(a.rows, swept)
		}
		a.from = string(it.Key())
		all = len(a.rows) < readAhead
	}
	check(errors.Join(err, it.Error(), it.Close()))
	return all
}

// row reads one row, and reports whether the sweep may be of it.
func (a *ahead) row(key, value []byte) (swept fold.SweptRow, mine bool, err error) {
	swept.Name, mine = string(key), true
	switch key[0] {
	case row.Members:
		var m *fold.Member
		if m, err = row.DecodeMember("", string(value)); err == nil {
			mine = m.Joined < a.sweep.Seq
		}
		swept.Conversation = fold.MemberKey(a.sweep.ID, swept.Name[len(row.MembersPrefix(a.sweep.ID)):])
	case row.Conversations:
		var ok bool
		if swept.Conversation, ok = row.ParseConversation(swept.Name); !ok {
			err = row.ErrCorruptRow
		} else if swept.Conversation.Kind == events.C2C {
			mine, err = row.IsBefore(a.sweep.Seq, key, value)
		}
	}
	if err != nil {
		err = rowError(key, err)
	}
	return swept, mine, err
}

// DropRow implements fold.Rows.
func (r *rows) DropRow(name string) {
	if name[0] == row.Pages {
		r.dropPage(name)
	}
	tablesOf(r.hidden).of([]byte(name)).remove(&r.reader, []byte(name))
}

// Sift implements fold.Rows. It goes through the memberships once.
func (r *rows) Sift(group string, users []string) []fold.Member {
	r.commitEarlier()
	members := r.memberships(group, users)
	joined := make([]events.Seq, len(users))
	for i := range members {
		joined[i] = members[i].Joined
	}
	r.left.Sift(group, users, joined)
	for i := range members {
		members[i] = r.left.Member(members[i], joined[i])
	}
	return members
}

// memberships reads the stored memberships of some users, sorted; zero where there
// is none.
func (r *rows) memberships(group string, users []string) []fold.Member {
	members := make([]fold.Member, len(users))
	prefix := row.MembersPrefix(group)
	it, err := r.db.NewIter(&pebble.IterOptions{LowerBound: prefix, UpperBound: row.PrefixEnd(prefix)})
	check(err)
	ok := it.First()
	for i := 0; ok && err == nil && i < len(users); i++ {
		key := append(prefix, users[i]...)
		if bytes.Compare(it.Key(), key) < 0 {
			ok = it.SeekGE(key)
		}
		if ok && bytes.Equal(it.Key(), key) {
			var m *fold.Member
			if m, err = row.DecodeMember("", string(it.Value())); err == nil {
				members[i] = *m
			} else {
				err = rowError(key, err)
			}
		}
	}
	check(errors.Join(err, it.Error(), it.Close()))
	return members
}

// findSweeps reads what is left to be swept.
func findSweeps(r pebble.Reader) (p *fold.Sweeps, err error) {
	defer catch(&err)
	var all []*fold.Sweep
	scan(r, []byte{row.Sweeps}, func(rest, value []byte) {
		key := append([]byte{row.Sweeps}, rest...)
		w, err := row.DecodeSweep(string(key), string(value))
		if err != nil {
			check(rowError(key, err))
		}
		all = append(all, w)
	})
	p = fold.NewSweeps(all)
	scan(r, []byte{row.Progress}, func(rest, value []byte) {
		at, err := row.DecodeProgress("", string(value))
		if err != nil {
			check(rowError(append([]byte{row.Progress}, rest...), err))
		}
		p = p.At(*at)
	})
	return p, nil
}
