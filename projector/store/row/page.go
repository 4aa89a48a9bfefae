package row

import (
	"encoding/binary"

	"reddot/events"
	"reddot/projector/fold"
)

// A page is fold.PageSize records of messages, one after the other, behind the
// format and the ordinal that the log had reached before them. It is written
// once, when it is full: until then its records are the Tail of the log, whose
// row is written with every message anyway. A record is its length and
//
//	flags, id, [from], at, seq, [previous message of the peer], [thread],
//	[previous messages of the peer, in the main timeline and in the thread],
//	[number of mentions, mentions], [expires at]
//
// in C2C pages the sender is the owner or the peer and is a flag.

// The flags are a varint: the frequent ones take one byte.
const (
	msgCounted = 1 << iota
	msgOwn
	msgNamed
	msgMentions
	msgAll
	msgThread
	msgSilent
	msgRevoked
	msgHidden
	msgExpires
	msgApart
	msgBefore // the peer's newest messages before it follow
	msgFlagsEnd
)

// InTail is the number of records in the tail of a log with so many messages.
func InTail(head fold.Pos) int { return int(head % fold.PageSize) }

// tailHasBlock reports whether the unfinished time block of a log lies in its
// tail, so that its least time follows from it.
func tailHasBlock(head fold.Pos) bool {
	return InTail(head) > 0 && uint64(head)%fold.BlockSize < fold.PageSize
}

// AppendRecord writes a message's record.
func AppendRecord(b []byte, log fold.Key, m *fold.Message) []byte {
	var body [512]byte
	flags := recordFlags(log, m)
	r := binary.AppendUvarint(body[:0], flags)
	r = AppendString(r, m.ID)
	if log.Kind == events.Group {
		r = AppendString(r, m.From)
	}
	r = binary.AppendUvarint(r, uint64(m.At))
	r = binary.AppendUvarint(r, uint64(m.Seq))
	if flags&msgOwn != 0 {
		r = binary.AppendUvarint(r, uint64(m.PrevPeer))
	}
	if m.Thread != "" {
		r = AppendString(r, m.Thread)
	}
	if flags&msgBefore != 0 {
		r = binary.AppendUvarint(binary.AppendUvarint(r, uint64(m.PrevMain)), uint64(m.PrevThread))
	}
	if len(m.Mentions) > 0 {
		r = binary.AppendUvarint(r, uint64(len(m.Mentions)))
		for _, user := range m.Mentions {
			r = AppendString(r, user)
		}
	}
	if m.Expires {
		r = binary.AppendUvarint(r, uint64(m.ExpiresAt))
	}
	return append(binary.AppendUvarint(b, uint64(len(r))), r...)
}

func recordFlags(log fold.Key, m *fold.Message) (flags uint64) {
	set := func(on bool, flag uint64) {
		if on {
			flags |= flag
		}
	}
	set(m.Counted, msgCounted)
	set(m.Silent, msgSilent)
	set(m.Hidden, msgHidden)
	set(m.Revoked, msgRevoked)
	set(m.All, msgAll)
	set(m.Named, msgNamed)
	set(log.Kind == events.C2C && m.From == log.User, msgOwn)
	set(m.Thread != "", msgThread)
	set(len(m.Mentions) > 0, msgMentions)
	set(m.Expires, msgExpires)
	set(m.Apart, msgApart)
	set(m.PrevMain+m.PrevThread > 0, msgBefore)
	return flags
}

// record reads a message's record. The ordinal is the caller's.
func (d *Decoder) record(log fold.Key) fold.Message {
	r := Decoder{rest: d.String()}
	flags := r.Uint()
	m := fold.Message{
		ID: r.String(), Counted: flags&msgCounted != 0, Silent: flags&msgSilent != 0, Hidden: flags&msgHidden != 0,
		Revoked: flags&msgRevoked != 0, All: flags&msgAll != 0, Named: flags&msgNamed != 0,
		Apart: flags&msgApart != 0,
	}
	switch {
	case log.Kind == events.Group:
		m.From = r.String()
	case flags&msgOwn != 0:
		m.From = log.User
	default:
		m.From = log.ID
	}
	m.At, m.Seq = r.Time(), r.Seq()
	if flags&msgOwn != 0 {
		m.PrevPeer = fold.Pos(r.Uint())
	}
	if flags&msgThread != 0 {
		m.Thread = r.String()
	}
	if flags&msgBefore != 0 {
		m.PrevMain, m.PrevThread = fold.Pos(r.Uint()), fold.Pos(r.Uint())
	}
	if flags&msgMentions != 0 {
		n := r.Count()
		m.Mentions = make([]string, 0, n)
		for range n {
			m.Mentions = append(m.Mentions, r.String())
		}
	}
	if flags&msgExpires != 0 {
		m.Expires, m.ExpiresAt = true, r.Time()
	}
	if err := r.End(); err != nil {
		d.fail(err)
	}
	return m
}

