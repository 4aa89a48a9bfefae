package twin

import (
	"slices"

	"reddot/events"
)

// readBy is a read: the command's seq and time, what it covers, and whether and with
// which time the peer is notified.
type readBy struct {
	seq     events.Seq
	at      events.Time
	thread  *string // the only timeline that it covers; nil: all
	whole   bool    // it has no position: everything before it is read
	private bool
	told    events.Time
	asked   bool // senders in groups may ask (rule seen)
}

func (m *Model) readBy(s step) readBy {
	by := readBy{seq: s.seq, at: s.at, private: s.Private, told: s.at, asked: m.asked()}
	if s.HasThread {
		by.thread = new(s.Thread)
	}
	return by
}

// asked reports whether anybody may ask who has read a group's messages.
func (m *Model) asked() bool { return m.receipts != events.ReceiptsOff }

// coversMain reports whether a read covers the main timeline.
func (by readBy) coversMain() bool { return by.thread == nil || *by.thread == "" }

// readTo reads the first `to` messages of the log, in the timelines that the read
// covers: never backward (rules read-exact, thread-read). now is the seq of the
// command being applied, which a pending read's own seq comes before. It reports
// whether anything changed and returns the receipts for the peer that are due.
func (v *view) readTo(to int, by readBy, now events.Seq) (changed bool, sent []events.Receipt) {
	if by.coversMain() {
		changed = v.marked
		v.marked = false
		if v.carried > 0 && (by.whole || to > 0) { // rule carried
			v.carried, v.carriedMentions = 0, 0
			changed = true
			if by.thread == nil {
				v.readAt, v.readSeq = by.at, by.seq
			}
		}
	}
	if by.thread == nil {
		changed = v.readEvery(to, by) || changed
	} else {
		changed = v.readOne(*by.thread, to, by) || changed
	}
	v.acted = v.acted || changed && by.coversMain()
	if r := v.tell(by, now); r != nil {
		sent = append(sent, *r)
	}
	return changed, sent
}

// readEvery moves the positions of the conversation and of all timelines.
func (v *view) readEvery(to int, by readBy) (moved bool) {
	if to > v.read {
		v.read, v.readAt, v.readSeq = to, by.at, by.seq
		moved = true
		if by.asked && !by.private && to > v.seen { // rule seen
			v.seen, v.seenAt = to, by.told
		}
	}
	return v.pull(to) || moved
}

// pull moves the timelines' own positions forward to a place.
func (v *view) pull(to int) (moved bool) {
	for _, t := range v.timelines {
		if t.own && t.read < to {
			t.read = to
			moved = true
		}
	}
	v.settle()
	return moved
}

// settle drops own positions that are those of all.
func (v *view) settle() {
	for thread, t := range v.timelines {
		t.own = t.own && t.read != v.common(thread)
	}
}

// readOne moves the position of one timeline (rule thread-read).
func (v *view) readOne(thread string, to int, by readBy) (moved bool) {
	if !v.moves(thread, to) {
		return false
	}
	t := v.timeline(thread)
	t.own, t.read = true, to
	if by.asked && !by.private && to > t.seen {
		t.seen, t.seenAt = to, by.told
	}
	v.settle()
	return true
}

// moves reports whether a read of one timeline up to a place moves its position: a
// thread's if there is a message of it between them that counts for anybody or shows as
// its last.
func (v *view) moves(thread string, to int) bool {
	last := v.chat.lastOf(thread)
	for i := v.pos(thread); i < to; i++ {
		m := &v.chat.log[i]
		if thread == "" || m.thread == thread && (i >= v.chat.purged && v.counted(m) && !m.revoked || i == last) {
			return true
		}
	}
	return false
}

// tell returns the receipt for the peer, if one is due (rule receipt): the position
// of the timelines that the read covers lies beyond the peer's newest message that
// one was ever sent for.
func (v *view) tell(by readBy, now events.Seq) (sent *events.Receipt) {
	if by.private || v.name.Kind != events.C2C || v.name.ID == v.user {
		return nil
	}
	from, to := v.told, v.read
	if by.thread != nil {
		from, to = max(v.told, v.of(*by.thread).told), v.pos(*by.thread)
	}
	for i := from; i < to; i++ {
		m := &v.chat.log[i]
		if v.own(m) || by.thread != nil && m.thread != *by.thread {
			continue
		}
		sent = &events.Receipt{
			User: v.name.ID, Peer: v.user,
			Conversation: events.ConversationID{Kind: events.C2C, ID: v.user}.String(),
			Version:      now, Upto: m.id, At: by.told,
		}
		if by.thread == nil {
			v.told, v.receipt = i+1, sent
		} else {
			sent.Thread = *by.thread
			t := v.timeline(*by.thread)
			t.told, t.receipt = i+1, sent
		}
	}
	return sent
}

