package fold

// muteThread folds muting and unmuting of a thread (rule thread-mute), one that is there:
// of another one, nothing is stored (rule thread-list).
func (s *step) muteThread() {
	k, c, log, ok := s.loadNamed()
	if !ok {
		return
	}
	if c == nil || !s.Thread(k.LogKey(), s.c.Thread).There() {
		s.ignore()
		return
	}
	t := s.timeline(k, c, s.c.Thread)
	if t.Muted == s.c.Muted {
		s.ignore()
		return
	}
	was := s.shown(k, c, log)
	t.Muted = s.c.Muted
	s.changedThread(k, c, t)
	s.putTimeline(k, c, t)
	s.show(k, c, log, was)
	s.PutConversation(k, c)
}
