package fold

import (
	"slices"

	"reddot/events"
)

// edit folds an edit of a C2C message (rule edit): only whether it names the owner
// matters.
func (s *step) edit() {
	k := Key{s.c.Inbox, events.ConversationID{Kind: events.C2C, ID: s.c.From}}
	i, _ := s.Index(k, s.c.ID)
	if i.Pos == 0 {
		s.ignore()
		return
	}
	c, m, named := s.conversation(k), s.Message(k, i.Pos), slices.Contains(s.c.Mentions, k.User)
	if m.From == k.User || m.Named == named || s.over(k, &c.Log, &m, i) {
		s.ignore()
		return
	}
	m.Named = named
	s.Rewrite(k, &c.Log, i.Pos, &m)
	s.renamed(k, c, &c.Log, &m, i, !named, named, named)
	s.PutConversation(k, c)
}

// over reports whether a message is hidden or was recalled, so that an edit changes
// nothing.
func (s *step) over(lk Key, log *Log, m *Message, i Index) bool {
	switch {
	case m.Hidden || m.Revoked:
		return true
	case m.Apart && m.Counted:
		t := s.thread(lk, m.Thread)
		return !t.Ap.Has(s, lk.SetOf(m.Thread, SetAp), i.Ord)
	case m.Counted:
		return log.Revoked.Has(s, lk.Set(SetRevoked), i.Ord)
	}
	gone := s.Chunk(lk.Set(SetGone), chunkNo(Ord(i.Pos)))
	return gone != nil && gone.has(Ord(i.Pos))
}

// groupEdit folds an edit of a group's message (rule edit). It writes the rows of the
// log and of those who are named, or were.
func (s *step) groupEdit() {
	g := s.c.Inbox
	lk := GroupKey(g)
	i, _ := s.Index(lk, s.c.ID)
	if i.Pos == 0 {
		s.ignore()
		return
	}
	log := s.group(g)
	if i.Pos <= log.Purged.Pos {
		s.ignore()
		return
	}
	m := s.Message(lk, i.Pos)
	was := m
	if m.All == s.c.MentionAll && sameUsers(m.Mentions, s.c.Mentions) || s.over(lk, log, &m, i) {
		s.ignore()
		return
	}
	m.All, m.Mentions = s.c.MentionAll, slices.Clone(s.c.Mentions)
	s.Rewrite(lk, log, i.Pos, &m)
	if m.Counted && was.All != m.All {
		either := was.Mentions
		if !m.All {
			either = m.Mentions
		}
		s.renameAll(lk, log, &m, i, either)
	}
	s.PutGroup(g, log)
	for _, user := range distinct(slices.Concat(was.Mentions, m.Mentions)) {
		k := Key{user, lk.ConversationID}
		had, has := slices.Contains(was.Mentions, user), slices.Contains(m.Mentions, user)
		s.reset(k, &was, &m, had, has)
		if c := s.Conversation(k); c != nil && i.Pos > c.Join.Pos {
			s.renamed(k, c, log, &m, i, was.All || had, m.All || has, has && !had)
			s.PutConversation(k, c)
			if had && !has && (c.Version == s.seq || c.Followed == s.seq) { // the message does not say so any more
				s.fx.Noted = append(s.fx.Noted, k)
			}
		}
	}
	if m.Apart {
		s.fx.Threads = append(s.fx.Threads, ThreadKey{g, m.Thread})
	} else {
		s.fx.Groups = append(s.fx.Groups, g)
	}
}

// sameUsers reports whether two lists name the same users.
func sameUsers(a, b []string) bool {
	in := func(list []string) func(string) bool {
		return func(user string) bool { return !slices.Contains(list, user) }
	}
	return !slices.ContainsFunc(a, in(b)) && !slices.ContainsFunc(b, in(a))
}

// renameAll notes that a counted message names everybody from here on, or no more: that
// shows to whoever has it unread, but the sender and those whom it names by name either way.
func (s *step) renameAll(lk Key, log *Log, m *Message, i Index, either []string) {
	set, key := &log.All, lk.Set(SetAll)
	if m.Apart {
		set, key = &log.ownThreads().All, lk.Set(SetAllAp)
	}
	if m.All {
		set.Add(s, key, i.Ord)
	} else {
		set.Remove(s, key, i.Ord)
	}
	note := Recall{Ord: i.Ord, From: m.From, Seq: s.seq, Thread: m.Thread, Apart: m.Apart}
	if len(either) > 0 && len(either) <= maxRecalls {
		note.Except = slices.Clone(either)
	}
	before := log.Version
	if log.Version, log.Recalls = recalled(log.Version, log.Recalls, note); log.Version != before {
		log.MainVersion = s.seq // there were too many
	}
	if m.Thread != "" {
		t := s.thread(lk, m.Thread)
		t.Version, t.Recalls = recalled(t.Version, t.Recalls, note)
		log.ownThreads().Version = s.seq
		s.PutThread(lk, m.Thread, t)
	}
}

// reset keeps what the log knows of one whom a group's message named by name, or names.
func (s *step) reset(k Key, was, m *Message, had, has bool) {
	if !m.Counted || k.User == m.From {
		return
	}
	switch had, has = had && !was.All, has && !m.All; {
	case has && !had:
		s.name(k, m)
	case had && !has:
		s.unnamed(k, m.Apart, m.Ord)
	}
}

// renamed shows to a user that a message does not name the user any more, or does: had
// and has. Who is newly named by name follows the message's thread. The caller puts the
// conversation.
func (s *step) renamed(k Key, c *Conversation, log *Log, m *Message, i Index, had, has, newly bool) {
	if k.Kind == events.C2C && m.Counted {
		if has {
			c.Named.Add(s, k.Set(SetNamed), i.Ord)
		} else {
			c.Named.Remove(s, k.Set(SetNamed), i.Ord)
		}
	}
	if m.Counted && had != has && k.User != m.From {
		tally, part := TallyOf(s, k, c, log), Recall{Ord: i.Ord, From: m.From, Thread: m.Thread, Apart: m.Apart}
		if tally.shows(part) {
			s.changed(k, c, log)
		}
		if m.Thread != "" && tally.inThread(part) {
			t := s.timeline(k, c, m.Thread)
			s.changedThread(k, c, t)
			s.putTimeline(k, c, t)
		}
	}
	if !newly {
		return
	}
	if was := s.shown(k, c, log); s.involve(k, c, log, m) { // what counts apart shows from now on
		s.show(k, c, log, was)
	}
}
