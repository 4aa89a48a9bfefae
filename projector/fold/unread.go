package fold

// unread folds a user's "mark unread" (rule unread).
func (s *step) unread() {
	k, c, log, ok := s.loadNamed()
	if !ok {
		return
	}
	if c == nil || !c.Exists(k) {
		s.ignoreUnknown(k, c)
		return
	}
	to, mark := c.Read, s.c.From == ""
	if !mark {
		i, known := s.find(k, c, s.c.From)
		if !known || i.Pos <= c.Floor(log).Pos {
			s.refuse(ReasonNoMessage)
			return
		}
		to = i.Before()
		t := TallyOf(s, k, c, log)
		mark = t.from(to.Ord).Unread() == 0
	}
	had := len(c.PendingReads) > 0
	s.dropPending(k, c)
	if c.Listed(k, log) && (mark && c.Marked || !mark && to == c.Read && c.Carried == 0) {
		s.ignore()
		if had {
			s.PutConversation(k, c)
		}
		return
	}
	if mark {
		c.Marked = true
	} else {
		c.moveTo(to)
		c.ReadAt, c.ReadSeq, c.ReadSet = 0, s.seq, false
	}
	c.Deleted = false
	s.changed(k, c, log)
	s.PutConversation(k, c)
}

// alive is how many messages after a place have counted and were not recalled,
// the user's own in a group among them.
func (s *step) alive(k Key, log *Log, after Cursor) uint64 {
	lk := k.LogKey()
	after = further(after, log.Purged)
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
