package fold

import (
	"slices"

	"reddot/events"
)

// keepEarly remembers a read for when its message arrives (rule read-early). It
// reports whether that is anything new.
func (s *step) keepEarly(k Key, c *Conversation) bool {
	e := Early{ID: s.c.Upto, At: s.at, Seq: s.seq}
	if !s.c.Private {
		e.Open, e.OpenAt = true, s.at
	}
	c.Early = slices.Clone(c.Early)
	if i := c.early(e.ID); i >= 0 {
		known := &c.Early[i]
		if known.Open || !e.Open {
			return false
		}
		known.Open, known.OpenAt = true, e.OpenAt
		return true
	}
	if len(c.Early) == events.MaxEarlyReads {
		s.unwait(k, c.Early[0].ID)
		c.Early = slices.Delete(c.Early, 0, 1)
	}
	c.Early = append(c.Early, e)
	if k.Kind == events.Group {
		// An earlier membership that is not swept yet may await the same message: it
		// is buried before.
		s.PutConversation(k, c)
		s.PutWaiter(k.ID, e.ID, k.User)
		i, _ := s.Index(k.LogKey(), e.ID)
		i.Awaited++
		s.PutIndex(k.LogKey(), e.ID, i)
	}
	return true
}

// early finds the early read up to a message, -1 if there is none.
func (c *Conversation) early(id string) int {
	return slices.IndexFunc(c.Early, func(e Early) bool { return e.ID == id })
}

// arrived applies the reads that came before their message (rule read-early). The
// message is the newest of the log.
func (s *step) arrived(k Key, c *Conversation, log *Log, id string) {
	i := c.early(id)
	if i < 0 {
		return
	}
	e := c.Early[i]
	c.Early = slices.Delete(slices.Clone(c.Early), i, i+1)
	s.readTo(k, c, log, log.Head, readBy{at: e.At, seq: e.Seq, open: e.Open, openAt: e.OpenAt})
}

// dropEarly forgets all reads up to messages that have not arrived.
func (s *step) dropEarly(k Key, c *Conversation) {
	for _, e := range c.Early {
		s.unwait(k, e.ID)
	}
	c.Early = nil
}

// unwait says that a member of a group no longer awaits a message.
func (s *step) unwait(k Key, id string) {
	if k.Kind != events.Group {
		return
	}
	lk := k.LogKey()
	s.DeleteWaiter(k.ID, id, k.User)
	i, _ := s.Index(lk, id)
	if i.Pos > 0 {
		return // it has come since the membership ended
	}
	if less(&i.Awaited, k, "who awaits "+id); i.Awaited == 0 && !i.Revoked {
		s.DeleteIndex(lk, id)
	} else {
		s.PutIndex(lk, id, i)
	}
}
