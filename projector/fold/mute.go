package fold

// mute folds muting and unmuting (rule mute).
func (s *step) mute() {
	k, c, log, ok := s.loadNamed()
	if !ok {
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
