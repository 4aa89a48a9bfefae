package fold

import "reddot/events"

// readBy says whose read moves a position, and when.
type readBy struct {
	at  events.Time
	seq events.Seq

	timeline *string // whose position it moves; nil: that of every timeline

	whole  bool        // it names no position
	open   bool        // the peer gets a receipt
	openAt events.Time // with this time
}

// reading is a read by the command.
func (s *step) reading() readBy {
	by := readBy{at: s.at, seq: s.seq, whole: s.c.Upto == "" && !s.c.HasUptoAt, open: !s.c.Private, openAt: s.at}
	if s.c.HasThread {
		thread := s.c.Thread
		by.timeline = &thread
	}
	return by
}

// readBy moves the read position of every timeline, or of one, forward. It reports
// whether anything came of it, be it only a receipt; the caller writes the row.
func (s *step) readBy(k Key, c *Conversation, log *Log, to Cursor, by readBy) bool {
	if by.timeline != nil {
		return s.readTimeline(k, c, log, *by.timeline, to, by)
	}
	return s.readTo(k, c, log, to, by)
}

// readTo moves every timeline's position forward and clears the mark. It reports
// whether anything came of it (rules read-exact, thread-read), be it only a receipt; the
// caller writes the row.
func (s *step) readTo(k Key, c *Conversation, log *Log, to Cursor, by readBy) bool {
	moves := to.Pos > c.Read.Pos
	changed := c.Marked || moves
	var was shown
	ends := by.whole && c.Carried > 0 // where it doesn't move: else that ends it, and shows
	if c.Timelines > 0 || ends {
		was = s.shown(k, c, log)
	}
	c.Marked = false
	moved := s.moveAll(k, c, Mark{to, by.at, by.seq, true})
	switch {
	case moves && by.open:
		s.seen(k, c, log, to.Pos, nil, by.openAt)
	case moves:
	case ends:
		changed = changed || by.at != c.ReadAt
		c.endCarried()
		c.ReadAt, c.ReadSeq, c.ReadSet = by.at, by.seq, true
	case changed:
		c.Acted = c.Acted || !c.acted(k)
	}
	sent := by.open && k.Kind == events.C2C && s.receipt(k, c, by.openAt)
	did := changed || ends || moved || sent
	if did && (c.Timelines > 0 || was.listed) {
		s.show(k, c, log, was)
	}
	if changed {
		s.changed(k, c, log)
	}
	return did
}

// read folds a user's read of one conversation, or of a timeline of it.
func (s *step) read() {
	k, c, log, ok := s.loadNamed()
	if !ok {
		return
	}
	if c == nil {
		c = NewC2C()
		log = c.Log
	}
	by, floor := s.reading(), s.floor(k, c)
	if by.timeline != nil {
		floor = c.Position(*by.timeline, s.timeline(k, c, *by.timeline)).Pos
	}
	p := s.position(k, c, log, floor)
	if s.c.Upto == "" && !s.c.HasUptoAt {
		p = place{Cursor: log.Head, named: true}
	}
	did := p.pending && s.keepPending(k, c, by)
	if p.named {
		did = s.readBy(k, c, log, p.Cursor, by) || did
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

// readAll folds a read of every conversation in the list, or of all their threads.
func (s *step) readAll() {
	read := false
	for _, k := range s.TakeUnread(s.c.Inbox, s.c.Kind) {
		c, log := s.load(k)
		if c == nil || !c.Listed(s, k, log) {
			continue
		}
		to := log.Head
		if s.c.HasUptoAt {
			to = s.position(k, c, log, s.floor(k, c)).Cursor
		}
		do := s.readTo
		if s.c.Threads {
			do = s.readThreads
		}
		if do(k, c, log, to, s.reading()) {
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
