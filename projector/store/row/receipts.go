package row

import (
	"encoding/binary"

	"reddot/events"
	"reddot/projector/fold"
)

const (
	memberSeen = 1 << iota
	memberPieces
)

// EncodeMember writes the row of a membership.
func EncodeMember(b []byte, m *fold.Member) []byte {
	var flags byte
	if m.Seen > 0 {
		flags |= memberSeen
	}
	if m.Pieces > 0 {
		flags |= memberPieces
	}
	b = binary.AppendUvarint(append(b, Format, flags), uint64(m.Joined))
	b = binary.AppendUvarint(b, uint64(m.Join))
	if m.Seen > 0 {
		b = binary.AppendUvarint(b, uint64(m.Seen))
		b = binary.AppendUvarint(b, uint64(m.SeenAt))
	}
	if m.Pieces > 0 {
		b = binary.AppendUvarint(b, m.Pieces)
	}
	return b
}

// DecodeMember reads what EncodeMember wrote.
func DecodeMember(_, value string) (*fold.Member, error) {
	d := NewDecoder(value)
	flags := d.Byte()
	m := &fold.Member{Joined: d.Seq(), Join: fold.Pos(d.Uint())}
	if flags&memberSeen != 0 {
		m.Seen, m.SeenAt = fold.Pos(d.Uint()), d.Time()
	}
	if flags&memberPieces != 0 {
		m.Pieces = d.Uint()
	}
	if flags >= memberPieces<<1 || m.Seen > 0 && m.Seen <= m.Join {
		d.fail(ErrCorruptRow)
	}
	return m, d.End()
}

// EncodePiece writes the row of a member's receipts for a timeline.
func EncodePiece(b []byte, p *fold.Piece) []byte {
	b = binary.AppendUvarint(append(b, Format), uint64(p.To))
	return binary.AppendUvarint(b, uint64(p.At))
}

// DecodePiece reads what EncodePiece wrote.
func DecodePiece(_, value string) (*fold.Piece, error) {
	d := NewDecoder(value)
	p := &fold.Piece{To: fold.Pos(d.Uint()), At: d.Time()}
	return p, d.End()
}

// EncodeWanted writes the row of a group's messages that ask for receipts.
func EncodeWanted(b []byte, w *fold.Wanted) []byte {
	b = binary.AppendUvarint(append(b, Format), uint64(len(w.Messages)))
	last := fold.Pos(0)
	for _, m := range w.Messages {
		b = binary.AppendUvarint(b, uint64(m.Pos-last))
		b = AppendString(AppendString(b, m.From), m.Thread)
		b = binary.AppendUvarint(b, uint64(m.Seq))
		b = binary.AppendUvarint(b, uint64(m.At))
		last = m.Pos
	}
	return b
}

// DecodeWanted reads what EncodeWanted wrote.
func DecodeWanted(_, value string) (*fold.Wanted, error) {
	d := NewDecoder(value)
	w := new(fold.Wanted)
	last := fold.Pos(0)
	for n := d.Count(); n > 0 && d.err == nil; n-- {
		m := fold.WantedMessage{Pos: last + fold.Pos(d.Uint()), From: d.String(), Thread: d.String(), Seq: d.Seq(), At: d.Time()}
		w.Messages = append(w.Messages, m)
		last = m.Pos
	}
	if len(w.Messages) > events.MaxReceipts {
		d.fail(ErrCorruptRow)
	}
	return w, d.End()
}

// countsFrom is the most counts that a tree's row lists with their places: from
// there on all of them are no longer than the list.
const countsFrom = 127

// EncodeCounts writes a row of a tree: the counts that are not 0, or all of them.
func EncodeCounts(b []byte, c *fold.Counts) []byte {
	n := 0
	for _, x := range c {
		if x != 0 {
			n++
		}
	}
	b = append(b, Format)
	if n > countsFrom {
		b = binary.AppendUvarint(b, countsFrom+1)
		for _, x := range c {
			b = binary.AppendVarint(b, x)
		}
		return b
	}
	b = binary.AppendUvarint(b, uint64(n))
	last := 0
	for i, x := range c {
		if x != 0 {
			b = binary.AppendVarint(binary.AppendUvarint(b, uint64(i-last)), x)
			last = i
		}
	}
	return b
}

// DecodeCounts reads what EncodeCounts wrote.
func DecodeCounts(_, value string) (*fold.Counts, error) {
	d := NewDecoder(value)
	c := new(fold.Counts)
	n := d.Uint()
	if n > countsFrom {
		for i := range c {
			c[i] = d.Int()
		}
		return c, d.End()
	}
	at := uint64(0)
	for range n {
		if at += d.Uint(); at >= uint64(len(c)) {
			d.fail(ErrCorruptRow)
			break
		}
		c[at] = d.Int()
	}
	return c, d.End()
}
