package fold

import (
	"fmt"

	"reddot/events"
)

// Apply folds one command into the rows. now is the stream's time of the
// command, used where the command carries none. fx is reset first.
func Apply(rows Rows, seq events.Seq, now events.Time, c *events.Command, fx *Effects) {
	fx.Reset()
	s := step{Rows: rows, seq: seq, at: now, c: c, fx: fx}
	if c.HasAt {
		s.at = c.At
	}
	switch c.Verb {
	case events.UserMessage:
		s.message(c.From, c.From)
	case events.UserSent:
		s.message(c.To, c.Inbox)
	case events.UserRevoke:
		s.revoke()
	case events.UserRead:
		s.read()
	case events.UserReadAll:
		s.readAll()
	case events.UserUnread:
		s.unread()
	case events.UserMute:
		s.mute()
	case events.UserLevel:
		s.setLevel(s.c.Level)
	case events.UserLabel:
		s.label()
	case events.UserFilter:
		s.filter()
	case events.UserBlock:
		s.block()
	case events.UserEdit:
		s.edit()
	case events.GroupEdit:
		s.groupEdit()
	case events.UserFollow:
		s.follow()
	case events.UserDelete:
		s.remove()
	case events.UserClear:
		s.clear()
	case events.UserImport:
		s.importAll()
	case events.UserErase:
		s.erase()
	case events.GroupMessage:
		s.groupMessage()
	case events.GroupRevoke:
		s.groupRevoke()
	case events.GroupJoin:
		s.join()
	case events.GroupLeave:
		s.leave()
	case events.GroupDismiss:
		s.dismiss()
	case events.GroupPurge:
		s.purge()
	case events.PolicySet:
		s.policy()
	case events.ClockSet:
		s.clock()
	default:
		panic(fmt.Sprintf("fold: seq %d: verb %d has no rule", seq, c.Verb))
	}
	if fx.Refused == "" {
		s.sweep()
	}
}

// step is one command on its way through the fold.
type step struct {
	Rows
	seq events.Seq
	at  events.Time
	c   *events.Command
	fx  *Effects
}

// load returns a conversation with its log. The conversation is nil if there
// is no row.
func (s *step) load(k Key) (*Conversation, *Log) {
	c := s.Conversation(k)
	if c == nil {
		return nil, nil
	}
	if k.Kind == events.Group {
		return c, s.group(k.ID)
	}
	return c, c.Log
}

// loadNamed loads the conversation that a user's command names, nil if there is none. A
// group that the user is no member of is refused: then ok is false.
func (s *step) loadNamed() (k Key, c *Conversation, log *Log, ok bool) {
	k = Key{s.c.Inbox, s.c.Conversation}
	c, log = s.load(k)
	if c == nil && k.Kind == events.Group {
		s.refuse(ReasonNotMember)
		return k, nil, nil, false
	}
	return k, c, log, true
}

// conversation returns one that must be there.
func (s *step) conversation(k Key) *Conversation {
	c := s.Conversation(k)
	if c == nil {
		Break(k, "it is missing")
	}
	return c
}

// group returns the log of a group that must be there.
func (s *step) group(g string) *Log {
	log := s.Group(g)
	if log == nil {
		Break(GroupKey(g), "it is missing")
	}
	return log
}

// append gives a message the next position of its log.
func (s *step) append(lk Key, log *Log, m *Message) {
	log.Head.Pos++
	if m.Counted {
		log.Head.Ord++
	}
	m.Ord = log.Head.Ord
	if m.Counted && !m.Apart {
		log.Counted = m.Ord
	}
	pos := log.Head.Pos
	log.Block = log.Block.with(m.At, (uint64(pos)-1)%BlockSize == 0)
	if uint64(pos)%BlockSize == 0 {
		s.AddTimeBlock(lk, uint64(pos)/BlockSize-1, log.Block)
	}
	s.Append(lk, log, m)
	if m.Expires {
		s.PutDue(Due{At: m.ExpiresAt, Log: lk, Pos: pos})
	}
	if m.Hidden || m.Apart { // rules hidden, apart
		return
	}
	if thread := m.Thread != ""; !thread && log.OfThreads().Main.Pos > 0 {
		log.ownThreads().Main = Last{}
	} else if thread && !log.Last.Thread {
		log.ownThreads().Main = log.Last
	}
	log.Last = Last{ID: m.ID, From: m.From, At: m.At, Seq: s.seq, Pos: pos, Revoked: m.Revoked, Thread: m.Thread != ""}
}

// moveTo sets the read position.
func (c *Conversation) moveTo(to Cursor) {
	c.endCarried()
	c.Read = to
}

// putOrDrop writes a row back, or deletes one that says nothing.
func (s *step) putOrDrop(k Key, c *Conversation) {
	if c.empty(k) {
		s.DeleteConversation(k)
		return
	}
	s.PutConversation(k, c)
}
