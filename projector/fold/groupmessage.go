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
	m.All, m.Mentions, m.Apart = s.c.MentionAll, slices.Clone(s.c.Mentions), s.apart()
	var before map[string]shown
	if known.Awaited > 0 && m.Apart {
		before = s.waiting(g, log, m.ID)
	}
	s.append(lk, log, &m)
	s.want(g, log.Head.Pos, &m)
	var t *Thread
	if !m.Hidden {
		t = s.post(lk, log, &m)
		s.showAll(g, log, &m)
	}
	if m.Counted {
		s.countIn(lk, log, &m)
	}
	s.fx.Unheard = s.empty(g, log)
	author := s.starter(lk, t, &m)
	if s.PutGroup(g, log); t != nil {
		s.PutThread(lk, m.Thread, t)
	}
	sk := Key{m.From, lk.ConversationID}
	if m.Counted {
		s.countOwn(sk, &m)
	}
	if !m.Hidden {
		s.mention(log, &m)
	}
	if known.Awaited > 0 {
		s.awaited(g, log, m.ID, before)
	}
	for _, user := range []string{m.From, author} {
		s.take(Key{user, lk.ConversationID}, log, &m)
	}
}

// showAll notes that a message shows to all members, or, if it counts apart, to those
// who follow its thread.
func (s *step) showAll(g string, log *Log, m *Message) {
	if m.Apart {
		s.fx.Threads = append(s.fx.Threads, ThreadKey{g, m.Thread})
		return
	}
	log.show(s.seq, m.Thread != "")
	s.fx.Groups = append(s.fx.Groups, g)
}

// take has a member take part in the thread of a message that the member has written, or
// has begun (rule follow), and read what the member has written (rule own).
func (s *step) take(k Key, log *Log, m *Message) {
	wrote := k.User == m.From
	if !wrote && (k.User == "" || m.Thread == "") || wrote && m.Thread == "" && s.Policies().Own != events.OwnAdvance {
		return
	}
	c := s.Conversation(k)
	if c == nil {
		return
	}
	followed := s.involve(k, c, log, m)
	if advanced := wrote && s.advance(k, c, log, m); advanced || followed {
		s.PutConversation(k, c)
	}
}

// mention counts a message for the members it names (rule mention), who are notified
// whatever the group's size (rule named), and follow its thread. A message to all
// counts for all already.
func (s *step) mention(log *Log, m *Message) {
	for _, user := range distinct(m.Mentions) {
		k := Key{user, events.ConversationID{Kind: events.Group, ID: s.c.Inbox}}
		if user == m.From {
			continue
		}
		if m.Counted && !m.All {
			s.name(k, m)
		}
		c := s.Conversation(k)
		switch {
		case c == nil:
		case m.Thread == "": // the log has its version
			if c.Listed(s, k, log) {
				s.fx.Changed = append(s.fx.Changed, k)
			}
		default:
			if !m.Apart {
				s.changed(k, c, log)
			}
			if !s.involve(k, c, log, m) && m.Apart && s.timeline(k, c, m.Thread).Following {
				s.followed(k, c)
			}
			s.PutConversation(k, c)
		}
	}
}

// distinct is a list without repetitions, in its order.
func distinct(all []string) []string {
	if len(all) < 2 {
		return all
	}
	seen := make(map[string]bool, len(all))
	return slices.DeleteFunc(slices.Clone(all), func(s string) bool {
		was := seen[s]
		seen[s] = true
		return was
	})
}
