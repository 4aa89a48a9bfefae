package fold

import (
	"slices"

	"reddot/events"
)

// PendingRead is a read up to a message that has not arrived yet, or several up to the
// same one: when it comes, it is read as if it had been there before them.
type PendingRead struct {
	ID  string
	At  events.Time // of the first
	Seq events.Seq  // of the first

	One    bool   // it is of one timeline
	Thread string // of which, if One

	Open   bool        // not all of them are private
	OpenAt events.Time // of the first that is not
}

// keepPending remembers a read for when its message arrives (rule read-early). It
// reports whether that is anything new.
func (s *step) keepPending(k Key, c *Conversation, by readBy) bool {
	e := PendingRead{ID: s.c.Upto, At: s.at, Seq: s.seq}
	if by.timeline != nil {
		e.One, e.Thread = true, *by.timeline
	}
	if !s.c.Private {
		e.Open, e.OpenAt = true, s.at
	}
	c.PendingReads = slices.Clone(c.PendingReads)
	same := func(o PendingRead) bool { return o.ID == e.ID && o.One == e.One && o.Thread == e.Thread }
	if i := slices.IndexFunc(c.PendingReads, same); i >= 0 {
		known := &c.PendingReads[i]
		if known.Open || !e.Open {
			return false
		}
		known.Open, known.OpenAt = true, e.OpenAt
		return true
	}
	if len(c.PendingReads) == events.MaxPendingReads {
		oldest := c.PendingReads[0].ID
		c.PendingReads = slices.Delete(c.PendingReads, 0, 1)
		if c.pending(oldest) < 0 {
			s.dropReader(k, oldest)
		}
	}
	waits := c.pending(e.ID) >= 0 // for another timeline
	c.PendingReads = append(c.PendingReads, e)
	if k.Kind == events.Group && !waits {
		// An earlier membership that is not swept yet may await the same message: it
		// is buried before.
		s.PutConversation(k, c)
		s.PutPendingReader(k.ID, e.ID, k.User)
		i, _ := s.Index(k.LogKey(), e.ID)
		i.Awaited++
		s.PutIndex(k.LogKey(), e.ID, i)
	}
	return true
}

// pending finds the first pending read up to a message, -1 if there is none.
func (c *Conversation) pending(id string) int {
	return slices.IndexFunc(c.PendingReads, func(e PendingRead) bool { return e.ID == id })
}

// arrived applies the reads that came before their message (rule read-early). The
// message is the newest of the log.
func (s *step) arrived(k Key, c *Conversation, log *Log, id string) {
	for i := c.pending(id); i >= 0; i = c.pending(id) {
		e := c.PendingReads[i]
		c.PendingReads = slices.Delete(slices.Clone(c.PendingReads), i, i+1)
		by := readBy{at: e.At, seq: e.Seq, open: e.Open, openAt: e.OpenAt}
		if e.One {
			by.timeline = &e.Thread
		}
		s.readBy(k, c, log, log.Head, by)
	}
}

// dropPending forgets all reads up to messages that have not arrived.
func (s *step) dropPending(k Key, c *Conversation) {
	all := c.PendingReads
	c.PendingReads = nil
	for i, e := range all {
		if !slices.ContainsFunc(all[:i], func(o PendingRead) bool { return o.ID == e.ID }) {
			s.dropReader(k, e.ID)
		}
	}
}

// dropReader notes that a member of a group no longer awaits a message.
func (s *step) dropReader(k Key, id string) {
	if k.Kind != events.Group {
		return
	}
	lk := k.LogKey()
	s.DeletePendingReader(k.ID, id, k.User)
	i, _ := s.Index(lk, id)
	if i.Pos > 0 {
		return // it has come since the membership ended
	}
	if less(&i.Awaited, k, "who awaits "+id); i.Awaited == 0 && !i.Revoked {
		s.DeleteIndex(lk, id)
	} else {
		s.PutIndex(lk, id, i)
	}
}

// waiting is what is shown to the members who have read up to a message before it comes.
func (s *step) waiting(g string, log *Log, id string) map[string]shown {
	all := map[string]shown{}
	for _, user := range s.PendingReaders(g, id) {
		k := Key{user, GroupKey(g).ConversationID}
		if c := s.Conversation(k); c != nil {
			all[user] = s.shown(k, c, log)
		}
	}
	return all
}

// awaited applies the reads of the members who have read up to a message before it
// came (rule read-early). Of one that counts apart, before is what was shown to them: if it
// is read as it comes, their conversation shows nothing new (rule quiet).
func (s *step) awaited(g string, log *Log, id string, before map[string]shown) {
	for _, user := range s.PendingReaders(g, id) {
		k := Key{user, GroupKey(g).ConversationID}
		s.DeletePendingReader(g, id, user)
		c := s.Conversation(k)
		if s.Sweeps().concerns(k) && (c == nil || c.pending(id) < 0) {
			continue // who waited is a member no more
		}
		c = s.conversation(k)
		was := *c
		s.arrived(k, c, log, id)
		if old, known := before[user]; known && c.Version == s.seq && c.Read == was.Read && c.Marked == was.Marked {
			is := s.shown(k, c, log)
			if is.version = old.version; is == old {
				c.Version = max(was.Version, old.version)
			}
		}
		s.PutConversation(k, c)
		if (c.Version == s.seq || c.Followed == s.seq) && c.Listed(s, k, log) {
			s.fx.Noted = append(s.fx.Noted, k)
		}
	}
}
