package row

import (
	"encoding/binary"

	"reddot/projector/fold"
)

// A thread's flags say which of its parts follow.
const (
	threadLast = 1 << iota
	threadLastRevoked
	threadAnswered
	threadIn
	threadAp
	threadNewest
	threadRecalls
	threadPeer
	threadFlagsEnd
)

func threadFlags(t *fold.Thread) (flags uint64) {
	set := func(on bool, flag uint64) {
		if on {
			flags |= flag
		}
	}
	set(t.Last.Pos > 0, threadLast)
	set(t.Last.Revoked, threadLastRevoked)
	set(t.Answered, threadAnswered)
	set(t.In.Tail != nil, threadIn)
	set(t.Ap.Tail != nil, threadAp)
	set(len(t.Newest) > 0, threadNewest)
	set(len(t.Recalls) > 0, threadRecalls)
	set(t.Peer.Pos > 0, threadPeer)
	return flags
}

// EncodeThread writes the row of a thread.
func EncodeThread(b []byte, t *fold.Thread) []byte {
	flags := threadFlags(t)
	b = binary.AppendUvarint(append(b, Format), flags)
	if flags&threadLast != 0 {
		b = appendMessageOf(b, &t.Last)
		b = binary.AppendUvarint(binary.AppendUvarint(b, uint64(t.Order)), uint64(t.Version))
	}
	if flags&threadIn != 0 {
		b = appendSet(b, &t.In)
	}
	if flags&threadAp != 0 {
		b = appendSet(b, &t.Ap)
	}
	if flags&threadNewest != 0 {
		b = binary.AppendUvarint(b, uint64(len(t.Newest)))
		for _, p := range t.Newest {
			b = binary.AppendUvarint(AppendString(b, p.From), uint64(p.Ord))
			b = binary.AppendUvarint(b, uint64(p.Seq))
		}
	}
	if flags&threadRecalls != 0 {
		b = appendRecalls(b, t.Recalls)
	}
	if flags&threadPeer != 0 {
		b = AppendString(binary.AppendUvarint(b, uint64(t.Peer.Pos)), t.Peer.ID)
	}
	return b
}

// DecodeThread reads what EncodeThread wrote.
func DecodeThread(_, value string) (*fold.Thread, error) {
	d := NewDecoder(value)
	flags := d.Uint()
	t := &fold.Thread{Answered: flags&threadAnswered != 0}
	if flags&threadLast != 0 {
		d.messageOf(&t.Last)
		t.Last.Thread, t.Last.Revoked = true, flags&threadLastRevoked != 0
		t.Order, t.Version = d.Seq(), d.Seq()
	}
	if flags&threadIn != 0 {
		t.In = d.set()
	}
	if flags&threadAp != 0 {
		t.Ap = d.set()
	}
	if flags&threadNewest != 0 {
		for range d.Count() {
			t.Newest = append(t.Newest, fold.Posted{From: d.String(), Ord: fold.Ord(d.Uint()), Seq: d.Seq()})
		}
	}
	if flags&threadRecalls != 0 {
		t.Recalls = d.recalls()
	}
	if flags&threadPeer != 0 {
		t.Peer = fold.PeerMark{Pos: fold.Pos(d.Uint()), ID: d.String()}
	}
	if flags >= threadFlagsEnd {
		d.fail(ErrCorruptRow)
	}
	return t, d.End()
}

// appendMessageOf writes which message a last one is.
func appendMessageOf(b []byte, l *fold.Last) []byte {
	b = AppendString(binary.AppendUvarint(b, uint64(l.Pos)), l.ID)
	b = binary.AppendUvarint(AppendString(b, l.From), uint64(l.At))
	return binary.AppendUvarint(b, uint64(l.Seq))
}

func (d *Decoder) messageOf(l *fold.Last) {
	l.Pos, l.ID, l.From, l.At, l.Seq = fold.Pos(d.Uint()), d.String(), d.String(), d.Time(), d.Seq()
}

// Of a recall, a byte says whether it is of a thread, and whether it counted apart.
const (
	recallThread = 1 << iota
	recallApart
	recallExcept
	recallOnly
	recallFlagsEnd
)

