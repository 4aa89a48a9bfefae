package twin

import (
	"slices"

	"reddot/events"
)

// readBy is a read: the command's seq and time, and whether and with which time
// the peer is notified.
type readBy struct {
	seq     events.Seq
	at      events.Time
	private bool
	told    events.Time
}

func (s step) read() readBy { return readBy{seq: s.seq, at: s.at, private: s.Private, told: s.at} }

// readTo reads the first `to` messages of the log: never backward (rule
// read-exact). It clears the mark. now is the seq of the command being
// applied, which a pending read's own seq comes before. It reports whether
// anything changed and returns the receipt for the peer, if one is due.
func (v *view) readTo(to int, by readBy, now events.Seq) (changed bool, sent *events.Receipt) {
	changed = v.marked
	v.marked = false
	if to > v.read {
		v.read, v.readAt, v.readSeq = to, by.at, by.seq
		changed = true
	}
	if by.private || v.name.Kind != events.C2C || v.name.ID == v.user {
		return changed, nil
	}
	for i := v.told; i < v.read; i++ { // rule receipt: beyond what the peer was ever notified of
		if m := &v.chat.log[i]; !v.own(m) {
			v.told = i + 1
			sent = &events.Receipt{
				User: v.name.ID, Peer: v.user,
				Conversation: events.ConversationID{Kind: events.C2C, ID: v.user}.String(),
				Version:      now, Upto: m.id, At: by.told,
			}
		}
	}
	if sent != nil {
		v.receipt = sent
	}
	return changed, sent
}

// upto returns how many messages of the log a position names (rules read-exact,
// read-time), or false if it names none.
func (v *view) upto(s step) (to int, named bool) {
	if i := v.find(s.Upto); i >= 0 {
		to, named = i+1, true
	}
	if s.HasUptoAt {
		named = true
		for i := range v.chat.log {
			if v.chat.log[i].at <= s.UptoAt {
				to = max(to, i+1)
			}
		}
	}
	return to, named
}

// read marks a conversation read, up to where the command says.
func (m *Model) read(s step, v *view) Result {
	to, now := v.upto(s) // now: the read does something at once
	if s.Upto == "" && !s.HasUptoAt {
		to, now = len(v.chat.log), true
	}
	r := Result{Ignored: true}
	if s.Upto != "" && v.yetToCome(s.Upto) && v.keepPending(s) {
		r.Ignored = false
	}
	if now {
		m.readNow(s, v, to, &r)
	}
	return r
}

// readNow reads the first `to` messages and enters what came of it.
func (m *Model) readNow(s step, v *view, to int, r *Result) {
	changed, sent := v.readTo(to, s.read(), s.seq)
	if changed {
		m.touch(v, s.seq)
		r.Ignored = false
	}
	if sent != nil {
		r.Receipts = append(r.Receipts, *sent)
		r.Ignored = false
	}
}

// keepPending remembers a read up to a message that has not come (rule read-early).
// It reports whether that is anything new.
func (v *view) keepPending(s step) bool {
	for i := range v.pending {
		e := &v.pending[i]
		if e.upto != s.Upto {
			continue
		}
		if e.open || s.Private {
			return false
		}
		e.open, e.openAt = true, s.at
		return true
	}
	if len(v.pending) == events.MaxPendingReads {
		v.pending = slices.Delete(v.pending, 0, 1)
	}
	e := pendingRead{upto: s.Upto, at: s.at, seq: s.seq}
	if !s.Private {
		e.open, e.openAt = true, s.at
	}
	v.pending = append(v.pending, e)
	return true
}

// readAll reads every conversation in the list, of one kind or of both.
func (m *Model) readAll(s step) Result {
	r := Result{Ignored: true}
	for _, v := range m.views(s.Inbox) {
		if !v.listed || s.Kind != events.NoKind && s.Kind != v.name.Kind {
			continue
		}
		to := len(v.chat.log)
		if s.HasUptoAt {
			to, _ = v.upto(s)
		}
		m.readNow(s, v, to, &r)
	}
	return r
}

// unread marks a conversation unread (rule unread): from a message on, or
// with the mark only.
func (m *Model) unread(s step, v *view) Result {
	if !v.exists() {
		v.pending = nil
		return ignoredUnless(false) // rule stranger: there is no such conversation yet
	}
	from := v.find(s.From)
	if s.From != "" && from < 0 {
		return refused(noMessage) // rules stranger, join
	}
	v.pending = nil
	if s.From == "" || len(v.countFrom(from)) == 0 {
		if v.marked && v.listed {
			return ignoredUnless(false)
		}
		v.marked, v.listed = true, true
		m.touch(v, s.seq)
		return ignoredUnless(true)
	}
	if v.read == from && v.listed {
		return ignoredUnless(false)
	}
	v.read, v.readAt, v.readSeq = from, 0, s.seq
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
	if s.Upto != "" || s.HasUptoAt {
		return m.deleteUpto(s, v)
	}
	v.pending = nil
	if !v.listed {
		return ignoredUnless(false)
	}
	m.touch(v, s.seq)
	v.listed, v.marked = false, false
	v.read, v.readAt, v.readSeq = len(v.chat.log), 0, s.seq
	return ignoredUnless(true)
}

// deleteUpto drops a conversation up to a position (rule delete): what lies after
// it stays, and keeps the conversation in the list if any of it would have brought
// it there. One that finds nothing to do, as a retry does, changes nothing at all.
func (m *Model) deleteUpto(s step, v *view) Result {
	to, named := v.upto(s)
	if !named || !v.listed {
		return ignoredUnless(false)
	}
	to = max(to, v.joined)
	stays := slices.ContainsFunc(v.chat.log[to:], func(msg message) bool { return !msg.quiet() && !msg.revoked })
	if stays && to <= v.read {
		return ignoredUnless(false)
	}
	m.touch(v, s.seq)
	v.pending = nil
	if to > v.read {
		v.marked = false
		v.read, v.readAt, v.readSeq = to, 0, s.seq
	}
	if !stays {
		v.listed, v.marked = false, false
	}
	return ignoredUnless(true)
}
