package view

import (
	"encoding/base64"
	"slices"
	"strconv"

	"reddot/events"
	"reddot/projector/fold"
)

// looked bounds how many messages are read to find those of one timeline: who asks decides
// which, and may ask often.
const looked = 1_000

// Log is the newest messages of a conversation of the list, or of one timeline of it, at
// most limit, the oldest first: each with what it is to the count that Explain explains. It
// begins where the user's history does. With a cursor it is those before; next is the cursor
// of what is left, which may be there after few messages or none, empty: nothing is.
func Log(r fold.Reader, k fold.Key, of *string, after string, limit int) (all []events.LoggedMessage, next string, err error) {
	before, err := parseLogCursor(after)
	if err != nil {
		return nil, "", err
	}
	i, ok := load(r, k)
	if !ok || !i.in {
		return nil, "", nil
	}
	tally, lines := i.tally(r), map[string]*fold.Timeline{}
	begin, end := max(i.row.Floor(i.log).Pos, i.row.Join.Pos), i.log.Head.Pos
	if before > 0 {
		end = min(end, before-1)
	}
	pos := end
	for ; pos > begin && len(all) < limit && end-pos < looked; pos-- {
		m := r.Message(k.LogKey(), pos)
		if of != nil && m.Thread != *of {
			continue
		}
		line, known := lines[m.Thread]
		if !known && i.row.Timelines > 0 {
			line = r.Timeline(k, m.Thread)
			lines[m.Thread] = line
		}
		read := pos <= i.row.Position(m.Thread, line).Pos
		all = append(all, events.LoggedMessage{
			ID: m.ID, From: m.From, At: m.At, Seq: m.Seq, Thread: m.Thread,
			Read: read, Counts: i.counts(r, tally, pos, &m, of, line, read),
		})
	}
	slices.Reverse(all)
	if pos > begin {
		next = logCursor(pos + 1)
	}
	return all, next, nil
}

// logCursor is the cursor of what is before a position: those never change.
func logCursor(pos fold.Pos) string {
	return base64.RawURLEncoding.EncodeToString(strconv.AppendUint(nil, uint64(pos), 10))
}

// parseLogCursor reads one; 0: there is none.
func parseLogCursor(s string) (fold.Pos, error) {
	if s == "" {
		return 0, nil
	}
	digits, err := base64.RawURLEncoding.DecodeString(s)
	if err != nil {
		return 0, events.ErrLogCursor
	}
	n, err := strconv.ParseUint(string(digits), 10, 64)
	if err != nil || n == 0 {
		return 0, events.ErrLogCursor
	}
	return fold.Pos(n), nil
}

// counts says what a message is to the count of a conversation, or of one timeline.
func (i item) counts(r fold.Reader, t *fold.Tally, pos fold.Pos, m *fold.Message, of *string, line *fold.Timeline, read bool) events.Counting {
	next := t.Next
	if of != nil {
		next = func(after fold.Ord) fold.Ord { return t.NextOf(*of, after) }
	}
	switch {
	case i.revoked(r, pos, m):
		return events.CountsRevoked
	case m.Hidden:
		return events.CountsHidden
	case !m.Counted:
		return events.CountsSilent
	case m.From == i.key.User:
		return events.CountsOwn
	case next(m.Ord-1) == m.Ord:
		return events.CountsUnread
	case read:
		return events.CountsRead
	case m.Apart: // of a thread that is not followed, if it is asked about
		return events.CountsApart
	case of == nil && line != nil && line.Muted:
		return events.CountsMuted
	}
	return events.CountsBlocked
}

// revoked reports whether a message is recalled or has expired.
func (i item) revoked(r fold.Reader, pos fold.Pos, m *fold.Message) bool {
	if i.key.Kind == events.Group {
		return fold.Unreadable(r, i.key.ID, i.log, pos, m)
	}
	return m.Revoked || m.Counted && i.log.Revoked.Has(r, i.key.LogKey().Set(fold.SetRevoked), m.Ord)
}
