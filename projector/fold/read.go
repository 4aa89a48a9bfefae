package fold

import "reddot/events"

// readBy says whose read moves a position, and when.
type readBy struct {
	at  events.Time
	seq events.Seq

	whole  bool        // it names no position
	open   bool        // the peer gets a receipt
	openAt events.Time // with this time
}

// reading is a read by the command.
func (s *step) reading() readBy {
	return readBy{at: s.at, seq: s.seq, whole: s.c.Upto == "" && !s.c.HasUptoAt, open: !s.c.Private, openAt: s.at}
}

// readTo moves the read position forward and clears the mark. It reports
// whether anything came of it (rule read-exact), be it only a receipt; the caller
// writes the row.
func (s *step) readTo(k Key, c *Conversation, log *Log, to Cursor, by readBy) bool {
	changed := c.Marked
	c.Marked = false
	moves := to.Pos > c.Read.Pos
	if moves {
		c.moveTo(to)
		if by.open {
			s.seen(k, c, log, to.Pos, nil, by.openAt)
		}
	} else if by.whole {
		moves = c.endCarried()
	}
	if moves {
		c.ReadAt, c.ReadSeq, c.ReadSet = by.at, by.seq, true
	} else if changed {
		c.Acted = c.Acted || !c.acted(k)
	}
	changed = changed || moves
	sent := by.open && k.Kind == events.C2C && s.receipt(k, c, by.openAt)
	if changed {
		s.changed(k, c, log)
	}
	return changed || sent
}

// read folds a user's read of one conversation.
func (s *step) read() {
	k, c, log, ok := s.loadNamed()
	if !ok {
		return
	}
	if c == nil {
		c = new(Conversation)
		log = &c.Log
	}
	p := s.position(k, c, log, c.Read.Pos)
	if s.c.Upto == "" && !s.c.HasUptoAt {
		p = place{Cursor: log.Head, named: true}
	}
	did := p.pending && s.keepPending(k, c)
	if p.named {
		did = s.readTo(k, c, log, p.Cursor, s.reading()) || did
	}
	if did {
		s.PutConversation(k, c)
	} else {
		s.ignore()
	}
}

// place is where a command's position lies.
type place struct {
	Cursor
	named   bool // there is one
	pending bool // it is up to a message that has not arrived, for anybody
}

// find finds a message of the conversation. What came before a member's join is
// unknown to the member (rule join).
func (s *step) find(k Key, c *Conversation, id string) (i Index, known bool) {
	i, _ = s.Index(k.LogKey(), id)
	return i, i.Pos > c.Join.Pos
}

// position finds the place that a command names by upto and upto_at, the further
// one (rules read-exact, read-time). Messages at or before floor are not looked at
// for their time.
func (s *step) position(k Key, c *Conversation, log *Log, floor Pos) (p place) {
	if s.c.Upto != "" {
		i, known := s.find(k, c, s.c.Upto)
		if p.pending = i.Pos == 0; known {
			p.Cursor, p.named = Cursor{i.Pos, i.Ord}, true
		}
	}
	if s.c.HasUptoAt {
		if t := s.notLater(k.LogKey(), log, floor, s.c.UptoAt); t.Pos > p.Pos {
			p.Cursor = t
		}
		p.named = true
	}
	return p
}

// readAll folds a read of every conversation in the list.
func (s *step) readAll() {
	read := false
	for _, k := range s.TakeUnread(s.c.Inbox, s.c.Kind) {
		c, log := s.load(k)
		if c == nil || !c.Listed(s, k, log) {
			continue
		}
		to := log.Head
		if s.c.HasUptoAt {
			to = s.position(k, c, log, c.Read.Pos).Cursor
		}
		if s.readTo(k, c, log, to, s.reading()) {
			s.PutConversation(k, c)
			read = true
		}
		if k.Kind == events.C2C && !c.Settled() { // a private read, or one up to a time
			s.KeepUnread(k)
		}
	}
	if !read {
		s.ignore()
	}
}
