package fold

// erase forgets a user: the inbox, the memberships, the read positions. The
// version stays, so that it never goes backward.
func (s *step) erase() {
	user := s.c.Inbox
	if !s.Anything(user) {
		s.ignore()
		return
	}
	set := s.Settings(user)
	s.begin(&Sweep{Kind: SweepErase, Era: s.Era(user), Blocked: set.Blocked})
	s.SetErased(user, s.seq)
	if len(set.Filters) > 0 {
		s.setSettings(user, &Settings{Filtered: s.seq})
	}
}
