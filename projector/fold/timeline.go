package fold

import (
	"math"
	"slices"

	"reddot/events"
)

// Mark is a read position, and by which read.
type Mark struct {
	Cursor
	At  events.Time // of the read that set it, if Set
	Seq events.Seq  // of the command that set it
	Set bool        // it was set by a read, so At says when
}

// Timeline is a user's own row of a timeline of a conversation: of a thread, or with an
// empty name of the main one. There is one where the user has done something there.
type Timeline struct {
	Thread string // its name, from the row's key

	Following bool
	From      Ord        // following: from which on what counts apart counts for the user
	Left      events.Seq // the command by which the user has ended following, if the user has: kept, so that it is told however much comes before it is
	Muted     bool       // a thread
	Own       bool       // it has a read position of its own
	Read      Mark       // if Own

	Receipt *Receipt   // C2C: the last one sent of it
	Version events.Seq // of the command that last changed the user's view of it by this row
}

// says reports whether the row of a timeline says anything beside since when it shows
// what it does, and that it does not of what changed before a seq.
func (t *Timeline) says(since events.Seq) bool {
	return t.Following || t.Muted || t.Own || t.Receipt != nil || t.Left > 0 || t.Version > since
}

// Position is the read position of a timeline (rule timeline): t is its row, or nil.
func (c *Conversation) Position(thread string, t *Timeline) Mark {
	switch {
	case t != nil && t.Own:
		return t.Read
	case thread != "" && c.ThreadsRead != (Mark{}):
		return c.ThreadsRead
	}
	return Mark{c.Read, c.ReadAt, c.ReadSeq, c.ReadSet}
}

// moved is the command that last moved the position of timelines without one of their
// own.
func (c *Conversation) moved(thread string) events.Seq {
	if thread != "" && c.ThreadsRead != (Mark{}) {
		return c.ThreadsRead.Seq
	}
	return c.Moved
}

// timelines returns the user's rows of a conversation.
func (s *step) timelines(k Key, c *Conversation) []*Timeline {
	if c.Timelines == 0 {
		return nil
	}
	return s.Timelines(k)
}

// timeline returns the user's row of a timeline, an empty one if there is none.
func (s *step) timeline(k Key, c *Conversation, thread string) *Timeline {
	if c.Timelines > 0 {
		if t := s.Timeline(k, thread); t != nil {
			return t
		}
	}
	return &Timeline{Thread: thread}
}

// putTimeline writes a timeline's row back, or deletes one that says nothing. The
// caller puts the conversation.
func (s *step) putTimeline(k Key, c *Conversation, t *Timeline) {
	if s.Sweeps().concerns(k) {
		// An earlier membership that is not swept yet has its rows in the same place: they
		// are buried before.
		s.PutConversation(k, c)
	}
	there := c.Timelines > 0 && s.Timeline(k, t.Thread) != nil
	switch says := t.says(c.moved(t.Thread)); {
	case says:
		if !there {
			c.Timelines++
		}
		s.PutTimeline(k, t)
	case there:
		less(&c.Timelines, k, "its timelines")
		s.DeleteTimeline(k, t.Thread)
	}
}

// floor is the least position that a read of every timeline may move.
func (s *step) floor(k Key, c *Conversation) Pos {
	p := c.Read.Pos
	for _, t := range s.timelines(k, c) {
		if t.Own {
			p = min(p, t.Read.Pos)
		}
	}
	return p
}

// moveTo sets a timeline's own position; the conversation's is none of its own.
func (t *Timeline) moveTo(c *Conversation, to Mark) {
	t.Own, t.Read = false, Mark{}
	if p := c.Position(t.Thread, t); p.Pos != to.Pos {
		t.Own, t.Read = true, to
	}
}

