package row

import (
	"encoding/binary"
	"math/bits"
	"slices"

	"reddot/events"
	"reddot/projector/fold"
)

const (
	indexCounted = 1 << iota
	indexRevoked
	indexAwaited
)

// EncodeIndex writes the row of a message id.
func EncodeIndex(b []byte, i *fold.Index) []byte {
	var flags byte
	if i.Counted {
		flags |= indexCounted
	}
	if i.Revoked {
		flags |= indexRevoked
	}
	if i.Awaited > 0 {
		flags |= indexAwaited
	}
	b = appendCursor(append(b, Format, flags), fold.Cursor{Pos: i.Pos, Ord: i.Ord})
	if i.Awaited > 0 {
		b = binary.AppendUvarint(b, i.Awaited)
	}
	return b
}

// DecodeIndex reads what EncodeIndex wrote.
func DecodeIndex(_, value string) (*fold.Index, error) {
	d := NewDecoder(value)
	flags := d.Byte()
	c := d.cursor()
	i := &fold.Index{Pos: c.Pos, Ord: c.Ord, Counted: flags&indexCounted != 0, Revoked: flags&indexRevoked != 0}
	if flags&indexAwaited != 0 {
		i.Awaited = d.Uint()
	}
	return i, d.End()
}

// bitsFrom is the most ordinals a chunk lists one by one: from there on
// 128 bytes of bits are no longer than the list.
const bitsFrom = 100

// appendBits writes a chunk as a list of offsets, or as its bits where that
// is shorter.
func appendBits(b []byte, k *fold.Chunk) []byte {
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
	for i, w := range k {
		for ; w != 0; w &= w - 1 {
			o := 64*i + bits.TrailingZeros64(w)
			b = binary.AppendUvarint(b, uint64(o-last))
			last = o
		}
	}
	return b
}

func (d *Decoder) bits() *fold.Chunk {
	k := new(fold.Chunk)
	n := d.Uint()
	if n > bitsFrom {
		for i := range k {
			for shift, c := range []byte(d.bytes(8)) {
				k[i] |= uint64(c) << (8 * shift)
			}
		}
		return k
	}
	o := uint64(0)
	for range n {
		if o += d.Uint(); o >= fold.ChunkSize {
			d.fail(ErrCorruptRow)
			return k
		}
		k[o/64] |= 1 << (o % 64)
	}
	return k
}

// EncodeChunk writes the row of a chunk of a set.
func EncodeChunk(b []byte, k *fold.Chunk) []byte { return appendBits(append(b, Format), k) }

// DecodeChunk reads what EncodeChunk wrote.
func DecodeChunk(_, value string) (*fold.Chunk, error) {
	d := NewDecoder(value)
	k := d.bits()
	return k, d.End()
}

// EncodeDirectory writes the row of a set's directory.
func EncodeDirectory(b []byte, d *fold.Directory) []byte {
	b = binary.AppendUvarint(append(b, Format), uint64(len(*d)))
	last := uint64(0)
	for _, e := range *d {
		b = binary.AppendUvarint(b, e.No-last)
		b = binary.AppendUvarint(b, e.Len)
		last = e.No
	}
	return b
}

// DecodeDirectory reads what EncodeDirectory wrote.
func DecodeDirectory(_, value string) (*fold.Directory, error) {
	d := NewDecoder(value)
	n := d.Count()
	dir := slices.Grow(fold.Directory{}, n)
	no := uint64(0)
	for range n {
		no += d.Uint()
		dir = append(dir, fold.DirectoryEntry{No: no, Len: d.Uint()})
	}
	return &dir, d.End()
}

// EncodeSpan writes the row of a time block.
func EncodeSpan(b []byte, s *fold.Span) []byte {
	b = binary.AppendUvarint(append(b, Format), uint64(s.Least))
	return binary.AppendUvarint(b, uint64(s.Greatest-s.Least))
}

// DecodeSpan reads what EncodeSpan wrote.
func DecodeSpan(_, value string) (*fold.Span, error) {
	d := NewDecoder(value)
	s := &fold.Span{Least: d.Time()}
	s.Greatest = s.Least + d.Time()
	return s, d.End()
}

// A sender's flags say which of the sets follow.
const (
	senderOwn      = 1
	senderFlagsEnd = senderOwn << 5
)

// senderSets are the sets of a sender, in the order of their flags.
func senderSets(s *fold.Sender) [5]*fold.Set {
	return [5]*fold.Set{&s.Own, &s.Recalled, &s.OwnAp, &s.Named, &s.NamedAp}
}

// EncodeSender writes the row of who has written in a group, or was named.
func EncodeSender(b []byte, s *fold.Sender) []byte {
	var flags byte
	for i, set := range senderSets(s) {
		if set.Tail != nil {
			flags |= senderOwn << i
		}
	}
	b = append(b, Format, flags)
	for _, set := range senderSets(s) {
		if set.Tail != nil {
			b = appendSet(b, set)
		}
	}
	return b
}

// DecodeSender reads what EncodeSender wrote.
func DecodeSender(_, value string) (*fold.Sender, error) {
	d := NewDecoder(value)
	s := new(fold.Sender)
	flags := d.Byte()
	for i, set := range senderSets(s) {
		if flags&(senderOwn<<i) != 0 {
			*set = d.set()
		}
	}
	if flags >= senderFlagsEnd {
		d.fail(ErrCorruptRow)
	}
	return s, d.End()
}

// EncodeNumber writes the row of the emitted seq.
func EncodeNumber[N events.Seq | events.Time](b []byte, n *N) []byte {
	return binary.AppendUvarint(append(b, Format), uint64(*n))
}

// DecodeNumber reads what EncodeNumber wrote.
func DecodeNumber[N events.Seq | events.Time](_, value string) (*N, error) {
	d := NewDecoder(value)
	n := N(d.Uint())
	return &n, d.End()
}

// Present is a row that says only that it is there.
type Present struct{}

// EncodePresent writes a row that is only there.
func EncodePresent(b []byte, _ *Present) []byte { return append(b, Format) }

// DecodePresent reads what EncodePresent wrote.
func DecodePresent(_, value string) (*Present, error) {
	d := NewDecoder(value)
	return &Present{}, d.End()
}
