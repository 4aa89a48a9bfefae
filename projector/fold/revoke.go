package fold

import "reddot/events"

// revoke folds the recall of a C2C message (rule revoke).
func (s *step) revoke() {
	k := Key{s.c.Inbox, events.ConversationID{Kind: events.C2C, ID: s.c.From}}
	i, ok := s.Index(k, s.c.ID)
	if !ok {
		s.PutIndex(k, s.c.ID, Index{Revoked: true})
		return
	}
	if i.Pos == 0 || !s.takeBack(k, i) {
		s.ignore()
	}
}

// takeBack ends a C2C message that has come. It reports whether that shows.
func (s *step) takeBack(k Key, i Index) bool {
	c := s.conversation(k)
	counts, shows := s.recall(k, &c.Log, i)
	if !counts && !shows {
		return false
	}
	shows = shows && i.Pos > c.Cleared.Pos
	unread := counts && i.Ord > c.Read.Ord
	if counts {
		c.Named.Remove(s, k.Set(SetNamed), i.Ord)
	}
	seen := c.Listed(s, k, &c.Log) && (unread || shows)
	if seen {
		s.changed(k, c, &c.Log)
	}
	s.PutConversation(k, c)
	return seen
}

// recall notes in a log that a message was recalled. It reports whether that takes
// it out of the count of whoever has it unread, and whether it shows to every
// reader, since it is the last message.
func (s *step) recall(lk Key, log *Log, i Index) (counts, shows bool) {
	counts = i.Counted && !log.Revoked.Has(s, lk.Set(SetRevoked), i.Ord)
	if counts {
		log.Revoked.Add(s, lk.Set(SetRevoked), i.Ord)
	}
	shows = i.Pos == log.Last.Pos && !log.Last.Revoked
	if shows {
		log.Last.Revoked = true
	}
	return counts, shows
}

// recallUncounted notes that a group's message was recalled that had not counted: it
// has no readers any more (rule read-by).
func (s *step) recallUncounted(lk Key, pos Pos) {
	k, no := lk.Set(SetGone), chunkNo(Ord(pos))
	if b := s.Chunk(k, no); b == nil || !b.has(Ord(pos)) {
		s.PutChunk(k, no, b.with(Ord(pos)))
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
	if !s.takeBackFromAll(g, i) {
		s.ignore()
	}
}

// takeBackFromAll ends a group message that has come. It reports whether that may show
// to anybody.
func (s *step) takeBackFromAll(g string, i Index) bool {
	log, lk := s.group(g), GroupKey(g)
	if i.Pos <= log.Purged.Pos {
		return false
	}
	counts, shows := s.recall(lk, log, i)
	s.unwant(g, i.Pos)
	if !i.Counted {
		s.recallUncounted(lk, i.Pos)
	}
	if !counts && !shows {
		return false
	}
	m := s.Message(lk, i.Pos)
	if counts {
		log.All.Remove(s, lk.Set(SetAll), i.Ord)
	}
	if shows {
		log.changedForAll(s.seq)
	} else {
		log.recalled(Recall{Ord: i.Ord, From: m.From, Seq: s.seq})
	}
	s.PutGroup(g, log)
	if counts {
		s.disown(Key{m.From, lk.ConversationID}, i.Ord)
	}
	for _, user := range m.Mentions {
		if user != m.From {
			s.unname(g, log, user, i, counts, shows)
		}
	}
	s.fx.Groups = append(s.fx.Groups, g)
	return true
}

// unname takes a recalled message from a member whom it names, who is notified, if it
// shows, whatever the group's size (rule named).
func (s *step) unname(g string, log *Log, user string, i Index, counts, shows bool) {
	k := Key{user, GroupKey(g).ConversationID}
	c := s.Conversation(k)
	if c == nil || i.Pos <= c.Join.Pos {
		return
	}
	put := counts && c.Named.Remove(s, k.Set(SetNamed), i.Ord)
	if c.Version != s.seq && c.Listed(s, k, log) && (shows && i.Pos > c.Cleared.Pos || i.Ord > c.Read.Ord) {
		s.changed(k, c, log)
		put = true
	}
	if put {
		s.PutConversation(k, c)
	}
}