// Page is the records of some messages that follow each other, and the
// ordinal that the log had reached before them.
type Page struct {
	Base    fold.Ord
	Records string
}

// TailOf is the unfinished page of a log.
func TailOf(l *fold.Log) Page {
	p := Page{l.Head.Ord, l.Tail}
	p.each(func(flags uint64, _ string) bool {
		if flags&msgCounted != 0 {
			p.Base--
		}
		return true
	})
	return p
}

// EncodePage writes the row of a full page.
func EncodePage(b []byte, p *Page) []byte {
	b = binary.AppendUvarint(append(b, Format), uint64(p.Base))
	return append(b, p.Records...)
}

// DecodePage reads what EncodePage wrote.
func DecodePage(_, value string) (*Page, error) {
	d := NewDecoder(value)
	p := &Page{Base: fold.Ord(d.Uint()), Records: d.rest}
	for range fold.PageSize {
		if d.String() == "" {
			d.fail(ErrCorruptRow)
		}
	}
	return p, d.End()
}

// each calls fn with the flags and the id of every message, until it returns
// false.
func (p Page) each(fn func(flags uint64, id string) bool) {
	d := Decoder{rest: p.Records}
	for d.rest != "" {
		r := Decoder{rest: d.String()}
		if !fn(r.Uint(), r.String()) {
			return
		}
	}
}

// Places calls fn with every message id and its place. first is the position of
// the page's first message.
func (p Page) Places(first fold.Pos, fn func(id string, i fold.Index)) {
	at := fold.Cursor{Pos: first - 1, Ord: p.Base}
	p.each(func(flags uint64, id string) bool {
		at.Pos++
		if flags&msgCounted != 0 {
			at.Ord++
		}
		fn(id, fold.Index{Pos: at.Pos, Ord: at.Ord, Counted: flags&msgCounted != 0})
		return true
	})
}

// find returns the place of a message id. first is the position of the page's
// first message.
func (p Page) Find(first fold.Pos, wanted string) (i fold.Index, ok bool) {
	at := fold.Cursor{Pos: first - 1, Ord: p.Base}
	p.each(func(flags uint64, id string) bool {
		at.Pos++
		if flags&msgCounted != 0 {
			at.Ord++
		}
		if ok = id == wanted; ok {
			i = fold.Index{Pos: at.Pos, Ord: at.Ord, Counted: flags&msgCounted != 0}
		}
		return !ok
	})
	return i, ok
}

// Message reads the message at a position, which lies in the page.
func (p Page) Message(log fold.Key, pos fold.Pos) (fold.Message, error) {
	d := Decoder{rest: p.Records}
	ord := p.Base
	for range inPage(pos) {
		if r := d.String(); r != "" && r[0]&msgCounted != 0 {
			ord++
		}
	}
	m := d.record(log)
	if m.Counted {
		ord++
	}
	m.Ord = ord
	return m, d.err
}

// Replaced is the page with another message at a position, which lies in it.
func (p Page) Replaced(log fold.Key, pos fold.Pos, m *fold.Message) Page {
	d := Decoder{rest: p.Records}
	for range inPage(pos) {
		_ = d.String()
	}
	before := p.Records[:len(p.Records)-len(d.rest)]
	_ = d.String()
	return Page{p.Base, before + string(AppendRecord(nil, log, m)) + d.rest}
}

// Messages reads all messages of the page.
func (p Page) Messages(log fold.Key, first fold.Pos) (all []fold.Message, err error) {
	n := 0
	p.each(func(uint64, string) bool { n++; return true })
	for i := range n {
		m, err := p.Message(log, first+fold.Pos(i))
		if err != nil {
			return nil, err
		}
		all = append(all, m)
	}
	return all, nil
}

// Expiring calls fn with the messages of the page that expire. first is the position of
// the page's first message.
func (p Page) Expiring(log fold.Key, first fold.Pos, fn func(at events.Time, pos fold.Pos)) (err error) {
	pos := first
	p.each(func(flags uint64, _ string) bool {
		if flags&msgExpires != 0 {
			var m fold.Message
			if m, err = p.Message(log, pos); err == nil {
				fn(m.ExpiresAt, pos)
			}
		}
		pos++
		return err == nil
	})
	return err
}

// PageNo is the number of a message's page, inPage its place there, from 0.
func PageNo(pos fold.Pos) uint64 { return (uint64(pos) - 1) / fold.PageSize }
func inPage(pos fold.Pos) int    { return int((uint64(pos) - 1) % fold.PageSize) }

// FindInTail finds a message id in the unfinished page of a log that has one.
func FindInTail(l *fold.Log, id string) (fold.Index, bool) {
	return TailOf(l).Find(FirstOf(PageNo(l.Head.Pos)), id)
}

// FirstOf is the position of a page's first message.
func FirstOf(page uint64) fold.Pos { return fold.Pos(page*fold.PageSize) + 1 }
