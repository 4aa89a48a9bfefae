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
	if c.Listed(s, k, log) && (mark && c.Marked || !mark && to == c.Read && c.Carried == 0) {
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

// ignoreUnknown ignores a command on a C2C conversation that has no message
// yet; a pending read kept for it is dropped.
func (s *step) ignoreUnknown(k Key, c *Conversation) {
	s.ignore()
	if c != nil && len(c.PendingReads) > 0 {
		s.dropPending(k, c)
		s.putOrDrop(k, c)
	}
}
