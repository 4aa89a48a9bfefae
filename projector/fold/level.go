package fold

import "reddot/events"

// mute folds muting and unmuting (rule mute): a muted conversation is one at level
// none.
func (s *step) mute() {
	if s.c.Thread != "" {
		s.muteThread()
	} else if s.c.Muted {
		s.setLevel(events.LevelNone)
	} else {
		s.setLevel(events.LevelAll)
	}
}

// setLevel folds what a conversation puts into the totals from here on (rule level).
func (s *step) setLevel(to events.Level) {
	k, c, log, ok := s.loadNamed()
	if !ok {
		return
	}
	if c == nil {
		c = NewC2C()
		log = c.Log
	}
	if to == events.LevelAll {
		to = events.NoLevel
	}
	if c.Level == to {
		s.ignore()
		return
	}
	c.Level = to
	s.changed(k, c, log)
	s.putOrDrop(k, c)
}
