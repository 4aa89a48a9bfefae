package row

import (
	"encoding/binary"

	"reddot/events"
	"reddot/projector/fold"
)

// A conversation's flags say which of its parts follow, the frequent ones
// first: the fewer bytes they take.
const (
	convLog           = 1 << iota
	convReadIsHead    // nothing comes after the read position
	convVersionIsLast // the last message's command changed the view last
	convPeerIsLast    // the peer's newest message is the log's last, and newest
	convReadSet
	convReceipt
	convReceiptIsPeer // the receipt is up to the peer's newest message
	convJoin
	convReceiptIsRead // the receipt was sent by the read that set the position
	convSentBefore    // the owner's newest message that brings it into the list lies before the unfinished page
	convMuted         // its level is none
	convDeleted
	convMarked
	convNamed
	convPending
	convEra
	convMentions // its level is mentions
	convLabels
	convOwesReceipt // it is read up to its end, and the peer has not been notified; it follows from the others
	convCleared
	convCarried
	convActed
	convTimelines
	convMoved // the position of timelines without one of their own was not moved last by the command of the read
	convThreadsRead
	convThreadsReadSet
	convReceiptImported
	convStirred
	convPinned
	convUnfollowed
	convFlagsEnd
)

// noLog stands for that of a member's conversation.
var noLog fold.Log

// logOf is the log of a conversation, an empty one of a member's.
func logOf(c *fold.Conversation) *fold.Log {
	if c.Log == nil {
		return &noLog
	}
	return c.Log
}

func conversationFlags(c *fold.Conversation) uint64 {
	flags := uint64(0)
	set := func(on bool, flag uint64) {
		if on {
			flags |= flag
		}
	}
	log := logOf(c)
	set(log.Head.Pos > 0, convLog)
	set(c.Read == log.Head, convReadIsHead)
	set(log.Head.Pos > 0 && c.Version == log.Last.Seq, convVersionIsLast)
	set(lastIsNewest(log) && c.Peer.Pos == log.Head.Pos, convPeerIsLast)
	set(sentBefore(c), convSentBefore)
	set(c.ReadSet, convReadSet)
	set(c.JoinSeq > 0, convJoin)
	set(c.Deleted, convDeleted)
	set(c.Cleared.Pos > 0, convCleared)
	set(c.Carried > 0, convCarried)
	set(c.Acted, convActed)
	set(c.Level == events.LevelNone, convMuted)
	set(c.Level == events.LevelMentions, convMentions)
	set(len(c.Labels) > 0, convLabels)
	set(c.Marked, convMarked)
	if r := c.Receipt; r != nil {
		flags |= convReceipt
		set(r.Pos > 0 && r.Pos == c.Peer.Pos, convReceiptIsPeer)
		set(c.ReadSet && r.At == c.ReadAt && r.Seq == c.ReadSeq, convReceiptIsRead)
		set(r.Imported, convReceiptImported)
	}
	set(len(c.PendingReads) > 0, convPending)
	set(c.Named.Tail != nil, convNamed)
	set(c.Era > 0, convEra)
	set(c.OwesReceipt(), convOwesReceipt)
	set(c.Timelines+uint64(c.Followed) > 0, convTimelines)
	set(c.Moved != c.ReadSeq, convMoved)
	set(c.ThreadsRead != (fold.Mark{}), convThreadsRead)
	set(c.ThreadsRead.Set, convThreadsReadSet)
	set(c.Stirred+c.ClearSeq > 0, convStirred)
	set(c.Pinned > 0, convPinned)
	set(c.Unfollowed > 0, convUnfollowed)
	return flags
}

// sentBefore reports whether the unfinished page does not say which of the owner's
// messages it was that brought the conversation into the list.
func sentBefore(c *fold.Conversation) bool {
	return c.Sent > 0 && c.Sent < firstInTail(logOf(c).Head.Pos)
}

// IsSettled reports whether a stored conversation is a C2C one in which a read
// of everything finds nothing.
func IsSettled(key, value []byte) (bool, error) {
	flags, n := binary.Uvarint(value[min(1, len(value)):])
	if n <= 0 || value[0] != Format {
		_, err := DecodeConversation(string(key), string(value)) // it says why
		return false, err
	}
	k, ok := ParseConversation(string(key))
	if !ok {
		return false, ErrCorruptRow
	}
	return k.Kind == events.C2C && flags&convReadIsHead != 0 && flags&(convMarked|convCarried|convOwesReceipt|convTimelines) == 0, nil
}

