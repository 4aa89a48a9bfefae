package twin

import (
	"reddot/events"
)

// readBy is a read: the command's seq and time, and whether the peer is told.
type readBy struct {
	seq     events.Seq
	at      events.Time
	private bool
}

// readTo reads the first `to` messages of the log: never backward (rule
// read-exact). It clears the mark. now is the seq of the command being
// applied, which an early read's own seq comes before. It tells whether
// anything changed and returns the receipt for the peer, if one is due.
func (v *view) readTo(to int, by readBy, now events.Seq) (changed bool, sent *events.Receipt) {
	changed = v.marked
	v.marked = false
	if to <= v.read {
		return changed, nil
	}
	old := v.read
	v.read, v.readAt, v.readSeq = to, by.at, by.seq
	if by.private || v.name.Kind != events.C2C || v.name.ID == v.user {
		return true, nil
	}
	for i := old; i < to; i++ { // rule receipt: past at least one of the peer's
		if m := &v.chat.log[i]; !v.own(m) {
			sent = &events.Receipt{
				User: v.name.ID, Peer: v.user,
				Conversation: events.ConversationID{Kind: events.C2C, ID: v.user}.String(),
				Version:      now, Upto: m.id, At: by.at,
			}
		}
	}
	if sent != nil {
		v.receipt = sent
	}
	return true, sent
}

// read marks a conversation read, up to where the command says.
func (m *Model) read(s step, v *view) Result {
	to, now := 0, false // now: the read does something at once
	if s.Upto == "" && !s.HasUptoAt {
		to, now = len(v.chat.log), true
	}
	if s.Upto != "" {
		if i := v.chat.find(s.Upto); i >= 0 {
			to, now = max(to, i+1), true // rule read-exact
		}
	}
	if s.HasUptoAt {
		now = true
		for i := range v.chat.log { // rule read-time
			if v.chat.log[i].at <= s.UptoAt {
				to = max(to, i+1)
			}
		}
	}
	changed := false
	if s.Upto != "" && v.chat.find(s.Upto) < 0 { // rule read-early
		v.early = &earlyRead{upto: s.Upto, at: s.at, seq: s.seq, private: s.Private}
		changed = true
	}
	var r Result
	if now {
		did, sent := v.readTo(to, readBy{seq: s.seq, at: s.at, private: s.Private}, s.seq)
		if did {
			m.touch(v, s.seq)
			changed = true
		}
		if sent != nil {
			r.Receipts = append(r.Receipts, *sent)
		}
	}
	r.Ignored = !changed
	return r
}

// readAll reads every conversation in the list, of one kind or of both.
func (m *Model) readAll(s step) Result {
	r := Result{Ignored: true}
	for _, v := range m.views(s.Inbox) {
		if !v.listed || s.Kind != events.NoKind && s.Kind != v.name.Kind {
			continue
		}
		did, sent := v.readTo(len(v.chat.log), readBy{seq: s.seq, at: s.at, private: s.Private}, s.seq)
		if did {
			m.touch(v, s.seq)
			r.Ignored = false
		}
		if sent != nil {
			r.Receipts = append(r.Receipts, *sent)
		}
	}
	return r
}

// unread marks a conversation unread (rule unread): from a message on, or
// with the mark only.
func (m *Model) unread(s step, v *view) Result {
	if v.name.Kind == events.C2C && len(v.chat.log) == 0 {
		v.early = nil
		return ignoredUnless(false) // rule stranger: there is no such conversation yet
	}
	if s.From == "" {
		v.early = nil
		if v.marked && v.listed {
			return ignoredUnless(false)
		}
		v.marked, v.listed = true, true
		m.touch(v, s.seq)
		return ignoredUnless(true)
	}
	i := v.chat.find(s.From)
	if i < 0 {
		return refused(noMessage) // rule stranger
	}
	v.early = nil
	to := max(i, v.joined) // rule join: history is not unread
	if v.read == to && v.listed {
		return ignoredUnless(false)
	}
	v.read, v.readAt, v.readSeq = to, 0, s.seq
	v.listed = true
	m.touch(v, s.seq)
	return ignoredUnless(true)
}

// mute keeps a conversation out of the totals, or lets it in again.
func (m *Model) mute(s step, v *view) Result {
	if v.muted == s.Muted {
		return ignoredUnless(false)
	}
	v.muted = s.Muted
	if v.listed {
		m.touch(v, s.seq)
	}
	return ignoredUnless(true)
}

// delete takes a conversation off the list (rule delete).
func (m *Model) delete(s step, v *view) Result {
	v.early = nil
	if !v.listed {
		return ignoredUnless(false)
	}
	m.touch(v, s.seq)
	v.listed, v.marked = false, false
	v.read, v.readAt, v.readSeq = len(v.chat.log), 0, s.seq
	return ignoredUnless(true)
}
