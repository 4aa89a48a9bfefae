package store

import (
	"encoding/binary"
	"errors"
	"slices"

	"reddot/events"
	"reddot/projector/fold"
)

// A page is the concatenation of up to fold.PageSize message records. The
// first record is preceded by the format and the ordinal that the log had
// reached before it. A record is its length and
//
//	flags, id, [from], at, seq, [previous message of the peer], [thread],
//	[number of mentions, mentions]
//
// in C2C pages the sender is the owner or the peer and is a flag.

const (
	msgCounted = 1 << iota
	msgSilent
	msgRevoked
	msgAll
	msgNamed
	msgOwn
	msgThread
	msgMentions
)

// appendRecord writes a message's record. first begins a page.
func appendRecord(b []byte, log fold.Key, m *fold.Message, first bool) []byte {
	if first {
		base := m.Ord
		if m.Counted {
			base--
		}
		b = binary.AppendUvarint(append(b, Format), uint64(base))
	}
	var body [512]byte
	r := append(body[:0], recordFlags(log, m))
	r = appendString(r, m.ID)
	if log.Kind == events.Group {
		r = appendString(r, m.From)
	}
	r = binary.AppendUvarint(r, uint64(m.At))
	r = binary.AppendUvarint(r, uint64(m.Seq))
	if r[0]&msgOwn != 0 {
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

func recordFlags(log fold.Key, m *fold.Message) byte {
	var flags byte
	for _, f := range [...]struct {
		on   bool
		flag byte
	}{
		{m.Counted, msgCounted}, {m.Silent, msgSilent}, {m.Revoked, msgRevoked}, {m.All, msgAll},
		{m.Named, msgNamed}, {log.Kind == events.C2C && m.From == log.User, msgOwn},
		{m.Thread != "", msgThread}, {len(m.Mentions) > 0, msgMentions},
	} {
		if f.on {
			flags |= f.flag
		}
	}
	return flags
}

func decodeRecord(b []byte, log fold.Key) (fold.Message, error) {
	d := decoder{b: b}
	flags := d.byte()
	m := fold.Message{
		ID: d.string(), Counted: flags&msgCounted != 0, Silent: flags&msgSilent != 0,
		Revoked: flags&msgRevoked != 0, All: flags&msgAll != 0, Named: flags&msgNamed != 0,
	}
	switch {
	case log.Kind == events.Group:
		m.From = d.string()
	case flags&msgOwn != 0:
		m.From = log.User
	default:
		m.From = log.ID
	}
	m.At, m.Seq = d.time(), d.seq()
	if flags&msgOwn != 0 {
		m.PrevPeer = fold.Pos(d.uint())
	}
	if flags&msgThread != 0 {
		m.Thread = d.string()
	}
	if flags&msgMentions != 0 {
		n := d.uint()
		if n > uint64(len(d.b)) {
			return m, errCorrupt
		}
		m.Mentions = slices.Grow(m.Mentions, int(n))
		for range n {
			m.Mentions = append(m.Mentions, d.string())
		}
	}
	return m, d.end()
}

// page is a decoded page: the ordinal before it, and its records' bytes.
type page struct {
	base    fold.Ord
	records [][]byte
	counted []fold.Ord // the ordinal reached with each record
}

func decodePage(b []byte) (*page, error) {
	p := new(page)
	d := decoder{b: b}
	d.version()
	p.base = fold.Ord(d.uint())
	if d.err != nil {
		return nil, d.err
	}
	ord := p.base
	err := eachRecord(b, func(_ uint64, whole []byte) {
		d := decoder{b: whole}
		if len(p.records) == 0 {
			d.byte()
			d.uint()
		}
		d.uint()
		if d.b[0]&msgCounted != 0 {
			ord++
		}
		p.records = append(p.records, d.b)
		p.counted = append(p.counted, ord)
	})
	return p, err
}

// eachRecord calls fn with every record of a page as appendRecord wrote it,
// with its place in the page.
func eachRecord(b []byte, fn func(in uint64, whole []byte)) error {
	start := 0
	d := decoder{b: b}
	d.version()
	d.uint()
	for in := uint64(0); len(d.b) > 0; in++ {
		n := d.uint()
		if d.err != nil || n == 0 || n > uint64(len(d.b)) || in == fold.PageSize {
			return errors.Join(errCorrupt, d.err)
		}
		d.b = d.b[n:]
		end := len(b) - len(d.b)
		fn(in, b[start:end:end])
		start = end
	}
	return d.err
}

// message decodes the message at a position, which lies in the page.
func (p *page) message(log fold.Key, pos fold.Pos) (fold.Message, error) {
	i := int((pos - 1) % fold.PageSize)
	if i >= len(p.records) {
		return fold.Message{}, errCorrupt
	}
	m, err := decodeRecord(p.records[i], log)
	m.Ord = p.counted[i]
	return m, err
}

func pageNo(pos fold.Pos) uint64 { return (uint64(pos) - 1) / fold.PageSize }