func appendRecalls(b []byte, all []fold.Recall) []byte {
	b = binary.AppendUvarint(b, uint64(len(all)))
	for _, r := range all {
		var flags byte
		if r.Thread != "" {
			flags |= recallThread
		}
		if r.Apart {
			flags |= recallApart
		}
		if len(r.Except) > 0 {
			flags |= recallExcept
		}
		if len(r.Only) > 0 {
			flags |= recallOnly
		}
		b = binary.AppendUvarint(AppendString(append(b, flags), r.From), uint64(r.Ord))
		b = binary.AppendUvarint(b, uint64(r.Seq))
		if r.Thread != "" {
			b = AppendString(b, r.Thread)
		}
		if len(r.Except) > 0 {
			b = appendStrings(b, r.Except)
		}
		if len(r.Only) > 0 {
			b = appendStrings(b, r.Only)
		}
	}
	return b
}

func (d *Decoder) recalls() (all []fold.Recall) {
	for n := d.Count(); n > 0 && d.err == nil; n-- {
		flags := d.Byte()
		r := fold.Recall{From: d.String(), Ord: fold.Ord(d.Uint()), Seq: d.Seq(), Apart: flags&recallApart != 0}
		if flags&recallThread != 0 {
			r.Thread = d.String()
		}
		if flags&recallExcept != 0 {
			r.Except = d.strings()
		}
		if flags&recallOnly != 0 {
			r.Only = d.strings()
		}
		if flags >= recallFlagsEnd {
			d.fail(ErrCorruptRow)
		}
		all = append(all, r)
	}
	return all
}

// A timeline's flags say what it is and which of its parts follow.
const (
	lineFollowing = 1 << iota
	lineMuted
	lineOwn
	lineReadSet
	lineReceipt
	lineLeft
	lineFlagsEnd
)

// EncodeTimeline writes the row of a user's timeline.
func EncodeTimeline(b []byte, t *fold.Timeline) []byte {
	var flags byte
	for i, on := range []bool{t.Following, t.Muted, t.Own, t.Read.Set, t.Receipt != nil, t.Left > 0} {
		if on {
			flags |= 1 << i
		}
	}
	b = binary.AppendUvarint(append(b, Format, flags), uint64(t.Version))
	if t.Left > 0 {
		b = binary.AppendUvarint(b, uint64(t.Left))
	}
	if t.Following {
		b = binary.AppendUvarint(b, uint64(t.From))
	}
	if t.Own {
		b = appendMark(b, &t.Read)
	}
	if r := t.Receipt; r != nil {
		b = binary.AppendUvarint(AppendString(b, r.Upto), uint64(r.Pos))
		b = binary.AppendUvarint(binary.AppendUvarint(b, uint64(r.At)), uint64(r.Seq))
	}
	return b
}

// DecodeTimeline reads what EncodeTimeline wrote.
func DecodeTimeline(key, value string) (*fold.Timeline, error) {
	d := NewDecoder(value)
	flags := d.Byte()
	t := &fold.Timeline{
		Following: flags&lineFollowing != 0, Muted: flags&lineMuted != 0, Own: flags&lineOwn != 0,
		Version: d.Seq(),
	}
	if flags&lineLeft != 0 {
		t.Left = d.Seq()
	}
	var ok bool
	if _, _, t.Thread, ok = ParseTimeline(key); !ok || flags >= lineFlagsEnd {
		d.fail(ErrCorruptRow)
	}
	if t.Following {
		t.From = fold.Ord(d.Uint())
	}
	if t.Own {
		t.Read = d.mark(flags&lineReadSet != 0)
	}
	if flags&lineReceipt != 0 {
		t.Receipt = &fold.Receipt{Upto: d.String(), Pos: fold.Pos(d.Uint()), At: d.Time(), Seq: d.Seq()}
	}
	return t, d.End()
}

// appendMark writes a read position; whether it was set by a read is a flag.
func appendMark(b []byte, m *fold.Mark) []byte {
	b = binary.AppendUvarint(appendCursor(b, m.Cursor), uint64(m.Seq))
	if m.Set {
		b = binary.AppendUvarint(b, uint64(m.At))
	}
	return b
}

func (d *Decoder) mark(set bool) fold.Mark {
	m := fold.Mark{Cursor: d.cursor(), Seq: d.Seq(), Set: set}
	if set {
		m.At = d.Time()
	}
	return m
}

// EncodeName writes the row of a thread's place in the order by activity: its name.
func EncodeName(b []byte, name *string) []byte { return AppendString(append(b, Format), *name) }

// DecodeName reads what EncodeName wrote.
func DecodeName(_, value string) (*string, error) {
	d := NewDecoder(value)
	name := d.String()
	return &name, d.End()
}
