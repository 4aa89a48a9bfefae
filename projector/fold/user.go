package fold

import "reddot/events"

// unread folds a user's "mark unread" (rule unread).
func (s *step) unread() {
	k := Key{s.c.Inbox, s.c.Conversation}
	c, log := s.load(k)
	if c == nil && k.Kind == events.Group {
		s.refuse(ReasonNotMember)
		return
	}
	if c == nil || !c.Exists(k) {
		s.ignoreUnknown(k, c)
		return
	}
	to, mark := c.Read, s.c.From == ""
	if !mark {
		i, known := s.find(k, c, s.c.From)
		if !known {
			s.refuse(ReasonNoMessage)
			return
		}
		to = i.Before()
		mark = !s.counts(k, c, log, to)
	}
	had := len(c.PendingReads) > 0
	s.dropPending(k, c)
	if c.Listed(k, log) && (mark && c.Marked || !mark && to == c.Read) {
		s.ignore()
		if had {
			s.PutConversation(k, c)
		}
		return
	}
	if mark {
		c.Marked = true
	} else {
		s.moveTo(k, c, to)
		c.ReadAt, c.ReadSeq, c.ReadSet = 0, s.seq, false
	}
	c.Deleted = false
	s.changed(k, c, log)
	s.PutConversation(k, c)
}

// counts reports whether any message after a place counts for the user.
func (s *step) counts(k Key, c *Conversation, log *Log, after Cursor) bool {
	own := c.Own.CountAfter(s, k.Set(SetOwn), after.Ord)
	return s.alive(k, log, after) > own
}

// alive is how many messages after a place have counted and were not recalled,
// the user's own in a group among them.
func (s *step) alive(k Key, log *Log, after Cursor) uint64 {
	lk := k.LogKey()
	n, off := uint64(log.Head.Ord-after.Ord), log.Revoked.CountAfter(s, lk.Set(SetRevoked), after.Ord)
	if log.Head.Ord < after.Ord || n < off {
		Break(lk, "%d messages were recalled after ordinal %d of %d", off, after.Ord, log.Head.Ord)
	}
	return n - off
}

// ignoreUnknown ignores a command on a C2C conversation that has no message
// yet; a pending read kept for it is dropped.
func (s *step) ignoreUnknown(k Key, c *Conversation) {
	s.ignore()
	if c != nil && len(c.PendingReads) > 0 {
		s.dropPending(k, c)
		s.putOrDrop(k, c)
	}
}

// mute folds muting and unmuting (rule mute).
func (s *step) mute() {
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
	if c.Muted == s.c.Muted {
		s.ignore()
		return
	}
	c.Muted = s.c.Muted
	s.changed(k, c, log)
	s.putOrDrop(k, c)
}

// remove folds the dropping of a conversation from the list (rule delete).
func (s *step) remove() {
	k := Key{s.c.Inbox, s.c.Conversation}
	c, log := s.load(k)
	if c == nil && k.Kind == events.Group {
		s.refuse(ReasonNotMember)
		return
	}
	if s.c.Upto != "" || s.c.HasUptoAt {
		s.removeUpto(k, c, log)
		return
	}
	if c == nil || !c.Listed(k, log) {
		s.ignoreUnknown(k, c)
		return
	}
	s.moveTo(k, c, log.Head)
	c.ReadAt, c.ReadSeq, c.ReadSet = 0, s.seq, false
	s.leaveList(k, c, log, log.Head)
}

// removeUpto drops what lies at or before a position. What lies after it stays, and
// so does the conversation if that would have brought it into the list. One that
// finds nothing to do, as a retry does, changes nothing at all.
func (s *step) removeUpto(k Key, c *Conversation, log *Log) {
	if c == nil || !c.Listed(k, log) {
		s.ignore()
		return
	}
	p := s.position(k, c, log, c.Join.Pos)
	if !p.named {
		s.ignore()
		return
	}
	to := p.Cursor
	if to.Pos < c.Join.Pos {
		to = c.Join
	}
	switch stays := s.alive(k, log, to) > 0 || c.Sent > to.Pos; {
	case !stays:
		s.leaveList(k, c, log, to)
	case to.Pos <= c.Read.Pos:
		s.ignore()
	default:
		s.dropPending(k, c)
		s.pass(k, c, to)
		s.changed(k, c, log)
		s.PutConversation(k, c)
	}
}

// leaveList takes a conversation that is read up to a place off the list.
func (s *step) leaveList(k Key, c *Conversation, log *Log, to Cursor) {
	s.dropPending(k, c)
	c.Version = s.seq
	s.left(k)
	s.pass(k, c, to)
	c.Marked = false
	c.Deleted, c.DeletedAt = true, log.Head.Ord
	s.PutConversation(k, c)
}

// pass moves the read position forward without anybody having read.
func (s *step) pass(k Key, c *Conversation, to Cursor) {
	if to.Pos <= c.Read.Pos {
		return
	}
	s.moveTo(k, c, to)
	c.ReadAt, c.ReadSeq, c.ReadSet = 0, s.seq, false
	c.Marked = false
}

// erase forgets a user: the inbox, the memberships, the read positions. The
// version stays, so that it never goes backward.
func (s *step) erase() {
	user := s.c.Inbox
	if !s.Anything(user) {
		s.ignore()
		return
	}
	s.begin(&Sweep{Kind: SweepErase, Era: s.Era(user)})
	s.SetErased(user, s.seq)
}
