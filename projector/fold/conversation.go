package fold

import "reddot/events"

// Conversation is one user's row of a conversation. A C2C conversation holds
// its log; a group member's row leaves Log zero.
type Conversation struct {
	Log  *Log     // C2C only, and always there: see NewC2C
	Peer PeerMark // C2C only
	Sent Pos      // C2C only: of the owner's newest message that is not silent, hidden or recalled before it came

	Era     events.Seq // of the erasure of the inbox that it came after
	Version events.Seq // of the command that last changed this row's view

	Read    Cursor
	ReadAt  events.Time // of the read that set Read, if ReadSet
	ReadSeq events.Seq  // of the command that set Read

	Join    Cursor     // groups: the head at the join
	JoinSeq events.Seq // groups: the command that joined; C2C: the import; 0: none

	Carried         uint64 // unread messages from before the first one, by the import; while there are any, nothing is read
	CarriedMentions uint64 // how many of them name the user

	Cleared Cursor // the user has no history up to here; Read is not before it

	DeletedAt Ord // the last ordinal at the time, if Deleted

	Level   events.Level // what it puts into the totals; NoLevel stands for LevelAll
	ReadSet bool         // Read was set by a read, so ReadAt says when
	Acted   bool         // the user has cleared the mark or deleted it, if nothing else says that the user has done anything
	Deleted bool         // from the list, until a counted message comes
	Marked  bool         // marked unread by hand

	Labels []string // sorted

	PendingReads []PendingRead // the oldest first, at most events.MaxPendingReads
	Receipt      *Receipt      // C2C only

	Named Set // C2C only: ordinals of messages that name the user, not revoked; see Sender

	Timelines   uint64     // how many rows of timelines the user has
	ThreadsRead Mark       // the position of threads without one of their own, where it was moved beyond Read, and is not behind it
	Moved       events.Seq // the command that last moved the position of timelines without one of their own
	Followed    events.Seq // the command that last changed what the user is shown of followed threads, by the user's rows
	Stirred     events.Seq // the user's last delete or block, which may have changed what is shown of any thread; or what Version was at a block
	ClearSeq    events.Seq // the user's last clear that moved Cleared, if there are threads

	// Pinned is the user's last block, or unmuting of a thread, by which Version and those
	// of the user's timelines were set to what they were before it: of what the log lists up
	// to here, what has changed the view is in them, whoever is blocked and whatever is muted
	// now. Groups only; 0: there was none.
	Pinned events.Seq

	// Unfollowed is the user's last delete that has ended the following of threads, or
	// forgotten that it had ended; 0: there was none.
	Unfollowed events.Seq
}

// NewC2C returns a C2C conversation without messages.
func NewC2C() *Conversation {
	c := new(struct {
		Conversation
		log Log
	})
	c.Log = &c.log
	return &c.Conversation
}

// Exists reports whether the conversation has come into being: a C2C
// conversation does with its first message that is not hidden, or with the import, a
// group's with the join.
func (c *Conversation) Exists(k Key) bool {
	return k.Kind == events.Group || c.Log.Last.Pos > 0 || c.JoinSeq > 0
}

// Unfollows is the last command by which the following of threads in the conversation may
// have ended without a word of each: by which the user has deleted it, or which it began
// anew with or after.
func (c *Conversation) Unfollows(k Key) events.Seq { return max(c.Unfollowed, c.begun(k)) }

// empty reports whether the row says nothing.
func (c *Conversation) empty(k Key) bool {
	return k.Kind == events.C2C && c.Log.Head.Pos == 0 && c.Level == events.NoLevel && len(c.Labels)+len(c.PendingReads) == 0 && c.JoinSeq == 0
}

// Listed reports whether the conversation is in the user's list.
func (c *Conversation) Listed(r Reader, k Key, log *Log) bool {
	return c.listed(r, k, log, func() barred { return barredIn(r, k) })
}

// listed is Listed; of a conversation that was deleted, it asks who is blocked.
func (c *Conversation) listed(r Reader, k Key, log *Log, barred func() barred) bool {
	if !c.Deleted || !c.Exists(k) {
		return c.Exists(k)
	}
	if log.Counted <= c.DeletedAt {
		return false
	}
	b := barred()
	return b.others(r, k, log, c.DeletedAt, log.Head.Ord) > 0
}

// Settled reports whether a read of the whole C2C conversation would find nothing
// to do.
func (c *Conversation) Settled() bool {
	return c.Read == c.Log.Head && !c.Marked && c.Carried == 0 && !c.OwesReceipt() && c.Timelines == 0
}

// Activity orders the list, newest first.
func (c *Conversation) Activity(k Key, log *Log) events.Seq {
	if k.Kind == events.C2C && log.Last.Pos > 0 {
		return log.Last.Seq
	}
	return max(c.JoinSeq, log.Last.Seq)
}
