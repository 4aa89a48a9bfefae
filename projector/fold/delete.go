package fold

import "slices"

// remove folds the dropping of a conversation from the list (rule delete).
func (s *step) remove() {
	k, c, log, ok := s.loadNamed()
	if !ok {
		return
	}
	if s.c.Upto != "" || s.c.HasUptoAt {
		s.removeUpto(k, c, log)
		return
	}
	if c == nil || !c.Listed(s, k, log) {
		s.ignoreUnknown(k, c)
		return
	}
	c.ReadAt, c.ReadSeq, c.ReadSet = 0, s.seq, false
	s.leaveList(k, c, log, log.Head)
}

// removeUpto drops what lies at or before a position. What lies after it stays, and
// so does the conversation if that would have brought it into the list. One that
// finds nothing to do, as a retry does, changes nothing at all.
func (s *step) removeUpto(k Key, c *Conversation, log *Log) {
	if c == nil || !c.Listed(s, k, log) {
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
	after := further(to, c.Cleared) // what was cleared keeps nothing in the list
	t := TallyOf(s, k, c, log)
	if stays := t.Live(further(after, log.Purged).Ord) > 0 || c.Sent > after.Pos; !stays {
		s.leaveList(k, c, log, to)
		return
	}
	if to.Pos <= s.floor(k, c) {
		s.ignore()
		return
	}
	was, from := s.shown(k, c, log), c.Read
	s.dropPending(k, c)
	s.pass(k, c, to)
	if s.show(k, c, log, was); c.Read != from {
		s.changed(k, c, log)
	}
	s.PutConversation(k, c)
}

// leaveList takes a conversation that is read up to a place off the list.
func (s *step) leaveList(k Key, c *Conversation, log *Log, to Cursor) {
	s.dropPending(k, c)
	c.Version = s.seq
	s.left(k)
	c.stir(s.seq, log)
	if slices.ContainsFunc(s.timelines(k, c), func(t *Timeline) bool { return t.Following || t.Left > 0 }) {
		c.Unfollowed = s.seq
	}
	told := s.toldTimelines(k, c)
	s.endTimelines(k, c)
	for _, t := range told {
		s.putTimeline(k, c, t)
	}
	s.pass(k, c, to)
	c.Acted = c.Acted || !c.acted(k)
	c.endCarried()
	c.Marked = false
	c.Acted = c.Acted || !c.acted(k)
	c.Deleted, c.DeletedAt = true, log.Head.Ord
	s.PutConversation(k, c)
}

// pass moves the read position forward without anybody having read.
func (s *step) pass(k Key, c *Conversation, to Cursor) {
	if to.Pos > c.Read.Pos {
		c.Marked = false
	}
	s.moveAll(k, c, Mark{Cursor: to, Seq: s.seq})
}