// moveAll moves the position of a conversation, and of every timeline that lies
// behind it, forward (rule thread-read). It reports whether any moves.
func (s *step) moveAll(k Key, c *Conversation, to Mark) (moves bool) {
	if moves = to.Pos > c.Read.Pos; moves {
		// What has no position of its own is read as far as it was.
		was := *c
		c.endCarried()
		c.Read, c.ReadAt, c.ReadSeq, c.ReadSet, c.Moved = to.Cursor, to.At, to.Seq, to.Set, s.seq
		if c.ThreadsRead.Pos < c.Read.Pos { // where they are the same, the threads' has not moved
			c.ThreadsRead = Mark{}
		}
		for _, t := range s.timelines(k, &was) {
			s.moveOwn(k, c, t, to)
		}
		return true
	}
	for _, t := range s.timelines(k, c) {
		if t.Own && to.Pos > t.Read.Pos { // else its row stays, as the conversation's may
			moves = s.moveOwn(k, c, t, to) || moves
		}
	}
	return moves
}

// moveOwn moves a timeline that has a position of its own as moveAll does. One that the
// conversation's has come up to keeps it until it moves: what it shows has not changed.
func (s *step) moveOwn(k Key, c *Conversation, t *Timeline, to Mark) (moves bool) {
	if moves = t.Own && to.Pos > t.Read.Pos; moves {
		t.moveTo(c, to)
		s.changedThread(k, c, t)
	}
	s.putTimeline(k, c, t)
	return moves
}

// setAll sets the position of a conversation and of every timeline (rule thread-unread).
// It reports whether any moves.
func (s *step) setAll(k Key, c *Conversation, to Mark) (moves bool) {
	all := s.timelines(k, c)
	moved := to.Cursor != c.Read
	if moves = c.endCarried() || moved; moved {
		c.Read, c.ReadAt, c.ReadSeq, c.ReadSet, c.Moved = to.Cursor, to.At, to.Seq, to.Set, s.seq
	}
	if c.ThreadsRead != (Mark{}) && c.ThreadsRead.Cursor != to.Cursor {
		if c.ThreadsRead = (Mark{}); !moved { // the main timeline's stays
			c.ThreadsRead = Mark{Cursor: to.Cursor, Seq: s.seq}
		}
		moves = true
		if slices.ContainsFunc(all, func(t *Timeline) bool { return t.Following && !t.Own }) {
			s.followed(k, c)
		}
	}
	for _, t := range all {
		if t.Own && t.Read.Cursor != c.Read {
			moves = true
			t.Own, t.Read = false, Mark{}
			s.changedThread(k, c, t)
		}
	}
	for _, t := range all {
		if moves { // else their rows stay, as the conversation's may
			s.putTimeline(k, c, t)
		}
	}
	return moves
}

// changedThread notes that the user's view of a thread changes by its row.
func (s *step) changedThread(k Key, c *Conversation, t *Timeline) {
	t.Version = s.seq
	if t.Following {
		s.followed(k, c)
	}
}

// followed notes that what a user is shown of followed threads has changed.
func (s *step) followed(k Key, c *Conversation) {
	c.Followed = s.seq
	s.touch(k)
}

// endTimelines ends following, muting and positions in a conversation
// (rule thread-list).
func (s *step) endTimelines(k Key, c *Conversation) {
	if c.Timelines > 0 {
		for _, thread := range s.EndTimelines(k, c.Era) {
			if k.Kind == events.Group {
				s.DeleteFollower(k.ID, thread, k.User)
			}
		}
	}
	c.Timelines, c.ThreadsRead = 0, Mark{}
}

// followedFrom is from where on what counts apart counts for the user; t may be nil.
func (t *Timeline) followedFrom() Ord {
	if t == nil || !t.Following {
		return math.MaxUint64
	}
	return t.From
}