// IsBefore reports whether a stored C2C conversation is of an era before an
// erasure.
func IsBefore(erasure events.Seq, key, value []byte) (bool, error) {
	d := NewDecoder(string(value))
	era := events.Seq(0)
	if flags := d.Uint(); flags&convEra != 0 {
		era = d.Seq()
	}
	k, ok := ParseConversation(string(key))
	if !ok {
		d.fail(ErrCorruptRow)
	}
	return k.Kind == events.C2C && era < erasure, d.err
}

// EncodeConversation writes a conversation's row.
func EncodeConversation(b []byte, c *fold.Conversation) []byte {
	flags := conversationFlags(c)
	b = binary.AppendUvarint(append(b, Format), flags)
	if flags&convEra != 0 {
		b = binary.AppendUvarint(b, uint64(c.Era))
	}
	if flags&convLog != 0 {
		b = appendLog(b, c.Log)
		if flags&convPeerIsLast == 0 {
			b = binary.AppendUvarint(b, uint64(c.Peer.Pos))
			b = AppendString(b, c.Peer.ID)
		}
	}
	if flags&convSentBefore != 0 {
		b = binary.AppendUvarint(b, uint64(c.Sent))
	}
	if flags&convVersionIsLast == 0 {
		b = binary.AppendUvarint(b, uint64(c.Version))
	}
	if flags&convReadIsHead == 0 {
		b = appendCursor(b, c.Read)
	}
	b = binary.AppendUvarint(b, uint64(c.ReadSeq))
	if flags&convReadSet != 0 {
		b = binary.AppendUvarint(b, uint64(c.ReadAt))
	}
	if flags&convReceipt != 0 {
		b = appendReceipt(b, c.Receipt, flags)
	}
	if flags&convJoin != 0 {
		b = appendCursor(b, c.Join)
		b = binary.AppendUvarint(b, uint64(c.JoinSeq))
	}
	if flags&convDeleted != 0 {
		b = binary.AppendUvarint(b, uint64(c.DeletedAt))
	}
	if flags&convCleared != 0 {
		b = appendCursor(b, c.Cleared)
	}
	if flags&convCarried != 0 {
		b = binary.AppendUvarint(binary.AppendUvarint(b, c.Carried), c.CarriedMentions)
	}
	b = appendPendingReads(b, c.PendingReads)
	if flags&convLabels != 0 {
		b = appendStrings(b, c.Labels)
	}
	if flags&convNamed != 0 {
		b = appendSet(b, &c.Named)
	}
	if flags&convTimelines != 0 {
		b = binary.AppendUvarint(binary.AppendUvarint(b, c.Timelines), uint64(c.Followed))
	}
	if flags&convMoved != 0 {
		b = binary.AppendUvarint(b, uint64(c.Moved))
	}
	if flags&convThreadsRead != 0 {
		b = appendMark(b, &c.ThreadsRead)
	}
	if flags&convStirred != 0 {
		b = binary.AppendUvarint(binary.AppendUvarint(b, uint64(c.Stirred)), uint64(c.ClearSeq))
	}
	if flags&convPinned != 0 {
		b = binary.AppendUvarint(b, uint64(c.Pinned))
	}
	if flags&convUnfollowed != 0 {
		b = binary.AppendUvarint(b, uint64(c.Unfollowed))
	}
	return b
}

// DecodeConversation reads what EncodeConversation wrote.
func DecodeConversation(key, value string) (*fold.Conversation, error) {
	d := NewDecoder(value)
	k, ok := ParseConversation(key)
	if !ok {
		return nil, ErrCorruptRow
	}
	c := new(fold.Conversation)
	if k.Kind == events.C2C {
		c = fold.NewC2C()
	}
	flags := d.Uint()
	c.Deleted, c.Marked, c.Acted, c.Level = flags&convDeleted != 0, flags&convMarked != 0, flags&convActed != 0, levelOf(flags)
	if flags&convEra != 0 {
		c.Era = d.Seq()
	}
	log := logOf(c)
	if flags&convLog != 0 && c.Log == nil {
		d.fail(ErrCorruptRow)
	} else if flags&convLog != 0 {
		c.Sent = d.log(k, log)
		if flags&convPeerIsLast != 0 {
			c.Peer = fold.PeerMark{Pos: log.Head.Pos, ID: log.Last.ID}
		} else {
			c.Peer = fold.PeerMark{Pos: fold.Pos(d.Uint()), ID: d.String()}
		}
	}
	if flags&convSentBefore != 0 {
		c.Sent = fold.Pos(d.Uint())
	}
	if c.Version = log.Last.Seq; flags&convVersionIsLast == 0 {
		c.Version = d.Seq()
	}
	if c.Read = log.Head; flags&convReadIsHead == 0 {
		c.Read = d.cursor()
	}
	c.ReadSeq = d.Seq()
	if c.ReadSet = flags&convReadSet != 0; c.ReadSet {
		c.ReadAt = d.Time()
	}
	if flags&convReceipt != 0 {
		c.Receipt = d.receipt(c, flags)
	}
	if flags&convJoin != 0 {
		c.Join = d.cursor()
		c.JoinSeq = d.Seq()
	}
	if flags&convDeleted != 0 {
		c.DeletedAt = fold.Ord(d.Uint())
	}
	if flags&convCleared != 0 {
		c.Cleared = d.cursor()
	}
	if flags&convCarried != 0 {
		c.Carried, c.CarriedMentions = d.Uint(), d.Uint()
	}
	if flags&convPending != 0 {
		c.PendingReads = d.pendingReads()
	}
	if flags&convLabels != 0 {
		c.Labels = d.strings()
	}
	if flags&convNamed != 0 {
		c.Named = d.set()
	}
	if flags&convTimelines != 0 {
		c.Timelines, c.Followed = d.Uint(), d.Seq()
	}
	if c.Moved = c.ReadSeq; flags&convMoved != 0 {
		c.Moved = d.Seq()
	}
	if flags&convThreadsRead != 0 {
		c.ThreadsRead = d.mark(flags&convThreadsReadSet != 0)
	}
	if flags&convStirred != 0 {
		c.Stirred, c.ClearSeq = d.Seq(), d.Seq()
	}
	if flags&convPinned != 0 {
		c.Pinned = d.Seq()
	}
	if flags&convUnfollowed != 0 {
		c.Unfollowed = d.Seq()
	}
	return c, d.End()
}

