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
	m := s.Message(k, i.Pos)
	tally := TallyOf(s, k, c, c.Log)
	was := Recall{Ord: i.Ord, From: m.From, Thread: m.Thread}
	unread, inPart := tally.shows(was), tally.inThread(was)
	r := s.recall(k, c.Log, &m, i)
	if !i.Counted && !m.Hidden && m.From != k.User {
		s.recallUncounted(k, i.Pos)
	}
	if !r.any() {
		s.PutConversation(k, c) // the main timeline may say so
		return false
	}
	r.shows, r.part = r.shows && i.Pos > c.Cleared.Pos, r.part && i.Pos > c.Cleared.Pos
	if r.counts {
		c.Named.Remove(s, k.Set(SetNamed), i.Ord)
	}
	heard := r.counts && !s.Settings(k.User).Blocks(m.From) // rule quiet
	unread, r.part = unread && heard, r.part || inPart && heard
	listed := c.Listed(s, k, c.Log)
	if listed && (unread || r.shows) {
		s.changed(k, c, c.Log)
	}
	if m.Thread == "" && r.part {
		c.Log.MainVersion = s.seq
	} else if listed && r.part && s.timeline(k, c, m.Thread).Following {
		s.touch(k)
	}
	s.PutConversation(k, c)
	return listed && (unread || r.shows || r.part)
}

// recalling is what a recall does to the message's log.
type recalling struct {
	counts bool // it takes it out of the count of whoever has it unread
	shows  bool // it shows to every reader, since it is the last message
	part   bool // it is the last one of its thread, and shows there
}

func (r recalling) any() bool { return r.counts || r.shows || r.part }

// recall notes in a log, and in the message's thread, that it was recalled.
func (s *step) recall(lk Key, log *Log, m *Message, i Index) (r recalling) {
	var t *Thread
	if m.Thread != "" && !m.Hidden {
		t = s.thread(lk, m.Thread)
	}
	switch {
	case !i.Counted:
	case m.Apart:
		r.counts = t.Ap.Has(s, lk.SetOf(m.Thread, SetAp), i.Ord)
	default:
		r.counts = !log.Revoked.Has(s, lk.Set(SetRevoked), i.Ord)
	}
	if r.counts && !m.Apart {
		log.Revoked.Add(s, lk.Set(SetRevoked), i.Ord)
	}
	if r.shows = i.Pos == log.Last.Pos && !log.Last.Revoked; r.shows {
		log.Last.Revoked = true
	}
	if last := log.LastMain(); i.Pos == last.Pos && (r.shows || !last.Revoked) {
		if log.MainVersion = s.seq; log.Last.Thread {
			log.ownThreads().Main.Revoked = true
		} else {
			log.Last.Revoked = true
		}
	}
	if t != nil {
		if r.part = s.recallIn(lk, log, t, m, i, r.counts); r.part || r.counts {
			s.PutThread(lk, m.Thread, t)
		}
	}
	return r
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
	m := s.Message(lk, i.Pos)
	before := log.Version
	r := s.recall(lk, log, &m, i)
	s.unwant(g, i.Pos)
	if !i.Counted {
		s.recallUncounted(lk, i.Pos)
	}
	if !r.any() {
		s.PutGroup(g, log) // the main timeline may say so
		return false
	}
	if r.counts {
		log.All.Remove(s, lk.Set(SetAll), i.Ord)
	}
	note := Recall{Ord: i.Ord, From: m.From, Seq: s.seq, Thread: m.Thread, Apart: m.Apart}
	if r.shows {
		log.show(s.seq, m.Thread != "")
	} else if r.counts {
		log.Version, log.Recalls = recalled(log.Version, log.Recalls, note)
		if log.Version != before { // there were too many
			log.MainVersion = s.seq
		}
	}
	s.PutGroup(g, log)
	if r.counts && !m.Apart {
		s.disown(Key{m.From, lk.ConversationID}, i.Ord)
	}
	for _, user := range distinct(m.Mentions) {
		if user != m.From {
			s.unname(g, log, user, i, note, r)
		}
	}
	if m.Apart {
		s.fx.Threads = append(s.fx.Threads, ThreadKey{g, m.Thread})
	} else {
		s.fx.Groups = append(s.fx.Groups, g)
	}
	return true
}

// unname takes a recalled message from a member whom it names, who is notified, if it
// shows, whatever the group's size (rule named).
func (s *step) unname(g string, log *Log, user string, i Index, was Recall, r recalling) {
	k := Key{user, GroupKey(g).ConversationID}
	if r.counts {
		s.unnamed(k, was.Apart, i.Ord)
	}
	c := s.Conversation(k)
	if c == nil || i.Pos <= c.Join.Pos {
		return
	}
	tally, heard := TallyOf(s, k, c, log), r.counts && !s.Settings(user).Blocks(was.From)
	switch {
	case !c.Listed(s, k, log):
	case r.shows && i.Pos > c.Cleared.Pos || heard && tally.shows(was):
		if was.Thread == "" { // the log has its version
			s.fx.Changed = append(s.fx.Changed, k)
			return
		}
		s.changed(k, c, log)
		s.PutConversation(k, c)
	case was.Thread != "" && (r.part && i.Pos > c.Cleared.Pos || heard && tally.inThread(was)):
		if s.timeline(k, c, was.Thread).Following {
			s.followed(k, c)
			s.PutConversation(k, c)
		}
	}
}