// readTimeline moves the position of one timeline forward (rule thread-read): of the
// main one, or of a thread past something that shows there. It reports whether anything
// came of it, be it only a receipt; the caller writes the conversation.
func (s *step) readTimeline(k Key, c *Conversation, log *Log, thread string, to Cursor, by readBy) bool {
	t, lk := s.timeline(k, c, thread), k.LogKey()
	at := c.Position(thread, t)
	h := s.Thread(lk, thread)
	was := s.shown(k, c, log)
	marked := thread == "" && c.Marked
	moves := to.Pos > at.Pos && (thread == "" || s.passes(lk, log, h, thread, at.Cursor, to))
	if moves {
		t.moveTo(c, Mark{to, by.at, by.seq, true})
		s.changedThread(k, c, t)
		if by.open {
			s.seen(k, c, log, to.Pos, &thread, by.openAt)
		}
	}
	c.Marked = c.Marked && !marked
	ended := thread == "" && (moves || by.whole) && c.endCarried()
	if thread == "" && (moves || marked || ended) {
		c.Acted = c.Acted || !c.acted(k)
	}
	sent := by.open && k.Kind == events.C2C && s.receiptOf(k, c, t, h, by.openAt)
	if moves || sent {
		s.putTimeline(k, c, t)
	}
	did := moves || marked || ended || sent
	if did {
		s.show(k, c, log, was)
	}
	if marked {
		s.changed(k, c, log)
	}
	return did
}

// passes reports whether a read of a thread from a place to another one passes a message
// that counts, so is not purged, or is the newest that shows.
func (s *step) passes(lk Key, log *Log, h *Thread, thread string, from, to Cursor) bool {
	if !h.There() {
		return false
	}
	if h.Last.Pos > from.Pos && h.Last.Pos <= to.Pos {
		return true
	}
	after := max(from.Ord, log.Purged.Ord)
	for _, half := range []Ordinals{h.In.At(lk.SetOf(thread, SetIn)), h.Ap.At(lk.SetOf(thread, SetAp))} {
		if half.countAfter(s, after) > half.countAfter(s, max(after, to.Ord)) {
			return true
		}
	}
	return false
}

// readThreads moves the position of every thread forward, and no main timeline's, if
// that passes anything in one of them.
func (s *step) readThreads(k Key, c *Conversation, log *Log, to Cursor, by readBy) bool {
	was := s.shown(k, c, log)
	told := by.open && k.Kind == events.Group && s.Policies().Receipts != events.ReceiptsOff
	lagging, passes := s.lagging(k, c, log, to, told)
	if passes {
		at, rest := Mark{to, by.at, s.seq, true}, c.Position(unnamed, nil).Pos
		if to.Pos > rest {
			c.ThreadsRead = at
		}
		for _, t := range s.timelines(k, c) {
			if t.Thread == "" {
				continue
			}
			own := t.Own
			if moves := s.moveOwn(k, c, t, at) || !own && to.Pos > rest; moves && t.Following {
				s.followed(k, c)
			}
		}
		for _, thread := range lagging {
			if told {
				s.seen(k, c, log, to.Pos, &thread, by.openAt)
			}
		}
	}
	sent := by.open && k.Kind == events.C2C && s.receiptsOfThreads(k, c, by.openAt)
	did := passes || sent
	if did {
		s.show(k, c, log, was)
	}
	return did
}

// lagging lists the threads whose newest message that shows is unread and that a read of
// all threads up to a place moves: all of them, or as many as it takes to report whether
// the read passes something in one of them.
func (s *step) lagging(k Key, c *Conversation, log *Log, to Cursor, all bool) (threads []string, passes bool) {
	lk, rest := k.LogKey(), c.Position(unnamed, nil)
	look := func(thread string, h *Thread, from Cursor) {
		threads = append(threads, thread)
		passes = passes || s.passes(lk, log, h, thread, from, to)
	}
	for _, t := range s.timelines(k, c) {
		if t.Thread == "" || !t.Own || to.Pos <= t.Read.Pos {
			continue
		}
		if h := s.Thread(lk, t.Thread); h.There() && h.Last.Pos > t.Read.Pos {
			look(t.Thread, h, t.Read.Cursor)
		}
	}
	if to.Pos <= rest.Pos {
		return threads, passes
	}
	for _, thread := range s.ThreadOrder(lk, math.MaxUint64) {
		h := s.Thread(lk, thread)
		if h.Last.Pos <= rest.Pos || passes && !all {
			break
		}
		if !s.timeline(k, c, thread).Own {
			look(thread, h, rest.Cursor)
		}
	}
	return threads, passes
}

// unnamed stands for any thread without a row.
const unnamed = "\x00"
