package store

import (
	"bytes"
	"encoding/binary"
	"errors"
	"slices"

	"github.com/cockroachdb/pebble/v2"

	"reddot/events"
	"reddot/projector/fold"
)

// sweeping is what a store knows of the sweeps beside their rows.
type sweeping struct {
	pace    fold.Pace
	pending *fold.Sweeps
	// What the oldest sweep finds in Pebble must be committed: all that was done up
	// to the command by which it became the oldest.
	since events.Seq
	ahead ahead
}

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

func appendSweep(b []byte, seq events.Seq) []byte {
	return appendUint(append(b, famSweep), uint64(seq))
}

// Pace implements fold.Rows.
func (s *Store) Pace() fold.Pace { return s.pace }

// Sweeps implements fold.Rows.
func (s *Store) Sweeps() *fold.Sweeps { return s.pending }

// PutProgress implements fold.Rows.
func (s *Store) PutProgress(at fold.Progress) {
	s.progress.put(s.db, []byte{famProgress}, &at)
	s.pending = s.pending.At(at)
}

// BeginSweep implements fold.Rows. All that is to be swept is committed first.
func (s *Store) BeginSweep(w *fold.Sweep) {
	s.commitEarlier()
	if s.pending == nil {
		s.since = s.position.Applied
	}
	s.sweeps.put(s.db, appendSweep(nil, w.Seq), w)
	s.pending = s.pending.With(w)
}

// commitEarlier commits what the commands before the one that is being applied
// have changed. That one has changed nothing yet.
func (s *Store) commitEarlier() {
	if s.committed != s.position.Applied {
		_, err := s.Commit()
		check(err)
	}
}

// Anything implements fold.Rows.
func (s *Store) Anything(user string) (found bool) {
	s.commitEarlier()
	for _, k := range s.pending.Joined(user) {
		if s.Conversation(k) != nil {
			return true
		}
	}
	return s.anyAlive(user, conversationsPrefix(user)) ||
		s.anyAlive(user, append(append([]byte{famIndex, 'c'}, inEra(user, s.Era(user))...), 0))
}

// anyAlive reports whether an inbox has a committed row, whose key has a prefix,
// that is not left to be swept.
func (s *Store) anyAlive(user string, prefix []byte) (found bool) {
	it, err := s.db.NewIter(&pebble.IterOptions{LowerBound: prefix, UpperBound: prefixEnd(prefix)})
	check(err)
	defer func() { // reading a row may panic; see check
		check(errors.Join(err, it.Error(), it.Close()))
	}()
	for ok := it.First(); ok && !found && err == nil; ok = it.Next() {
		found, err = s.alive(user, it.Key(), it.Value())
	}
	return found
}

// alive reports whether a committed row of an inbox is not left to be swept.
func (s *Store) alive(user string, key, value []byte) (bool, error) {
	erased := s.pending.ErasedAt(user)
	if key[0] != famConversation {
		return true, nil
	}
	if erased > 0 {
		if gone, err := before(erased, key, value); err != nil || gone {
			return false, err
		}
	}
	k, ok := conversationKey(string(key))
	if !ok {
		return false, rowError(key, errCorrupt)
	}
	return s.Conversation(k) != nil, nil
}

// EndSweep implements fold.Rows.
func (s *Store) EndSweep(w *fold.Sweep) {
	s.sweeps.put(s.db, appendSweep(nil, w.Seq), nil)
	s.progress.put(s.db, []byte{famProgress}, nil)
	s.pending = s.pending.WithoutOldest()
	s.since = s.position.Applied + 1 // the command that is being applied
}

// sweepFrom is called between two commands: the rows that the oldest sweep is of
// must be found in Pebble.
func (s *Store) sweepFrom() {
	if s.pending != nil && s.committed < s.since {
		_, err := s.Commit()
		check(err)
	}
}

// NextRow implements fold.Rows. Rows that have been changed since they were
// committed are looked at by the caller.
func (s *Store) NextRow(w *fold.Sweep, after string) (row fold.SweptRow, ok bool) {
	if w.Users != nil {
		return nextUser(w, after)
	}
	a := &s.ahead
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
		a.read(s.db, sweptPrefixes(w))
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
	return fold.SweptRow{Name: w.Users[i], Conversation: memberOf(w.ID, w.Users[i])}, true
}

// sweptPrefixes are those of the keys of the rows that a sweep may be of, those of
// conversations first.
func sweptPrefixes(w *fold.Sweep) [][]byte {
	if w.Kind == fold.SweepErase {
		return inboxPrefixes(w.ID, w.Era)
	}
	return [][]byte{membersPrefix(w.ID)}
}

