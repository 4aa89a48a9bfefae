package store

import (
	"encoding/binary"
	"slices"

	"reddot/events"
	"reddot/projector/fold"
)

// Format is the version of the stored rows. Every row but a message page,
// whose bytes are appended to, begins with it.
const Format = 1

// decoder reads one row; the first error sticks.
type decoder struct {
	b   []byte
	err error
}

func (d *decoder) fail(err error) {
	if d.err == nil {
		d.err = err
	}
	d.b = nil
}

func (d *decoder) byte() byte {
	if len(d.b) == 0 {
		d.fail(errCorrupt)
		return 0
	}
	c := d.b[0]
	d.b = d.b[1:]
	return c
}

func (d *decoder) uint() uint64 {
	n, w := binary.Uvarint(d.b)
	if w <= 0 {
		d.fail(errCorrupt)
		return 0
	}
	d.b = d.b[w:]
	return n
}

func (d *decoder) string() string {
	n := d.uint()
	if n > uint64(len(d.b)) {
		d.fail(errCorrupt)
		return ""
	}
	s := string(d.b[:n])
	d.b = d.b[n:]
	return s
}

// version reads and checks a row's format.
func (d *decoder) version() {
	if v := d.byte(); d.err == nil && v != Format {
		d.fail(formatError(v))
	}
}

func (d *decoder) end() error {
	if d.err == nil && len(d.b) > 0 {
		return errCorrupt
	}
	return d.err
}

func appendString(b []byte, s string) []byte {
	return append(binary.AppendUvarint(b, uint64(len(s))), s...)
}

func appendCursor(b []byte, c fold.Cursor) []byte {
	return binary.AppendUvarint(binary.AppendUvarint(b, uint64(c.Pos)), uint64(c.Ord))
}

func (d *decoder) cursor() fold.Cursor {
	return fold.Cursor{Pos: fold.Pos(d.uint()), Ord: fold.Ord(d.uint())}
}

func (d *decoder) time() events.Time { return events.Time(d.uint()) }

func (d *decoder) seq() events.Seq { return events.Seq(d.uint()) }

// appendBits writes a bucket as a list of offsets, or as its bits where that
// is shorter.
func appendBits(b []byte, k *fold.Bucket) []byte {
	n := k.Len()
	if n > bitsFrom {
		b = binary.AppendUvarint(b, bitsFrom+1)
		for _, w := range k {
			b = binary.LittleEndian.AppendUint64(b, w)
		}
		return b
	}
	b = binary.AppendUvarint(b, uint64(n))
	last := 0
	for o := range fold.BucketSize {
		if k[o/64]&(1<<(o%64)) != 0 {
			b = binary.AppendUvarint(b, uint64(o-last))
			last = o
		}
	}
	return b
}

// bitsFrom is the most ordinals a bucket lists one by one: from there on
// 128 bytes of bits are no longer than the list.
const bitsFrom = 100

func (d *decoder) bits() *fold.Bucket {
	k := new(fold.Bucket)
	n := d.uint()
	if n > bitsFrom {
		for i := range k {
			if len(d.b) < 8 {
				d.fail(errCorrupt)
				return k
			}
			k[i] = binary.LittleEndian.Uint64(d.b)
			d.b = d.b[8:]
		}
		return k
	}
	o := uint64(0)
	for range n {
		if o += d.uint(); o >= fold.BucketSize {
			d.fail(errCorrupt)
			return k
		}
		k[o/64] |= 1 << (o % 64)
	}
	return k
}

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

