package fold

// clear ends a user's history of a conversation up to a place (rule clear): what lies
// there counts no more, and can't be marked unread. The conversation stays in the list.
func (s *step) clear() {
	k, c, log, ok := s.loadNamed()
	if !ok {
		return
	}
	if c == nil || !c.Exists(k) {
		s.ignore()
		return
	}
	to, whole := log.Head, s.c.Before == ""
	if !whole {
		i, known := s.find(k, c, s.c.Before)
		if !known {
			s.refuse(ReasonNoMessage)
			return
		}
		to = i.Before()
	}
	floor, was := c.Floor(log), s.shown(k, c, log)
	shows := to.Pos > c.Read.Pos || whole && c.Marked
	if to.Pos <= c.Cleared.Pos && c.Carried == 0 && !shows {
		s.ignore()
		return
	}
	if to.Pos > c.Cleared.Pos {
		if log.OfThreads().Order > 0 { // what is last in a thread may not show any more
			c.ClearSeq = s.seq
			s.lastsGone(k, c, log, floor, to)
		}
		c.Cleared = to
	}
	s.pass(k, c, to)
	c.endCarried()
	if whole {
		c.Marked = false
	}
	s.show(k, c, log, was) // what shows to the others from here on may not show here
	if shows || log.Last.Pos > floor.Pos && log.Last.Pos <= to.Pos {
		s.changed(k, c, log)
	}
	s.PutConversation(k, c)
}

// lastsGone notes of which threads that the user follows the last message lies between two
// places, so that it does not show any more. One that was purged before has shown that: its
// version stays.
func (s *step) lastsGone(k Key, c *Conversation, log *Log, after, upto Cursor) {
	for _, t := range s.timelines(k, c) {
		if !t.Following {
			continue
		}
		h := s.Thread(k.LogKey(), t.Thread)
		switch {
		case h == nil || h.Last.Pos <= c.Cleared.Pos || h.Last.Pos > upto.Pos:
			continue
		case h.Last.Pos > after.Pos:
			s.changedThread(k, c, t)
		default:
			t.Version = max(t.Version, TimelineVersion(s, k, c, log, t.Thread, t, h))
		}
		s.putTimeline(k, c, t)
	}
}