// levelOf is the level that a conversation's flags name.
func levelOf(flags uint64) events.Level {
	switch {
	case flags&convMuted != 0:
		return events.LevelNone
	case flags&convMentions != 0:
		return events.LevelMentions
	}
	return events.NoLevel
}

func appendReceipt(b []byte, r *fold.Receipt, flags uint64) []byte {
	if flags&convReceiptIsPeer == 0 {
		b = binary.AppendUvarint(AppendString(b, r.Upto), uint64(r.Pos))
	}
	if flags&convReceiptIsRead == 0 {
		b = binary.AppendUvarint(b, uint64(r.At))
		b = binary.AppendUvarint(b, uint64(r.Seq))
	}
	return b
}

// receipt reads the receipt of a conversation, whose other parts are read.
func (d *Decoder) receipt(c *fold.Conversation, flags uint64) *fold.Receipt {
	r := &fold.Receipt{Upto: c.Peer.ID, Pos: c.Peer.Pos, At: c.ReadAt, Seq: c.ReadSeq, Imported: flags&convReceiptImported != 0}
	if flags&convReceiptIsPeer == 0 {
		r.Upto, r.Pos = d.String(), fold.Pos(d.Uint())
	}
	if flags&convReceiptIsRead == 0 {
		r.At, r.Seq = d.Time(), d.Seq()
	}
	return r
}

// Of a pending read, a byte says whether the peer is notified of it, as of the time of
// the read or of another one, and whether a further one follows.
const (
	pendingOpen = 1 << iota
	pendingOpenLater
	pendingMore
	pendingOne
	pendingFlagsEnd
)

func appendPendingReads(b []byte, all []fold.PendingRead) []byte {
	for i, e := range all {
		var flags byte
		if e.Open {
			flags |= pendingOpen
		}
		if e.Open && e.OpenAt != e.At {
			flags |= pendingOpenLater
		}
		if i < len(all)-1 {
			flags |= pendingMore
		}
		if e.One {
			flags |= pendingOne
		}
		b = AppendString(append(b, flags), e.ID)
		if e.One {
			b = AppendString(b, e.Thread)
		}
		b = binary.AppendUvarint(b, uint64(e.At))
		b = binary.AppendUvarint(b, uint64(e.Seq))
		if flags&pendingOpenLater != 0 {
			b = binary.AppendUvarint(b, uint64(e.OpenAt))
		}
	}
	return b
}

// pendingReads reads the pending reads of a conversation, which has some.
func (d *Decoder) pendingReads() (all []fold.PendingRead) {
	for more := true; more && d.err == nil; {
		flags := d.Byte()
		e := fold.PendingRead{ID: d.String(), One: flags&pendingOne != 0}
		if e.One {
			e.Thread = d.String()
		}
		e.At, e.Seq = d.Time(), d.Seq()
		if flags&pendingOpen != 0 {
			e.Open, e.OpenAt = true, e.At
		}
		if flags&pendingOpenLater != 0 {
			e.OpenAt = d.Time()
		}
		all = append(all, e)
		more = flags&pendingMore != 0
	}
	if len(all) > events.MaxPendingReads {
		d.fail(ErrCorruptRow)
	}
	return all
}
