package fold

import (
	"slices"

	"reddot/events"
)

// join folds new members (rule join). Members who are present stay as they
// are.
func (s *step) join() {
	if s.many() {
		s.joinMany()
		return
	}
	g := s.c.Inbox
	id := events.ConversationID{Kind: events.Group, ID: g}
	log := s.Group(g)
	n := 0
	for _, user := range s.c.Users {
		k := Key{user, id}
		if s.Conversation(k) != nil {
			continue
		}
		if log == nil {
			log = new(Log)
		}
		c := &Conversation{Join: log.Head, JoinSeq: s.seq, Read: log.Head, ReadSeq: s.seq, Moved: s.seq}
		s.changed(k, c, log)
		s.PutConversation(k, c)
		s.PutMember(g, user, joined(c))
		log.Members++
		n++
	}
	if n == 0 {
		s.ignore()
		return
	}
	s.countJoins(g, log, n)
	if log.Members > log.Peak {
		log.Peak = max(log.Peak, s.present(g, log))
	}
	s.PutGroup(g, log)
}

// countJoins enters new members into their group's tree.
func (s *step) countJoins(g string, log *Log, n int) {
	log.tree(g, TreeJoins, "").Add(s, Change{log.Head.Pos, int64(n)})
}

// leave folds members who are no longer (rule join).
func (s *step) leave() {
	if s.many() {
		s.leaveMany()
		return
	}
	left := false
	for _, user := range s.c.Users {
		k := Key{user, events.ConversationID{Kind: events.Group, ID: s.c.Inbox}}
		if s.Conversation(k) != nil {
			s.part(k)
			left = true
		}
	}
	if !left {
		s.ignore()
	}
}

// dismiss folds the end of a group. Its log stays, so that its message ids
// stay known (rule once).
func (s *step) dismiss() {
	g := s.c.Inbox
	log := s.Group(g)
	switch {
	case s.empty(g, log):
		s.ignore()
	case log.Members > s.Pace().Bulk || s.Sweeps().Of(g):
		s.begin(&Sweep{Kind: SweepDismiss, Head: log.Head, Era: log.Dismissed, Rows: log.Members})
		log = s.group(g)
		log.Members, log.Dismissed = 0, s.seq
		s.PutGroup(g, log)
	default:
		for _, user := range s.Members(g) {
			if k := (Key{user, GroupKey(g).ConversationID}); s.Conversation(k) != nil {
				s.part(k)
			}
		}
		log = s.group(g)
		s.uncount(g, log, erased(s, g, log)...)
		log.Members, log.Dismissed = 0, s.seq // those who have been erased are members no more
		s.PutGroup(g, log)
	}
}

// part ends one membership: the conversation and its count are gone at once.
func (s *step) part(k Key) {
	c, log := s.conversation(k), s.group(k.ID)
	s.dropPending(k, c)
	lost := max(s.Lost(k.User), c.Version)
	if c.Listed(s, k, log) {
		s.left(k)
		lost = s.seq
	}
	s.endTimelines(k, c)
	s.DeleteConversation(k)
	m := memberOf(s, k, c)
	s.uncount(k.ID, log, gone{k.User, m})
	s.forget(k.ID, k.User, m)
	s.SetLost(k.User, lost)
	less(&log.Members, GroupKey(k.ID), "its members")
	s.PutGroup(k.ID, log)
}

// many reports whether a membership command is left to be swept: one about many,
// or after one that is.
func (s *step) many() bool {
	return uint64(len(s.c.Users)) > s.Pace().Bulk || s.Sweeps().crowd(s.c.Inbox)
}

// joinMany is join for many.
func (s *step) joinMany() {
	g := s.c.Inbox
	var users []string
	for _, m := range s.memberships() {
		if m.Joined == 0 {
			users = append(users, m.user)
		}
	}
	if len(users) == 0 {
		s.ignore()
		return
	}
	log := s.Group(g)
	if log == nil {
		log = new(Log)
	}
	s.begin(&Sweep{Kind: SweepJoin, Users: users, Head: log.Head, Rows: uint64(len(users))})
	log.Members += uint64(len(users))
	s.countJoins(g, log, len(users))
	log.Peak = max(log.Peak, s.present(g, log))
	s.PutGroup(g, log)
}

// leaveMany is leave for many.
func (s *step) leaveMany() {
	g := s.c.Inbox
	members := slices.DeleteFunc(s.memberships(), func(m gone) bool { return m.Joined == 0 })
	if len(members) == 0 {
		s.ignore()
		return
	}
	users := make([]string, len(members))
	for i := range members {
		users[i] = members[i].user
	}
	log := s.group(g)
	s.begin(&Sweep{Kind: SweepLeave, Users: users, Head: log.Head, Rows: uint64(len(users))})
	if log.Members < uint64(len(users)) {
		Break(GroupKey(g), "%d of %d members leave", len(users), log.Members)
	}
	log.Members -= uint64(len(users))
	s.uncount(g, log, members...)
	s.PutGroup(g, log)
}

// memberships are those of the command's users, sorted; zero ones of who is no member.
func (s *step) memberships() []gone {
	users := slices.Clone(s.c.Users)
	slices.Sort(users)
	users = slices.Compact(users)
	all := make([]gone, len(users))
	for i, m := range s.Sift(s.c.Inbox, users) {
		all[i] = gone{users[i], m}
	}
	return all
}
