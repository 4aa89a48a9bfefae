package fold

import "reddot/events"

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
