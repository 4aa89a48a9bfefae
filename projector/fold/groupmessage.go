package fold

import (
	"slices"

	"reddot/events"
)

// groupMessage folds a message in a group. It writes the group's rows, the
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
	if !m.Hidden {
		log.Version, log.Recalls = s.seq, nil
		s.fx.Groups = append(s.fx.Groups, g)
	}
	if m.Counted && m.All { // rule mention
		log.All.Add(s, lk.Set(SetAll), m.Ord)
	}
	s.fx.Unheard = s.empty(g, log)
	s.PutGroup(g, log)
	// Count first: a read moves past what is counted.
	sk := Key{m.From, lk.ConversationID}
	sender := s.Conversation(sk)
	if m.Counted {
		s.countOwn(sk, sender, &m)
	}
	if !m.Hidden {
		s.mention(log, &m)
	}
	if known.Awaited > 0 {
		s.awaited(log, m.ID)
	}
	if sender != nil {
		s.advance(sk, sender, log, &m)
		s.PutConversation(sk, sender)
	}
}

// awaited applies the reads of the members who have read up to a message before it
// came (rule read-early).
func (s *step) awaited(log *Log, id string) {
	g := s.c.Inbox
	for _, user := range s.PendingReaders(g, id) {
		k := Key{user, GroupKey(g).ConversationID}
		s.DeletePendingReader(g, id, user)
		c := s.Conversation(k)
		if s.Sweeps().concerns(k) && (c == nil || c.pending(id) < 0) {
			continue // who waited is a member no more
		}
		c = s.conversation(k)
		s.arrived(k, c, log, id)
		s.PutConversation(k, c)
		if c.Listed(k, log) {
			s.fx.Noted = append(s.fx.Noted, k)
		}
	}
}

// countOwn keeps the sender's own message out of the sender's count (rule
// own). c is nil if the sender is not a member.
func (s *step) countOwn(k Key, c *Conversation, m *Message) {
	if c == nil {
		return
	}
	c.Own.Add(s, k.Set(SetOwn), m.Ord)
	c.OwnAfter++
	if m.All {
		c.OwnAll.Add(s, k.Set(SetOwnAll), m.Ord)
		c.OwnAllAfter++
	}
}

// mention counts a message for the members it names (rule mention), and tells them
// of it, whatever the group's size (rule named). A message to all counts for all
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
			c.NamedAfter++
		}
		s.changed(k, c, log)
		s.PutConversation(k, c)
	}
}

// groupRevoke folds the recall of a group message (rule revoke).
func (s *step) groupRevoke() {
	g := s.c.Inbox
	lk := GroupKey(g)
	i, _ := s.Index(lk, s.c.ID)
	if i.Pos == 0 {
		if i.Revoked {
			s.ignore()
			return
		}
		i.Revoked = true
		s.PutIndex(lk, s.c.ID, i)
		return
	}
	log := s.group(g)
	counts, shows := s.recall(lk, log, i)
	if !counts && !shows {
		s.ignore()
		return
	}
	m := s.Message(lk, i.Pos)
	if counts {
		log.All.Remove(s, lk.Set(SetAll), i.Ord)
	}
	if shows {
		log.Version, log.Recalls = s.seq, nil
	} else {
		log.recalled(Recall{Ord: i.Ord, From: m.From, Seq: s.seq})
	}
	s.PutGroup(g, log)
	if counts {
		s.unmark(g, m.From, i.Ord)
	}
	for _, user := range m.Mentions {
		if user != m.From {
			s.unname(log, user, i, counts, shows)
		}
	}
	s.fx.Groups = append(s.fx.Groups, g)
}

// unname takes a recalled message from a member whom it names, and tells the
// member, if it shows, whatever the group's size (rule named).
func (s *step) unname(log *Log, user string, i Index, counts, shows bool) {
	k := Key{user, GroupKey(s.c.Inbox).ConversationID}
	if counts {
		s.unmark(k.ID, user, i.Ord)
	}
	c := s.Conversation(k)
	if c == nil || i.Pos <= c.Join.Pos || c.Version == s.seq || !c.Listed(k, log) {
		return
	}
	if shows || i.Ord > c.Read.Ord {
		s.changed(k, c, log)
		s.PutConversation(k, c)
	}
}

// unmark takes a revoked ordinal out of a member's own sets.
func (s *step) unmark(g, user string, o Ord) {
	k := Key{user, events.ConversationID{Kind: events.Group, ID: g}}
	c := s.Conversation(k)
	if c == nil {
		return
	}
	unread := o > c.Read.Ord
	touched := false
	drop := func(set *Set, kind SetKind, after *uint64) {
		if set.Remove(s, k.Set(kind), o) {
			touched = true
			if unread {
				less(after, k, "its unread messages in a set")
			}
		}
	}
	drop(&c.Own, SetOwn, &c.OwnAfter)
	drop(&c.OwnAll, SetOwnAll, &c.OwnAllAfter)
	drop(&c.Named, SetNamed, &c.NamedAfter)
	if touched {
		s.PutConversation(k, c)
	}
}
