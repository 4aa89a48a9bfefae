package fold

import (
	"slices"

	"reddot/events"
)

// groupMessage folds a message in a group (rules count, once). It writes the group's rows, the
// sender's, the named members' and those of members who have read up to it
// already; a group's size costs nothing.
func (s *step) groupMessage() {
	g := s.c.Inbox
	lk := GroupKey(g)
	known, ok := s.Index(lk, s.c.ID)
	if ok && known.Pos > 0 {
		s.again(lk, known.Pos, s.c.From)
		return
	}
	if ok {
		s.DeleteIndex(lk, s.c.ID)
	}
	log := s.Group(g)
	if log == nil {
		log = new(Log)
	}
	m := s.newMessage(s.c.From, known)
	m.All, m.Mentions = s.c.MentionAll, slices.Clone(s.c.Mentions)
	s.append(lk, log, &m)
	s.want(g, log.Head.Pos, &m)
	if !m.Hidden {
		log.changedForAll(s.seq)
		s.fx.Groups = append(s.fx.Groups, g)
	}
	if m.Counted && m.All { // rule mention
		log.All.Add(s, lk.Set(SetAll), m.Ord)
	}
	s.fx.Unheard = s.empty(g, log)
	s.PutGroup(g, log)
	sk := Key{m.From, lk.ConversationID}
	if m.Counted {
		s.countOwn(sk, &m)
	}
	if !m.Hidden {
		s.mention(log, &m)
	}
	if known.Awaited > 0 {
		s.awaited(g, log, m.ID)
	}
	if sender := s.Conversation(sk); sender != nil && s.advance(sk, sender, log, &m) {
		s.PutConversation(sk, sender)
	}
}

// mention counts a message for the members it names (rule mention), who are notified
// whatever the group's size (rule named). A message to all counts for all
// already.
func (s *step) mention(log *Log, m *Message) {
	for _, user := range m.Mentions {
		k := Key{user, events.ConversationID{Kind: events.Group, ID: s.c.Inbox}}
		c := s.Conversation(k)
		if c == nil || user == m.From || c.Version == s.seq { // or it names the user twice
			continue
		}
		if m.Counted && !m.All {
			c.Named.Add(s, k.Set(SetNamed), m.Ord)
		}
		s.changed(k, c, log)
		s.PutConversation(k, c)
	}
}
