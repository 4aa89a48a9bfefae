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
	if m.From == k.User || m.Named == named || s.over(k, c.Log, &m, i) {
		s.ignore()
		return
	}
	m.Named = named
	s.Rewrite(k, c.Log, i.Pos, &m)
	if m.Counted {
		s.renamed(k, c, &m, i)
	}
	if named {
		s.newlyNamed(k, c, c.Log, &m)
	}
	s.PutConversation(k, c)
}

// renamed shows to the owner of a C2C conversation that a counted message names the owner
// now, or no more.
func (s *step) renamed(k Key, c *Conversation, m *Message, i Index) {
	if m.Named {
		c.Named.Add(s, k.Set(SetNamed), i.Ord)
	} else {
		c.Named.Remove(s, k.Set(SetNamed), i.Ord)
	}
	shows, inThread := s.unreadBy(k, c, c.Log, m, i)
	if shows {
		s.changed(k, c, c.Log)
	}
	if !inThread || m.Thread == "" { // the main timeline's version is the conversation's
		return
	}
	t := s.thread(k, m.Thread)
	t.Version, c.Log.ownThreads().Version = s.seq, s.seq
	s.PutThread(k, m.Thread, t)
	if s.timeline(k, c, m.Thread).Following {
		s.touch(k)
	}
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
	users := distinct(slices.Concat(was.Mentions, m.Mentions))
	if m.Counted {
		s.rename(lk, log, &was, &m, i, users)
	}
	s.PutGroup(g, log)
	for _, user := range users {
		k := Key{user, lk.ConversationID}
		had, has := slices.Contains(was.Mentions, user), slices.Contains(m.Mentions, user)
		s.reset(k, &was, &m, had, has)
		if c := s.Conversation(k); has && !had && c != nil && i.Pos > c.Join.Pos && s.newlyNamed(k, c, log, &m) {
			s.PutConversation(k, c)
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

// rename notes for whose view it matters that a counted message names others now: those
// who have it unread, but its sender. An edit by which it names everybody or no more
// concerns all of them, but those whom it names by name either way; any other those whom
// it names no more, or newly.
func (s *step) rename(lk Key, log *Log, was, m *Message, i Index, users []string) {
	note := Recall{Ord: i.Ord, From: m.From, Seq: s.seq, Thread: m.Thread, Apart: m.Apart}
	switch {
	case was.All != m.All:
		s.nameAll(lk, log, m, i)
		either := was.Mentions
		if !m.All {
			either = m.Mentions
		}
		if len(either) > 0 && len(either) <= maxRecalls {
			note.Except = slices.Clone(either)
		}
	case m.All:
		return
	default:
		for _, user := range users {
			k := Key{user, lk.ConversationID}
			has := slices.Contains(m.Mentions, user)
			c := s.Conversation(k)
			if c == nil || user == m.From || has == slices.Contains(was.Mentions, user) || i.Pos <= c.Join.Pos {
				continue
			}
			shows, inThread := s.unreadBy(k, c, log, m, i)
			if !shows && !inThread {
				continue
			}
			note.Only = append(note.Only, user)
			told := shows && c.Listed(s, k, log) || inThread && s.timeline(k, c, m.Thread).Following
			if told {
				s.touch(k)
			}
			if told && !has { // the message does not say so any more
				s.fx.Noted = append(s.fx.Noted, k)
			}
		}
		if note.Only == nil {
			return
		}
		if slices.Sort(note.Only); len(note.Only) > maxRecalls {
			note.Only = nil
		}
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

// nameAll enters into the log whether a counted message names everybody.
func (s *step) nameAll(lk Key, log *Log, m *Message, i Index) {
	set, key := &log.All, lk.Set(SetAll)
	if m.Apart {
		set, key = &log.ownThreads().All, lk.Set(SetAllAp)
	}
	if m.All {
		set.Add(s, key, i.Ord)
	} else {
		set.Remove(s, key, i.Ord)
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

// unreadBy reports whether a user has a message unread: in what the conversation shows,
// and in its timeline. One of a blocked sender is in neither.
func (s *step) unreadBy(k Key, c *Conversation, log *Log, m *Message, i Index) (shows, inThread bool) {
	if s.Settings(k.User).Blocks(m.From) {
		return false, false
	}
	tally, part := TallyOf(s, k, c, log), Recall{Ord: i.Ord, From: m.From, Thread: m.Thread, Apart: m.Apart}
	return tally.shows(part), tally.inThread(part)
}

// newlyNamed has one whom an edit names by name follow the message's thread. The caller
// puts the conversation if that was not so.
func (s *step) newlyNamed(k Key, c *Conversation, log *Log, m *Message) bool {
	was := s.shown(k, c, log)
	if !s.involve(k, c, log, m) {
		return false
	}
	s.show(k, c, log, was) // what counts apart shows from now on
	return true
}
