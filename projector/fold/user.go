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
	listed := c.Listed(k, log)
	to := c.Read
	if s.c.From != "" {
		i, _ := s.Index(k.LogKey(), s.c.From)
		if i.Pos == 0 {
			s.refuse(ReasonNoMessage)
			return
		}
		if to = i.Before(); to.Pos < c.Join.Pos {
			to = c.Join
		}
	}
	early := c.Early != nil
	s.dropEarly(k, c)
	if listed && to == c.Read && (s.c.From != "" || c.Marked) {
		s.ignore()
		if early {
			s.PutConversation(k, c)
		}
		return
	}
	if s.c.From == "" {
		c.Marked = true
	} else {
		s.moveTo(k, c, to)
		c.ReadAt, c.ReadSeq, c.ReadSet = 0, s.seq, false
	}
	c.Hidden = false
	s.changed(k, c, log)
	s.PutConversation(k, c)
}

// ignoreUnknown ignores a command on a C2C conversation that has no message
// yet; an early read kept for it is dropped.
func (s *step) ignoreUnknown(k Key, c *Conversation) {
	s.ignore()
	if c != nil && c.Early != nil {
		s.dropEarly(k, c)
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
	if c == nil || !c.Listed(k, log) {
		s.ignoreUnknown(k, c)
		return
	}
	s.dropEarly(k, c)
	c.Version = s.seq
	s.left(k)
	s.moveTo(k, c, log.Head)
	c.ReadAt, c.ReadSeq, c.ReadSet = 0, s.seq, false
	c.Marked = false
	c.Hidden, c.HiddenAt = true, log.Head.Ord
	s.PutConversation(k, c)
}

// erase forgets a user: the inbox, the memberships, the read positions. The
// version stays, so that it never goes backward.
func (s *step) erase() {
	user := s.c.Inbox
	keys := s.Conversations(user)
	for _, k := range keys {
		if k.Kind == events.Group {
			s.part(k)
		} else if c := s.Conversation(k); c.Listed(k, &c.Log) {
			s.left(k)
		}
	}
	if !s.EraseInbox(user) && len(keys) == 0 {
		s.ignore()
		return
	}
	s.SetUserVersion(user, s.seq)
}
