package store

import (
	"encoding/binary"

	"reddot/events"
	"reddot/projector/fold"
)

func appendSet(b []byte, s *fold.Set) []byte {
	b = binary.AppendUvarint(b, s.TailNo)
	b = binary.AppendUvarint(b, s.Stored)
	return appendBits(b, s.Tail)
}

func (d *decoder) set() fold.Set {
	s := fold.Set{TailNo: d.uint(), Stored: d.uint()}
	s.Tail = d.bits()
	return s
}

// A log begins with a byte of flags that say which of its parts follow. Its
// unfinished page follows the parts that it spares: the newest message, and in
// a time block's first page the least time.
const (
	logRevoked = 1 << iota
	logAll
	logMembers
	logRecalls
	logFlagsEnd
)

func appendLog(b []byte, l *fold.Log) []byte {
	var flags byte
	if l.Revoked.Tail != nil {
		flags |= logRevoked
	}
	if l.All.Tail != nil {
		flags |= logAll
	}
	if l.Peak > 0 {
		flags |= logMembers
	}
	if len(l.Recalls) > 0 {
		flags |= logRecalls
	}
	b = append(b, flags)
	b = appendCursor(b, l.Head)
	b = binary.AppendUvarint(b, uint64(l.Version))
	if l.Head.Pos > 0 {
		if inTail(l.Head.Pos) == 0 {
			b = appendString(b, l.Last.ID)
			b = appendString(b, l.Last.From)
			b = binary.AppendUvarint(b, uint64(l.Last.At))
			b = binary.AppendUvarint(b, uint64(l.Last.Seq))
		}
		if !tailHasBlock(l.Head.Pos) {
			b = binary.AppendUvarint(b, uint64(l.BlockMin))
		}
		b = append(b, l.Tail...)
	}
	if flags&logRevoked != 0 {
		b = appendSet(b, &l.Revoked)
	}
	if flags&logAll != 0 {
		b = appendSet(b, &l.All)
	}
	if flags&logMembers != 0 {
		b = binary.AppendUvarint(binary.AppendUvarint(b, l.Members), l.Peak)
	}
	if flags&logRecalls != 0 {
		b = binary.AppendUvarint(b, uint64(len(l.Recalls)))
		for _, r := range l.Recalls {
			b = binary.AppendUvarint(appendString(b, r.From), uint64(r.Ord))
			b = binary.AppendUvarint(b, uint64(r.Seq))
		}
	}
	return b
}

// log reads a log. lk is its key.
func (d *decoder) log(lk fold.Key, l *fold.Log) {
	flags := d.byte()
	l.Head = d.cursor()
	l.Version = d.seq()
	if l.Head.Pos > 0 {
		if inTail(l.Head.Pos) == 0 {
			l.Last = fold.Last{ID: d.string(), From: d.string(), At: d.time(), Seq: d.seq()}
		}
		if !tailHasBlock(l.Head.Pos) {
			l.BlockMin = d.time()
		}
		d.tail(lk, l)
	}
	if flags&logRevoked != 0 {
		l.Revoked = d.set()
	}
	if flags&logAll != 0 {
		l.All = d.set()
	}
	if flags&logMembers != 0 {
		l.Members, l.Peak = d.uint(), d.uint()
	}
	if flags&logRecalls != 0 {
		for n := d.uint(); n > 0 && d.err == nil; n-- {
			l.Recalls = append(l.Recalls, fold.Recall{From: d.string(), Ord: fold.Ord(d.uint()), Seq: d.seq()})
		}
	}
}

// tail reads the unfinished page of a log, and what follows from it.
func (d *decoder) tail(lk fold.Key, l *fold.Log) {
	all, counted := d.b, fold.Ord(0)
	for range inTail(l.Head.Pos) {
		m := d.record(lk)
		if m.Counted {
			counted++
		}
		l.Last = fold.Last{ID: m.ID, From: m.From, At: m.At, Seq: m.Seq}
		if tailHasBlock(l.Head.Pos) && (l.Tail == "" || m.At < l.BlockMin) {
			l.BlockMin = m.At
		}
		l.Tail = all[:len(all)-len(d.b)]
	}
	if counted > l.Head.Ord {
		d.fail(errCorrupt)
	}
}

func encodeGroup(b []byte, l *fold.Log) []byte { return appendLog(append(b, Format), l) }

func decodeGroup(key, value string) (*fold.Log, error) {
	d := decoder{b: value}
	l := new(fold.Log)
	d.version()
	d.log(fold.GroupKey(key[1:]), l)
	return l, d.end()
}

// A conversation's flags say which of its parts follow, the frequent ones
// first: the fewer bytes they take.
const (
	convLog           = 1 << iota
	convReadIsHead    // nothing comes after the read position
	convVersionIsLast // the newest message's command changed the view last
	convPeerIsLast    // the peer's newest message is the log's last
	convReadSet
	convReceipt
	convReceiptIsPeer // the receipt is up to the peer's newest message
	convJoin
	convReceiptIsRead // the receipt was sent by the read that set the position
	convOwn
	convMuted
	convHidden
	convMarked
	convNamed
	convEarly
	convEarlyPrivate
	convOwnAll
	convFlagsEnd
)

