package store

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
//	[number of mentions, mentions]
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
	msgFlagsEnd
)

// inTail is the number of records in the tail of a log with so many messages.
func inTail(head fold.Pos) int { return int(head % fold.PageSize) }

// tailHasBlock reports whether the unfinished time block of a log lies in its
// tail, so that its least time follows from it.
func tailHasBlock(head fold.Pos) bool {
	return inTail(head) > 0 && uint64(head)%fold.BlockSize < fold.PageSize
}

// appendRecord writes a message's record.
func appendRecord(b []byte, log fold.Key, m *fold.Message) []byte {
	var body [512]byte
	flags := recordFlags(log, m)
	r := binary.AppendUvarint(body[:0], flags)
	r = appendString(r, m.ID)
	if log.Kind == events.Group {
		r = appendString(r, m.From)
	}
	r = binary.AppendUvarint(r, uint64(m.At))
	r = binary.AppendUvarint(r, uint64(m.Seq))
	if flags&msgOwn != 0 {
		r = binary.AppendUvarint(r, uint64(m.PrevPeer))
	}
	if m.Thread != "" {
		r = appendString(r, m.Thread)
	}
	if len(m.Mentions) > 0 {
		r = binary.AppendUvarint(r, uint64(len(m.Mentions)))
		for _, user := range m.Mentions {
			r = appendString(r, user)
		}
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
	return flags
}

// record reads a message's record. The ordinal is the caller's.
func (d *decoder) record(log fold.Key) fold.Message {
	r := decoder{b: d.string()}
	flags := r.uint()
	m := fold.Message{
		ID: r.string(), Counted: flags&msgCounted != 0, Silent: flags&msgSilent != 0, Hidden: flags&msgHidden != 0,
		Revoked: flags&msgRevoked != 0, All: flags&msgAll != 0, Named: flags&msgNamed != 0,
	}
	switch {
	case log.Kind == events.Group:
		m.From = r.string()
	case flags&msgOwn != 0:
		m.From = log.User
	default:
		m.From = log.ID
	}
	m.At, m.Seq = r.time(), r.seq()
	if flags&msgOwn != 0 {
		m.PrevPeer = fold.Pos(r.uint())
	}
	if flags&msgThread != 0 {
		m.Thread = r.string()
	}
	if flags&msgMentions != 0 {
		n := r.uint()
		if n > uint64(len(r.b)) {
			r.fail(errCorrupt)
			n = 0
		}
		m.Mentions = make([]string, 0, n)
		for range n {
			m.Mentions = append(m.Mentions, r.string())
		}
	}
	if err := r.end(); err != nil {
		d.fail(err)
	}
	return m
}

// page is the records of some messages that follow each other, and the
// ordinal that the log had reached before them.
type page struct {
	base    fold.Ord
	records string
}

// tailOf is the unfinished page of a log.
func tailOf(l *fold.Log) page {
	p := page{l.Head.Ord, l.Tail}
	p.each(func(flags uint64, _ string) bool {
		if flags&msgCounted != 0 {
			p.base--
		}
		return true
	})
	return p
}

func encodePage(b []byte, p *page) []byte {
	b = binary.AppendUvarint(append(b, Format), uint64(p.base))
	return append(b, p.records...)
}

func decodePage(_, value string) (*page, error) {
	d := decoder{b: value}
	d.version()
	p := &page{base: fold.Ord(d.uint()), records: d.b}
	for range fold.PageSize {
		if d.string() == "" {
			d.fail(errCorrupt)
		}
	}
	return p, d.end()
}

// each calls fn with the flags and the id of every message, until it returns
// false.
func (p page) each(fn func(flags uint64, id string) bool) {
	d := decoder{b: p.records}
	for d.b != "" {
		r := decoder{b: d.string()}
		if !fn(r.uint(), r.string()) {
			return
		}
	}
}

// find returns the place of a message id. first is the position of the page's
// first message.
func (p page) find(first fold.Pos, wanted string) (i fold.Index, ok bool) {
	at := fold.Cursor{Pos: first - 1, Ord: p.base}
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

// message reads the message at a position, which lies in the page.
func (p page) message(log fold.Key, pos fold.Pos) (fold.Message, error) {
	d := decoder{b: p.records}
	ord := p.base
	for range inPage(pos) {
		if r := d.string(); r != "" && r[0]&msgCounted != 0 {
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

// mustMessage is message within Apply or Read.
func (p page) mustMessage(log fold.Key, pos fold.Pos) fold.Message {
	m, err := p.message(log, pos)
	if err != nil {
		check(rowError(appendPage(nil, pageKey{log, pageNo(pos)}), err))
	}
	return m
}

// messages reads all messages of the page.
func (p page) messages(log fold.Key, first fold.Pos) (all []fold.Message, err error) {
	n := 0
	p.each(func(uint64, string) bool { n++; return true })
	for i := range n {
		m, err := p.message(log, first+fold.Pos(i))
		if err != nil {
			return nil, err
		}
		all = append(all, m)
	}
	return all, nil
}

// pageNo is the number of a message's page, inPage its place there, from 0.
func pageNo(pos fold.Pos) uint64 { return (uint64(pos) - 1) / fold.PageSize }
func inPage(pos fold.Pos) int    { return int((uint64(pos) - 1) % fold.PageSize) }

// findInTail finds a message id in the unfinished page of a log that has one.
func findInTail(l *fold.Log, id string) (fold.Index, bool) {
	return tailOf(l).find(firstOf(pageNo(l.Head.Pos)), id)
}
