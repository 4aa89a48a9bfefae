package fold

import "reddot/events"

// readBy says whose read moves a position, and when.
type readBy struct {
	at      events.Time
	seq     events.Seq
	private bool
	own     bool // by sending, under policy advance: no receipt
}

// readTo moves the read position forward and clears the mark. It reports
// whether anything changed (rule read-exact); the caller writes the row.
func (s *step) readTo(k Key, c *Conversation, log *Log, to Cursor, by readBy) bool {
	from := c.Read
	if to.Pos <= from.Pos && !c.Marked {
		return false
	}
	c.Marked = false
	if to.Pos > from.Pos {
		s.moveTo(k, c, to)
		c.ReadAt, c.ReadSeq, c.ReadSet = by.at, by.seq, true
		if !by.private && !by.own {
			s.receipt(k, c, from, by.at)
		}
	}
	s.changed(k, c, log)
	return true
}

// receipt tells a C2C peer that messages of theirs after from have been read
// (rule receipt).
func (s *step) receipt(k Key, c *Conversation, from Cursor, at events.Time) {
	if k.Kind != events.C2C {
		return
	}
	pos, id := c.Peer.Pos, c.Peer.ID
	if c.Read.Pos < pos {
		m := s.Message(k, c.Read.Pos)
		pos, id = c.Read.Pos, m.ID
		if m.From == k.User {
			if pos = m.PrevPeer; pos > from.Pos {
				id = s.Message(k, pos).ID
			}
		}
	}
	if pos <= from.Pos {
		return
	}
	c.Receipt = &Receipt{Upto: id, At: at, Seq: s.seq}
	s.fx.Receipts = append(s.fx.Receipts, k)
}

// read folds a user's read of one conversation.
func (s *step) read() {
	k := Key{s.c.Inbox, s.c.Conversation}
	c, log := s.load(k)
	if c == nil && k.Kind == events.Group {
		s.refuse(ReasonNotMember)
		return
	}
	if c == nil {
		c = new(Conversation)
		log = &c.Log
	}
	to, isRead := s.readTarget(k, c, log)
	if isRead && c.Exists(k) && s.readTo(k, c, log, to, readBy{at: s.at, seq: s.seq, private: s.c.Private}) {
		s.PutConversation(k, c)
		return
	}
	if c.Early != nil && c.Early.Seq == s.seq {
		s.PutConversation(k, c)
		return
	}
	s.ignore()
}

// readTarget finds how far a read goes, and keeps one up to an unknown
// message for later (rule read-early). It reports false if that is all the
// command asks for.
func (s *step) readTarget(k Key, c *Conversation, log *Log) (to Cursor, isRead bool) {
	if s.c.Upto == "" && !s.c.HasUptoAt {
		return log.Head, true
	}
	if s.c.Upto != "" {
		if i, _ := s.Index(k.LogKey(), s.c.Upto); i.Pos > 0 {
			to, isRead = Cursor{i.Pos, i.Ord}, true
		} else {
			s.keepEarly(k, c)
		}
	}
	if s.c.HasUptoAt {
		if t := s.notLater(k.LogKey(), log, c.Read.Pos, s.c.UptoAt); t.Pos > to.Pos {
			to = t
		}
		isRead = true
	}
	return to, isRead
}

// keepEarly remembers the read for when its message arrives; the newest
// command wins.
func (s *step) keepEarly(k Key, c *Conversation) {
	if c.Early == nil || c.Early.ID != s.c.Upto {
		s.dropEarly(k, c)
		if k.Kind == events.Group {
			s.PutWaiter(k.ID, s.c.Upto, k.User)
			i, _ := s.Index(k.LogKey(), s.c.Upto)
			i.Awaited++
			s.PutIndex(k.LogKey(), s.c.Upto, i)
		}
	}
	c.Early = &Early{ID: s.c.Upto, At: s.at, Seq: s.seq, Private: s.c.Private}
}

// notLater returns the cursor at the last message after floor whose time is
// not later than t, or the zero cursor (rule read-time). Times need not be in
// order: whole blocks whose least time is later are skipped.
func (s *step) notLater(lk Key, log *Log, floor Pos, t events.Time) Cursor {
	if log.Head.Pos > 0 && log.Last.At <= t {
		return log.Head
	}
	for p := log.Head.Pos; p > floor; {
		block := (uint64(p) - 1) / BlockSize
		least := log.BlockMin
		if block != (uint64(log.Head.Pos)-1)/BlockSize {
			least = s.TimeBlock(lk, block)
		}
		first := Pos(block*BlockSize) + 1
		if least <= t {
			for q := p; q >= first && q > floor; q-- {
				if m := s.Message(lk, q); m.At <= t {
					return Cursor{q, m.Ord}
				}
			}
		}
		p = first - 1
	}
	return Cursor{}
}

// readAll folds a read of every conversation in the list.
func (s *step) readAll() {
	read := false
	for _, k := range s.TakeUnread(s.c.Inbox, s.c.Kind) {
		c, log := s.load(k)
		if c == nil || !c.Listed(k, log) {
			continue
		}
		if s.readTo(k, c, log, log.Head, readBy{at: s.at, seq: s.seq, private: s.c.Private}) {
			s.PutConversation(k, c)
			read = true
		}
	}
	if !read {
		s.ignore()
	}
}