func conversationFlags(c *fold.Conversation) uint64 {
	flags := uint64(0)
	set := func(on bool, flag uint64) {
		if on {
			flags |= flag
		}
	}
	set(c.Log.Head.Pos > 0, convLog)
	set(c.Read == c.Log.Head, convReadIsHead)
	set(c.Log.Head.Pos > 0 && c.Version == c.Log.Last.Seq, convVersionIsLast)
	set(c.Log.Head.Pos > 0 && c.Peer.Pos == c.Log.Head.Pos, convPeerIsLast)
	set(c.ReadSet, convReadSet)
	set(c.JoinSeq > 0, convJoin)
	set(c.Hidden, convHidden)
	set(c.Muted, convMuted)
	set(c.Marked, convMarked)
	if r := c.Receipt; r != nil {
		flags |= convReceipt
		set(r.Upto == c.Peer.ID, convReceiptIsPeer)
		set(c.ReadSet && r.At == c.ReadAt && r.Seq == c.ReadSeq, convReceiptIsRead)
	}
	if e := c.Early; e != nil {
		flags |= convEarly
		set(e.Private, convEarlyPrivate)
	}
	set(c.Own.Tail != nil, convOwn)
	set(c.Named.Tail != nil, convNamed)
	set(c.OwnAll.Tail != nil, convOwnAll)
	return flags
}

// settled reports whether a stored conversation is a C2C one in which a read
// of everything finds nothing.
func settled(key, value []byte) (bool, error) {
	flags, n := binary.Uvarint(value[min(1, len(value)):])
	if n <= 0 || value[0] != Format {
		_, err := decodeConversation(string(key), string(value)) // it says why
		return false, err
	}
	k, ok := conversationKey(string(key))
	if !ok {
		return false, errCorrupt
	}
	return k.Kind == events.C2C && flags&convReadIsHead != 0 && flags&convMarked == 0, nil
}

func encodeConversation(b []byte, c *fold.Conversation) []byte {
	flags := conversationFlags(c)
	b = binary.AppendUvarint(append(b, Format), flags)
	if flags&convLog != 0 {
		b = appendLog(b, &c.Log)
		if flags&convPeerIsLast == 0 {
			b = binary.AppendUvarint(b, uint64(c.Peer.Pos))
			b = appendString(b, c.Peer.ID)
		}
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
	if flags&convHidden != 0 {
		b = binary.AppendUvarint(b, uint64(c.HiddenAt))
	}
	if flags&convEarly != 0 {
		b = appendString(b, c.Early.ID)
		b = binary.AppendUvarint(b, uint64(c.Early.At))
		b = binary.AppendUvarint(b, uint64(c.Early.Seq))
	}
	if flags&convOwn != 0 {
		b = binary.AppendUvarint(appendSet(b, &c.Own), c.OwnAfter)
	}
	if flags&convNamed != 0 {
		b = binary.AppendUvarint(appendSet(b, &c.Named), c.NamedAfter)
	}
	if flags&convOwnAll != 0 {
		b = binary.AppendUvarint(appendSet(b, &c.OwnAll), c.OwnAllAfter)
	}
	return b
}

func decodeConversation(key, value string) (*fold.Conversation, error) {
	d := decoder{b: value}
	c := new(fold.Conversation)
	d.version()
	flags := d.uint()
	c.Hidden, c.Muted, c.Marked = flags&convHidden != 0, flags&convMuted != 0, flags&convMarked != 0
	k, ok := conversationKey(key)
	if !ok {
		return nil, errCorrupt
	}
	if flags&convLog != 0 {
		d.log(k, &c.Log)
		if flags&convPeerIsLast != 0 {
			c.Peer = fold.PeerMark{Pos: c.Log.Head.Pos, ID: c.Log.Last.ID}
		} else {
			c.Peer = fold.PeerMark{Pos: fold.Pos(d.uint()), ID: d.string()}
		}
	}
	if c.Version = c.Log.Last.Seq; flags&convVersionIsLast == 0 {
		c.Version = d.seq()
	}
	if c.Read = c.Log.Head; flags&convReadIsHead == 0 {
		c.Read = d.cursor()
	}
	c.ReadSeq = d.seq()
	if c.ReadSet = flags&convReadSet != 0; c.ReadSet {
		c.ReadAt = d.time()
	}
	if flags&convReceipt != 0 {
		c.Receipt = d.receipt(c, flags)
	}
	if flags&convJoin != 0 {
		c.Join = d.cursor()
		c.JoinSeq = d.seq()
	}
	if flags&convHidden != 0 {
		c.HiddenAt = fold.Ord(d.uint())
	}
	if flags&convEarly != 0 {
		c.Early = &fold.Early{ID: d.string(), At: d.time(), Seq: d.seq(), Private: flags&convEarlyPrivate != 0}
	}
	if flags&convOwn != 0 {
		c.Own, c.OwnAfter = d.set(), d.uint()
	}
	if flags&convNamed != 0 {
		c.Named, c.NamedAfter = d.set(), d.uint()
	}
	if flags&convOwnAll != 0 {
		c.OwnAll, c.OwnAllAfter = d.set(), d.uint()
	}
	return c, d.end()
}

func appendReceipt(b []byte, r *fold.Receipt, flags uint64) []byte {
	if flags&convReceiptIsPeer == 0 {
		b = appendString(b, r.Upto)
	}
	if flags&convReceiptIsRead == 0 {
		b = binary.AppendUvarint(b, uint64(r.At))
		b = binary.AppendUvarint(b, uint64(r.Seq))
	}
	return b
}

// receipt reads the receipt of a conversation, whose other parts are read.
func (d *decoder) receipt(c *fold.Conversation, flags uint64) *fold.Receipt {
	r := &fold.Receipt{Upto: c.Peer.ID, At: c.ReadAt, Seq: c.ReadSeq}
	if flags&convReceiptIsPeer == 0 {
		r.Upto = d.string()
	}
	if flags&convReceiptIsRead == 0 {
		r.At, r.Seq = d.time(), d.seq()
	}
	return r
}