// upto returns how many messages of the log a position names (rules read-exact,
// read-time), or false if it names none.
func (v *view) upto(s step) (to int, named bool) {
	if i := v.find(s.Upto); i >= 0 {
		to, named = i+1, true
	}
	if s.HasUptoAt {
		named = true
		to = max(to, v.chat.lastBy(func(m *message) bool { return m.at <= s.UptoAt }))
	}
	return to, named
}

// read marks a conversation read, or one timeline of it, up to where the command
// says.
func (m *Model) read(s step, v *view) Result {
	to, now := v.upto(s) // now: the read does something at once
	by := m.readBy(s)
	if s.Upto == "" && !s.HasUptoAt {
		to, now, by.whole = len(v.chat.log), true, true
	}
	r := Result{Ignored: true}
	if s.Upto != "" && v.yetToCome(s.Upto) && v.keepPending(s, by.thread) {
		r.Ignored = false
	}
	if now {
		v.readNow(s, to, by, &r)
	}
	return r
}

// readNow reads the first `to` messages and enters what came of it.
func (v *view) readNow(s step, to int, by readBy, r *Result) {
	changed, sent := v.readTo(to, by, s.seq)
	r.Receipts = append(r.Receipts, sent...)
	r.Ignored = r.Ignored && !changed && len(sent) == 0
}

// keepPending remembers a read up to a message that has not come (rule read-early).
// It reports whether that is anything new.
func (v *view) keepPending(s step, thread *string) bool {
	for i := range v.pending {
		e := &v.pending[i]
		if e.upto != s.Upto || !sameTimeline(e.thread, thread) {
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
	e := pendingRead{upto: s.Upto, thread: thread, at: s.at, seq: s.seq}
	if !s.Private {
		e.open, e.openAt = true, s.at
	}
	v.pending = append(v.pending, e)
	return true
}

func sameTimeline(a, b *string) bool {
	return a == b || a != nil && b != nil && *a == *b
}

// readAll reads every conversation in the list, of one kind or of both, or every
// thread of each.
func (m *Model) readAll(s step) Result {
	r := Result{Ignored: true}
	for _, v := range m.views(s.Inbox) {
		if !v.inList() || s.Kind != events.NoKind && s.Kind != v.name.Kind {
			continue
		}
		by := m.readBy(s)
		to := len(v.chat.log)
		if s.HasUptoAt {
			to, _ = v.upto(s)
		} else {
			by.whole = true
		}
		if !s.Threads {
			v.readNow(s, to, by, &r)
			continue
		}
		v.readThreads(s, to, by, &r)
	}
	return r
}

// readThreads reads every thread, those that are yet to come too, if that moves any.
func (v *view) readThreads(s step, to int, by readBy, r *Result) {
	threads := v.chat.threads()
	if slices.ContainsFunc(threads, func(thread string) bool { return v.moves(thread, to) }) {
		r.Ignored = false
		for _, thread := range threads {
			// A thread is read if its newest message that shows is unread: hidden ones
			// after that get their receipt with the next read of it.
			if at := v.pos(thread); at < to && at <= v.chat.lastOf(thread) && by.asked && !by.private && to > v.of(thread).seen {
				t := v.timeline(thread)
				t.seen, t.seenAt = to, by.told
			}
		}
		for thread, t := range v.timelines {
			if thread != "" && t.own {
				t.read = max(t.read, to)
			}
		}
		v.threadsRead = max(v.threadsRead, to)
		v.settle()
	}
	for _, thread := range threads {
		if v.chat.lastOf(thread) < v.told { // the peer was told of all that shows
			continue
		}
		by.thread = &thread
		if sent := v.tell(by, s.seq); sent != nil {
			r.Receipts = append(r.Receipts, *sent)
			r.Ignored = false
		}
	}
}