// read reads on.
func (a *ahead) read(r pebble.Reader, prefixes [][]byte) {
	a.rows = nil
	for _, prefix := range prefixes {
		if end := prefixEnd(prefix); a.from < string(end) && !a.readPrefix(r, prefix, end) {
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
		row, mine, unread := a.row(it.Key(), it.Value())
		if err = unread; mine {
			a.rows = append(a.rows, row)
		}
		a.from = string(it.Key())
		all = len(a.rows) < readAhead
	}
	check(errors.Join(err, it.Error(), it.Close()))
	return all
}

// row reads one row, and reports whether the sweep may be of it.
func (a *ahead) row(key, value []byte) (row fold.SweptRow, mine bool, err error) {
	row.Name, mine = string(key), true
	switch key[0] {
	case famMember:
		var joined *events.Seq
		if joined, err = decodeNumber[events.Seq]("", string(value)); err == nil {
			mine = *joined < a.sweep.Seq
		}
		row.Conversation = memberOf(a.sweep.ID, row.Name[len(membersPrefix(a.sweep.ID)):])
	case famConversation:
		var ok bool
		if row.Conversation, ok = conversationKey(row.Name); !ok {
			err = errCorrupt
		} else if row.Conversation.Kind == events.C2C {
			mine, err = before(a.sweep.Seq, key, value)
		}
	}
	if err != nil {
		err = rowError(key, err)
	}
	return row, mine, err
}

// DropRow implements fold.Rows.
func (s *Store) DropRow(name string) { s.tables.log(name[0]).remove(s.db, []byte(name)) }

// Sift implements fold.Rows. It goes through the memberships once.
func (s *Store) Sift(group string, users []string, members bool) (some []string) {
	s.commitEarlier()
	joined := s.joined(group, users)
	s.pending.Sift(group, users, joined)
	some = make([]string, 0, len(users))
	for i, user := range users {
		if (joined[i] > 0) == members {
			some = append(some, user)
		}
	}
	return some
}

// joined reads the stored memberships of some users, sorted: the commands that
// joined, 0 where there is none.
func (s *Store) joined(group string, users []string) []events.Seq {
	joined := make([]events.Seq, len(users))
	prefix := membersPrefix(group)
	it, err := s.db.NewIter(&pebble.IterOptions{LowerBound: prefix, UpperBound: prefixEnd(prefix)})
	check(err)
	ok := it.First()
	for i := 0; ok && err == nil && i < len(users); i++ {
		key := append(prefix, users[i]...)
		if bytes.Compare(it.Key(), key) < 0 {
			ok = it.SeekGE(key)
		}
		if ok && bytes.Equal(it.Key(), key) {
			var n *events.Seq
			if n, err = decodeNumber[events.Seq]("", string(it.Value())); err == nil {
				joined[i] = *n
			} else {
				err = rowError(key, err)
			}
		}
	}
	check(errors.Join(err, it.Error(), it.Close()))
	return joined
}

// findPending reads what is left to be swept.
func findPending(r pebble.Reader) (p *fold.Sweeps, err error) {
	defer catch(&err)
	var all []*fold.Sweep
	scan(r, []byte{famSweep}, func(rest, value []byte) {
		key := append([]byte{famSweep}, rest...)
		w, err := decodeSweep(string(key), string(value))
		if err != nil {
			check(rowError(key, err))
		}
		all = append(all, w)
	})
	p = fold.NewSweeps(all)
	scan(r, []byte{famProgress}, func(rest, value []byte) {
		at, err := decodeProgress("", string(value))
		if err != nil {
			check(rowError(append([]byte{famProgress}, rest...), err))
		}
		p = p.At(*at)
	})
	return p, nil
}

func encodeSweep(b []byte, w *fold.Sweep) []byte {
	b = binary.AppendUvarint(append(b, Format, byte(w.Kind)), uint64(w.At))
	b = binary.AppendUvarint(appendString(b, w.ID), w.Rows)
	b = binary.AppendUvarint(appendCursor(b, w.Head), uint64(w.Era))
	b = binary.AppendUvarint(b, uint64(len(w.Users)))
	for _, user := range w.Users {
		b = appendString(b, user)
	}
	return b
}

func decodeSweep(key, value string) (*fold.Sweep, error) {
	d := decoder{b: value}
	d.version()
	seq, ok := readUint([]byte(key[1:]))
	w := &fold.Sweep{Seq: events.Seq(seq), Kind: fold.SweepKind(d.byte()), At: d.time(), ID: d.string(), Rows: d.uint(), Head: d.cursor(), Era: d.seq()}
	if n := d.uint(); n > uint64(len(d.b)) {
		d.fail(errCorrupt)
	} else if n > 0 {
		w.Users = make([]string, n)
	}
	for i := range w.Users {
		w.Users[i] = d.string()
	}
	switch w.Kind {
	case fold.SweepDismiss, fold.SweepErase:
		ok = ok && w.Users == nil
	case fold.SweepJoin, fold.SweepLeave:
		ok = ok && w.Users != nil && slices.IsSorted(w.Users)
	default:
		ok = false
	}
	if !ok {
		d.fail(errCorrupt)
	}
	return w, d.end()
}

func encodeProgress(b []byte, p *fold.Progress) []byte {
	return appendString(binary.AppendUvarint(append(b, Format), p.Swept), p.Last)
}

func decodeProgress(_, value string) (*fold.Progress, error) {
	d := decoder{b: value}
	d.version()
	p := &fold.Progress{Swept: d.uint(), Last: d.string()}
	return p, d.end()
}
