package fold

import (
	"slices"

	"reddot/events"
)

// message folds a C2C message: peer is whom the conversation is with, from
// who wrote it. A message from the owner, told by "sent" or written to
// oneself, is an own one.
func (s *step) message(peer, from string) {
	k := Key{s.c.Inbox, events.ConversationID{Kind: events.C2C, ID: peer}}
	known, ok := s.Index(k, s.c.ID)
	if ok && known.Pos > 0 { // rule once
		s.ignore()
		return
	}
	if ok {
		s.DeleteIndex(k, s.c.ID) // it has said what to do with the message
	}
	c := s.Conversation(k)
	if c == nil {
		c = new(Conversation)
	}
	own := from == s.c.Inbox
	m := Message{
		ID: s.c.ID, From: from, Thread: s.c.Thread, At: s.at, Seq: s.seq,
		Counted: !own && !s.c.Silent && !known.Revoked, // rules count, silent, own, revoke
		Silent:  s.c.Silent, Revoked: known.Revoked,
		Named: !own && slices.Contains(s.c.Mentions, s.c.Inbox),
	}
	if own {
		m.PrevPeer = c.Peer.Pos
	}
	s.append(k, &c.Log, &m)
	if !own {
		c.Peer = PeerMark{c.Log.Head.Pos, m.ID}
	}
	if m.Counted && m.Named { // rule mention
		c.Named.Add(s, k.Set(SetNamed), m.Ord)
		c.NamedAfter++
	}
	if own && !m.Silent && !m.Revoked {
		c.Hidden = false
	}
	s.arrived(k, c, &c.Log, m.ID)
	if own {
		s.advance(k, c, &c.Log, &m)
	}
	s.changed(k, c, &c.Log)
	s.PutConversation(k, c)
}

// arrived applies a read that came before its message (rule read-early). The
// message is the newest of the log.
func (s *step) arrived(k Key, c *Conversation, log *Log, id string) {
	if c.Early == nil || c.Early.ID != id {
		return
	}
	e := *c.Early
	c.Early = nil
	s.readTo(k, c, log, log.Head, readBy{at: e.At, seq: e.Seq, private: e.Private})
}

// advance reads the conversation up to the user's own newest message, if that
// is the policy (rule own). A read that waited for the message comes first:
// it is a read like any other, with its receipt.
func (s *step) advance(k Key, c *Conversation, log *Log, m *Message) {
	if !m.Silent && s.Policy() == events.OwnAdvance {
		s.readTo(k, c, log, log.Head, readBy{at: s.at, seq: s.seq, own: true})
	}
}

// revoke folds the recall of a C2C message (rule revoke).
func (s *step) revoke() {
	k := Key{s.c.Inbox, events.ConversationID{Kind: events.C2C, ID: s.c.From}}
	i, ok := s.Index(k, s.c.ID)
	if !ok {
		s.PutIndex(k, s.c.ID, Index{Revoked: true})
		return
	}
	if !i.Counted {
		s.ignore()
		return
	}
	c := s.conversation(k)
	if c.Log.Revoked.Has(s, k.Set(SetRevoked), i.Ord) {
		s.ignore()
		return
	}
	c.Log.Revoked.Add(s, k.Set(SetRevoked), i.Ord)
	named := c.Named.Remove(s, k.Set(SetNamed), i.Ord)
	if i.Ord > c.Read.Ord {
		if named {
			less(&c.NamedAfter, k, "its unread mentions")
		}
		s.changed(k, c, &c.Log)
	} else {
		s.ignore()
	}
	s.PutConversation(k, c)
}

// groupMessage folds a message in a group. It writes the group's rows, the
// sender's, the named members' and those of members who have read up to it
// already; a group's size costs nothing.
func (s *step) groupMessage() {
	g := s.c.Inbox
	lk := GroupKey(g)
	known, ok := s.Index(lk, s.c.ID)
	if ok && known.Pos > 0 { // rule once
		s.ignore()
		return
	}
	if ok {
		s.DeleteIndex(lk, s.c.ID)
	}
	log := s.Group(g)
	if log == nil {
		log = new(Log)
	}
	m := Message{
		ID: s.c.ID, From: s.c.From, Thread: s.c.Thread, At: s.at, Seq: s.seq,
		Counted: !s.c.Silent && !known.Revoked, // rules count, silent, revoke
		Silent:  s.c.Silent, Revoked: known.Revoked,
		All: s.c.MentionAll,
	}
	if !m.All {
		m.Mentions = slices.Clone(s.c.Mentions)
	}
	s.append(lk, log, &m)
	log.Version, log.Recalls = s.seq, nil
	if m.Counted && m.All { // rule mention
		log.All.Add(s, lk.Set(SetAll), m.Ord)
	}
	s.fx.Unheard = log.Members == 0
	s.PutGroup(g, log)
	// Count first: a read moves past what is counted.
	sk := Key{m.From, lk.ConversationID}
	sender := s.Conversation(sk)
	if m.Counted {
		s.countOwn(sk, sender, &m)
		s.mention(g, &m)
	}
	if known.Awaited > 0 {
		for _, user := range s.Waiters(g, m.ID) {
			k := Key{user, lk.ConversationID}
			c := s.conversation(k)
			s.DeleteWaiter(g, m.ID, user)
			s.arrived(k, c, log, m.ID)
			s.PutConversation(k, c)
			s.fx.Noted = append(s.fx.Noted, k)
		}
	}
	if sender != nil {
		s.advance(sk, sender, log, &m)
		s.PutConversation(sk, sender)
	}
	s.fx.Groups = append(s.fx.Groups, g)
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

// mention counts a message for the members it names (rule mention). A member
// named twice is named once: the set holds the ordinal already.
func (s *step) mention(g string, m *Message) {
	for _, user := range m.Mentions {
		k := Key{user, events.ConversationID{Kind: events.Group, ID: g}}
		c := s.Conversation(k)
		if c == nil || user == m.From || c.Named.Has(s, k.Set(SetNamed), m.Ord) {
			continue
		}
		c.Named.Add(s, k.Set(SetNamed), m.Ord)
		c.NamedAfter++
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
	if !i.Counted {
		s.ignore()
		return
	}
	log := s.group(g)
	if log.Revoked.Has(s, lk.Set(SetRevoked), i.Ord) {
		s.ignore()
		return
	}
	m := s.Message(lk, i.Pos)
	log.Revoked.Add(s, lk.Set(SetRevoked), i.Ord)
	log.All.Remove(s, lk.Set(SetAll), i.Ord)
	log.recall(Recall{Ord: i.Ord, From: m.From, Seq: s.seq})
	s.PutGroup(g, log)
	s.unmark(g, m.From, i.Ord)
	for _, user := range m.Mentions {
		s.unmark(g, user, i.Ord)
	}
	s.fx.Groups = append(s.fx.Groups, g)
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
