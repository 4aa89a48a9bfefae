package fold

import (
	"slices"

	"reddot/events"
)

// importAll folds what a user's conversations were before everything that this log
// says of them (rule import). It costs some rows a conversation, however many
// messages the log has.
func (s *step) importAll() {
	did := false
	for i := range s.c.Conversations {
		im := &s.c.Conversations[i]
		k := Key{s.c.Inbox, im.Conversation}
		if k.Kind == events.Group {
			did = s.importGroup(k, im) || did
		} else {
			did = s.importC2C(k, im) || did
		}
	}
	if !did {
		s.ignore()
	}
}

// importC2C reports whether the conversation had not been imported (rule
// import-once).
func (s *step) importC2C(k Key, im *events.Import) bool {
	c := s.Conversation(k)
	if c == nil {
		c = NewC2C()
	} else if c.JoinSeq > 0 {
		return false
	}
	shows := !c.Exists(k)
	shows = s.carry(k, c, im) || shows
	c.JoinSeq = s.seq
	s.PutConversation(k, c) // what follows looks for messages in it
	m, last := s.importedLast(k, c.Log, im)
	if last {
		s.enter(k, c, &m)
		s.arrived(k, c, c.Log, m.ID)
	}
	if r := im.Receipt; r != nil && c.Receipt == nil && k.ID != k.User {
		c.Receipt = &Receipt{Upto: r.Upto, At: r.At, Seq: s.seq, Imported: true}
		if i, _ := s.Index(k, r.Upto); i.Pos > 0 && s.Message(k, i.Pos).From != k.User {
			c.Receipt.Pos = i.Pos
		}
	}
	if shows || last {
		s.changed(k, c, c.Log)
	}
	s.PutConversation(k, c)
	return true
}

// importGroup is importC2C for a group, of which the user is a member from the first
// message on.
func (s *step) importGroup(k Key, im *events.Import) bool {
	if s.Imported(k.User, k.ID) {
		return false
	}
	s.PutImported(k.User, k.ID)
	log, c := s.Group(k.ID), s.Conversation(k)
	if log == nil {
		log = new(Log)
	}
	joins := c == nil
	if joins {
		c = &Conversation{JoinSeq: s.seq, ReadSeq: s.seq, Moved: s.seq}
	}
	if c.Join.Pos > 0 {
		s.rejoin(k, c, log, Cursor{})
	}
	if s.carry(k, c, im) || joins {
		s.changed(k, c, log)
	}
	s.PutConversation(k, c)
	if joins {
		s.PutMember(k.ID, k.User, joined(c))
		s.count(k.ID, log, gone{k.User, joined(c)})
		log.Members++
		if log.Members > log.Peak {
			log.Peak = max(log.Peak, s.present(k.ID, log))
		}
	}
	m, ok := s.importedLast(k.LogKey(), log, im)
	if ok {
		s.append(k.LogKey(), log, &m)
		log.changedForAll(s.seq)
		s.fx.Groups = append(s.fx.Groups, k.ID)
	}
	if ok || joins {
		s.PutGroup(k.ID, log)
	}
	if ok {
		s.awaited(k.ID, log, m.ID, nil)
	}
	return true
}

// carry sets what a conversation was before, unless the user has done something in it
// since: that was about the older messages too (rules carried, import-once). It reports
// whether that shows.
func (s *step) carry(k Key, c *Conversation, im *events.Import) (shows bool) {
	shows = c.adopt(im)
	if c.acted(k) {
		return shows
	}
	counts := im.Unread > 0 && !(k.Kind == events.C2C && s.Settings(k.User).Blocks(k.ID))
	shows = shows || c.Read.Pos > 0 || counts || im.MarkedUnread || im.HasReadAt && im.ReadAt > 0
	if c.Read.Pos > 0 {
		c.Moved = s.seq
	}
	c.moveTo(Cursor{})
	if k.Kind == events.Group {
		c.ReadSeq = s.seq
	}
	c.Carried, c.CarriedMentions, c.Marked = im.Unread, im.Mentions, im.MarkedUnread
	if im.HasReadAt {
		c.ReadAt, c.ReadSet = im.ReadAt, true
	}
	return shows
}

// adopt takes the level and the labels of before, where the user has set none since. It
// reports whether there are any.
func (c *Conversation) adopt(im *events.Import) (some bool) {
	if c.Level == events.NoLevel && im.Level > events.LevelAll {
		c.Level, some = im.Level, true
	}
	if len(c.Labels) == 0 && len(im.Labels) > 0 {
		some = true
		c.Labels = slices.Compact(slices.Sorted(slices.Values(im.Labels)))
	}
	return some
}

// importedLast is the last message of before, if the log shows none: one that does not
// count. What came before it is done to it as to any other.
func (s *step) importedLast(lk Key, log *Log, im *events.Import) (m Message, ok bool) {
	last := im.LastMessage
	if last == nil || log.Last.Pos > 0 || log.OfThreads().Order > 0 { // what counts apart is no Last
		return m, false
	}
	known, found := s.Index(lk, last.ID)
	if known.Pos > 0 { // it is there, and hidden
		return m, false
	}
	if found {
		s.DeleteIndex(lk, last.ID)
	}
	return Message{ID: last.ID, From: last.From, At: last.At, Seq: s.seq, Silent: true, Revoked: known.Revoked}, true
}

// acted reports whether the user has read, cleared, deleted or marked unread anything
// in a conversation since it began.
func (c *Conversation) acted(k Key) bool {
	began := events.Seq(0)
	if k.Kind == events.Group {
		began = c.JoinSeq
	}
	return c.ReadSeq > began || c.Marked || c.Acted || c.Cleared.Pos > 0
}

// endCarried ends what is carried over from before (rule carried). It reports whether
// there was any.
func (c *Conversation) endCarried() bool {
	any := c.Carried > 0
	c.Carried, c.CarriedMentions = 0, 0
	return any
}
