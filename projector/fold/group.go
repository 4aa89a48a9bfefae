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
	joined := false
	for _, user := range s.c.Users {
		k := Key{user, id}
		if s.Conversation(k) != nil {
			continue
		}
		if log == nil {
			log = new(Log)
		}
		c := &Conversation{Join: log.Head, JoinSeq: s.seq, Read: log.Head, ReadSeq: s.seq}
		s.changed(k, c, log)
		s.PutConversation(k, c)
		s.PutMember(g, user, s.seq)
		log.Members++
		joined = true
	}
	if !joined {
		s.ignore()
		return
	}
	if log.Members > log.Peak {
		log.Peak = max(log.Peak, s.present(g, log))
	}
	s.PutGroup(g, log)
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
		s.begin(&Sweep{Kind: SweepDismiss, Head: log.Head, Rows: log.Members})
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
		log.Members, log.Dismissed = 0, s.seq // those who have been erased are members no more
		s.PutGroup(g, log)
	}
}

// part ends one membership: the conversation and its count are gone at once.
func (s *step) part(k Key) {
	c, log := s.conversation(k), s.group(k.ID)
	s.dropPending(k, c)
	version := max(s.UserVersion(k.User), c.Version)
	if c.Listed(k, log) {
		s.left(k)
		version = s.seq
	}
	s.clearSets(k, c)
	s.DeleteConversation(k)
	s.DeleteMember(k.ID, k.User)
	s.SetUserVersion(k.User, version)
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
	users := s.others(false)
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
	log.Peak = max(log.Peak, s.present(g, log))
	s.PutGroup(g, log)
}

// leaveMany is leave for many.
func (s *step) leaveMany() {
	g := s.c.Inbox
	users := s.others(true)
	if len(users) == 0 {
		s.ignore()
		return
	}
	log := s.group(g)
	s.begin(&Sweep{Kind: SweepLeave, Users: users, Head: log.Head, Rows: uint64(len(users))})
	if log.Members < uint64(len(users)) {
		Break(GroupKey(g), "%d of %d members leave", len(users), log.Members)
	}
	log.Members -= uint64(len(users))
	s.PutGroup(g, log)
}

// others are those of the command's users who are members, or are not, sorted.
func (s *step) others(members bool) []string {
	users := slices.Clone(s.c.Users)
	slices.Sort(users)
	return s.Sift(s.c.Inbox, slices.Compact(users), members)
}
