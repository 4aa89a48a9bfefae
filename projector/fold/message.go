package fold

import (
	"slices"

	"reddot/events"
)

// message folds a C2C message (rule count): peer is whom the conversation is with, from
// who wrote it. A message from the owner, by "sent" or written to
// oneself, is an own one.
func (s *step) message(peer, from string) {
	k := Key{s.c.Inbox, events.ConversationID{Kind: events.C2C, ID: peer}}
	known, ok := s.Index(k, s.c.ID)
	if ok && known.Pos > 0 {
		s.again(k, known.Pos, from)
		return
	}
	if ok {
		s.DeleteIndex(k, s.c.ID) // it has said what to do with the message
	}
	c := s.Conversation(k)
	if c == nil {
		c = NewC2C()
	}
	own := from == s.c.Inbox
	m := s.newMessage(from, known)
	m.Counted = m.Counted && !own
	m.Named = !own && slices.Contains(s.c.Mentions, s.c.Inbox)
	t := s.enter(k, c, &m)
	if m.Counted && m.Named { // rule mention
		c.Named.Add(s, k.Set(SetNamed), m.Ord)
	}
	if own && !m.Silent && !m.Hidden && !m.Revoked { // it brings the conversation into the list
		c.Deleted = false
		c.Sent = c.Log.Head.Pos
	}
	author := s.starter(k, t, &m)
	if t != nil {
		s.PutThread(k, m.Thread, t)
	}
	s.arrived(k, c, c.Log, m.ID)
	if own || m.Named || author == k.User {
		s.involve(k, c, c.Log, &m)
	}
	if own {
		s.advance(k, c, c.Log, &m)
	}
	if !m.Hidden {
		s.changed(k, c, c.Log)
	}
	s.PutConversation(k, c)
}

// enter gives a C2C message its place, in the log and in its thread, which it returns.
func (s *step) enter(k Key, c *Conversation, m *Message) (t *Thread) {
	own := m.From == k.User
	if own {
		m.PrevPeer = c.Peer.Pos
	} else if m.Thread != "" {
		m.PrevMain, m.PrevThread = s.before(k, c, m.Thread)
	}
	s.append(k, c.Log, m)
	if !own {
		c.Peer = PeerMark{c.Log.Head.Pos, m.ID}
	}
	if m.Thread != "" && (!m.Hidden || !own) {
		t = s.post(k, c.Log, m)
	}
	if m.Counted {
		s.countIn(k, c.Log, m)
	}
	return t
}

// before finds the newest messages of the peer before one that comes in a thread: in
// the main timeline, and in the thread.
func (s *step) before(k Key, c *Conversation, thread string) (inMain, inThread Pos) {
	if inMain = c.Peer.Pos; inMain > 0 {
		if m := s.Message(k, inMain); m.Thread != "" {
			inMain = m.PrevMain
		}
	}
	if t := s.Thread(k, thread); t != nil {
		inThread = t.Peer.Pos
	}
	return inMain, inThread
}

// newMessage is the command's message, as far as it is the same for C2C and groups
// (rules count, silent, hidden, revoke, clock).
func (s *step) newMessage(from string, known Index) Message {
	m := Message{
		ID: s.c.ID, From: from, Thread: s.c.Thread, At: s.at, Seq: s.seq,
		Silent: s.c.Silent, Hidden: s.c.Hidden, Revoked: known.Revoked || s.tooLate(),
	}
	m.Counted = !m.Silent && !m.Hidden && !m.Revoked
	if s.c.HasExpiresAt && !m.Revoked {
		m.Expires, m.ExpiresAt = true, s.c.ExpiresAt
	}
	return m
}

// again folds a message whose id the log has: a copy of it changes nothing, one of
// another sender is no copy (rule once).
func (s *step) again(lk Key, pos Pos, from string) {
	if s.Message(lk, pos).From != from {
		s.refuse(ReasonOtherSender)
	} else {
		s.ignore()
	}
}

// advance reads up to the user's own newest message, if that is the policy (rule own):
// in a thread the thread, in the main timeline what a read without a thread would, or
// under policy apart the main timeline only. It reports whether anything came of it. A
// read that waited for the message comes first: it is a read like any other, with its
// receipt. A message that comes late does not read what is later than itself.
func (s *step) advance(k Key, c *Conversation, log *Log, m *Message) bool {
	if m.Silent || m.Hidden || s.Policies().Own != events.OwnAdvance {
		return false
	}
	only := m.Thread != "" || s.Policies().Threads == events.ThreadsApart
	from := s.floor(k, c)
	if only {
		from = c.Position(m.Thread, s.timeline(k, c, m.Thread)).Pos
	}
	to, lk := log.Head, k.LogKey()
	if later := s.firstLater(lk, log, from, to.Pos, m.At); later > 0 {
		before := s.Message(lk, later)
		to = Index{Pos: later, Ord: before.Ord, Counted: before.Counted}.Before()
	}
	by := readBy{at: s.at, seq: s.seq, whole: true}
	if only {
		by.timeline = &m.Thread
	}
	return s.readBy(k, c, log, to, by)
}
