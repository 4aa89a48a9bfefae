package fold

// unread folds a user's "mark unread" (rule unread), of the conversation or of one
// timeline (rule thread-unread).
func (s *step) unread() {
	k, c, log, ok := s.loadNamed()
	if !ok {
		return
	}
	if c == nil || !c.Exists(k) {
		s.ignoreUnknown(k, c)
		return
	}
	to, mark, one := c.Read, s.c.From == "", s.c.HasThread && s.c.From != ""
	if !mark {
		i, known := s.find(k, c, s.c.From)
		if !known || i.Pos <= c.Floor(log).Pos {
			s.refuse(ReasonNoMessage)
			return
		}
		to = i.Before()
		t := TallyOf(s, k, c, log)
		mark = one && t.behind(s.c.Thread, to.Ord) == 0 || !one && t.behindAll(to.Ord) == 0
	}
	was, listed := s.shown(k, c, log), c.Listed(s, k, log)
	had := len(c.PendingReads) > 0
	s.dropPending(k, c)
	moves := false
	switch at := (Mark{Cursor: to, Seq: s.seq}); {
	case mark:
		moves = !c.Marked
		c.Marked = true
	case one:
		moves = s.unreadTimeline(k, c, log, s.c.Thread, at)
	default:
		from := c.Read
		if moves = s.setAll(k, c, at); from != c.Read {
			s.changed(k, c, log) // also where nothing but the position shows
		} else if moves || !listed {
			c.Acted = c.Acted || !c.acted(k)
		}
	}
	if listed && !moves {
		s.ignore()
		if had {
			s.PutConversation(k, c)
		}
		return
	}
	c.Deleted = false
	if mark {
		s.changed(k, c, log)
	}
	s.show(k, c, log, was)
	s.PutConversation(k, c)
}

// unreadTimeline sets a timeline's position, and has the user follow the thread from
// there on (rules thread-unread, follow). It reports whether that changes anything.
func (s *step) unreadTimeline(k Key, c *Conversation, log *Log, thread string, to Mark) bool {
	t := s.timeline(k, c, thread)
	follows := thread == "" || t.Following && t.From <= to.Ord
	if carried := thread == "" && c.Carried > 0; follows && !carried && c.Position(thread, t).Pos == to.Pos {
		return false
	}
	moves, was := c.Position(thread, t).Pos != to.Pos, s.unreadOf(k, c, log, thread)
	t.moveTo(c, to)
	c.Acted = c.Acted || !c.acted(k)
	switch {
	case thread == "":
		c.endCarried()
	case !t.Following:
		s.setFollowing(k, c, log, t, true, to.Ord)
	default:
		t.From = min(t.From, to.Ord)
	}
	s.putTimeline(k, c, t)
	if moves || s.unreadOf(k, c, log, thread) != was {
		s.changedThread(k, c, t)
		s.putTimeline(k, c, t)
	}
	return true
}

// unreadOf counts a timeline, as its rows are now.
func (s *step) unreadOf(k Key, c *Conversation, log *Log, timeline string) uint64 {
	t := TallyOf(s, k, c, log)
	n, _ := t.Thread(timeline)
	return n
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