// A log begins with a byte of flags that say which of its parts follow.
const (
	logRevoked = 1 << iota
	logAll
	logMembers
	logRecalls
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
		b = appendString(b, l.Last.ID)
		b = appendString(b, l.Last.From)
		b = binary.AppendUvarint(b, uint64(l.Last.At))
		b = binary.AppendUvarint(b, uint64(l.Last.Seq))
		b = binary.AppendUvarint(b, uint64(l.BlockMin))
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

func (d *decoder) log(l *fold.Log) {
	flags := d.byte()
	l.Head = d.cursor()
	l.Version = d.seq()
	if l.Head.Pos > 0 {
		l.Last = fold.Last{ID: d.string(), From: d.string(), At: d.time(), Seq: d.seq()}
		l.BlockMin = d.time()
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

func encodeGroup(b []byte, l *fold.Log) []byte { return appendLog(append(b, Format), l) }

func decodeGroup(b []byte) (*fold.Log, error) {
	d := decoder{b: b}
	l := new(fold.Log)
	d.version()
	d.log(l)
	return l, d.end()
}

// A conversation's flags say which of its parts follow.
const (
	convLog = 1 << iota
	convReadSet
	convJoin
	convHidden
	convMuted
	convMarked
	convEarly
	convEarlyPrivate
	convReceipt
	convOwn
	convNamed
	convOwnAll
	convPeerIsLast // the peer's newest message is the log's last
)

func conversationFlags(c *fold.Conversation) uint64 {
	flags := uint64(0)
	for _, f := range []struct {
		on   bool
		flag uint64
	}{
		{c.Log.Head.Pos > 0, convLog}, {c.ReadSet, convReadSet}, {c.JoinSeq > 0, convJoin},
		{c.Hidden, convHidden}, {c.Muted, convMuted}, {c.Marked, convMarked},
		{c.Early != nil, convEarly}, {c.Early != nil && c.Early.Private, convEarlyPrivate},
		{c.Receipt != nil, convReceipt}, {c.Own.Tail != nil, convOwn},
		{c.Named.Tail != nil, convNamed}, {c.OwnAll.Tail != nil, convOwnAll},
		{c.Peer.Pos > 0 && c.Peer.Pos == c.Log.Head.Pos, convPeerIsLast},
	} {
		if f.on {
			flags |= f.flag
		}
	}
	return flags
}

func encodeConversation(b []byte, c *fold.Conversation) []byte {
	flags := conversationFlags(c)
	b = binary.AppendUvarint(append(b, Format), flags)
	b = binary.AppendUvarint(b, uint64(c.Version))
	b = appendCursor(b, c.Read)
	b = binary.AppendUvarint(b, uint64(c.ReadSeq))
	if flags&convReadSet != 0 {
		b = binary.AppendUvarint(b, uint64(c.ReadAt))
	}
	if flags&convLog != 0 {
		b = appendLog(b, &c.Log)
		if flags&convPeerIsLast == 0 {
			b = binary.AppendUvarint(b, uint64(c.Peer.Pos))
			b = appendString(b, c.Peer.ID)
		}
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
	if flags&convReceipt != 0 {
		b = appendString(b, c.Receipt.Upto)
		b = binary.AppendUvarint(b, uint64(c.Receipt.At))
		b = binary.AppendUvarint(b, uint64(c.Receipt.Seq))
	}
	for _, s := range []struct {
		set   *fold.Set
		after uint64
	}{{&c.Own, c.OwnAfter}, {&c.Named, c.NamedAfter}, {&c.OwnAll, c.OwnAllAfter}} {
		if s.set.Tail != nil {
			b = binary.AppendUvarint(appendSet(b, s.set), s.after)
		}
	}
	return b
}

func decodeConversation(b []byte) (*fold.Conversation, error) {
	d := decoder{b: b}
	c := new(fold.Conversation)
	d.version()
	flags := d.uint()
	c.Hidden, c.Muted, c.Marked = flags&convHidden != 0, flags&convMuted != 0, flags&convMarked != 0
	c.Version = d.seq()
	c.Read = d.cursor()
	c.ReadSeq = d.seq()
	if c.ReadSet = flags&convReadSet != 0; c.ReadSet {
		c.ReadAt = d.time()
	}
	if flags&convLog != 0 {
		d.log(&c.Log)
		if flags&convPeerIsLast != 0 {
			c.Peer = fold.PeerMark{Pos: c.Log.Head.Pos, ID: c.Log.Last.ID}
		} else {
			c.Peer = fold.PeerMark{Pos: fold.Pos(d.uint()), ID: d.string()}
		}
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
	if flags&convReceipt != 0 {
		c.Receipt = &fold.Receipt{Upto: d.string(), At: d.time(), Seq: d.seq()}
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

const (
	indexCounted = 1 << iota
	indexRevoked
	indexAwaited
)

func encodeIndex(b []byte, i *fold.Index) []byte {
	var flags byte
	for _, f := range []struct {
		on   bool
		flag byte
	}{{i.Counted, indexCounted}, {i.Revoked, indexRevoked}, {i.Awaited > 0, indexAwaited}} {
		if f.on {
			flags |= f.flag
		}
	}
	b = appendCursor(append(b, Format, flags), fold.Cursor{Pos: i.Pos, Ord: i.Ord})
	if i.Awaited > 0 {
		b = binary.AppendUvarint(b, i.Awaited)
	}
	return b
}

func decodeIndex(b []byte) (*fold.Index, error) {
	d := decoder{b: b}
	d.version()
	flags := d.byte()
	c := d.cursor()
	i := &fold.Index{Pos: c.Pos, Ord: c.Ord, Counted: flags&indexCounted != 0, Revoked: flags&indexRevoked != 0}
	if flags&indexAwaited != 0 {
		i.Awaited = d.uint()
	}
	return i, d.end()
}

func encodeBucket(b []byte, k *fold.Bucket) []byte { return appendBits(append(b, Format), k) }

func decodeBucket(b []byte) (*fold.Bucket, error) {
	d := decoder{b: b}
	d.version()
	k := d.bits()
	return k, d.end()
}

func encodeDirectory(b []byte, d *fold.Directory) []byte {
	b = binary.AppendUvarint(append(b, Format), uint64(len(*d)))
	last := uint64(0)
	for _, e := range *d {
		b = binary.AppendUvarint(b, e.No-last)
		b = binary.AppendUvarint(b, e.Len)
		last = e.No
	}
	return b
}

func decodeDirectory(b []byte) (*fold.Directory, error) {
	d := decoder{b: b}
	d.version()
	n := d.uint()
	if n > uint64(len(d.b)) {
		return nil, errCorrupt
	}
	dir := slices.Grow(fold.Directory{}, int(n))
	no := uint64(0)
	for range n {
		no += d.uint()
		dir = append(dir, fold.DirectoryEntry{No: no, Len: d.uint()})
	}
	return &dir, d.end()
}

// encodeNumber is the row of a user's version or a block's least time.
func encodeNumber[N events.Seq | events.Time](b []byte, n *N) []byte {
	return binary.AppendUvarint(append(b, Format), uint64(*n))
}

func decodeNumber[N events.Seq | events.Time](b []byte) (*N, error) {
	d := decoder{b: b}
	d.version()
	n := N(d.uint())
	return &n, d.end()
}

// present is a row that says only that it is there.
type present struct{}

func encodePresent(b []byte, _ *present) []byte { return append(b, Format) }

func decodePresent(b []byte) (*present, error) {
	d := decoder{b: b}
	d.version()
	return &present{}, d.end()
}
