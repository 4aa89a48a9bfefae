package store

import (
	"encoding/binary"
	"math/bits"
	"slices"

	"reddot/events"
	"reddot/projector/fold"
)

// Format is the version of the stored rows. Every row begins with it.
const Format = 2

// The codecs of all families.
var (
	conversationRows = codec[fold.Conversation]{encodeConversation, decodeConversation, 480}
	groupRows        = codec[fold.Log]{encodeGroup, decodeGroup, 240}
	userRows         = codec[account]{encodeAccount, decodeAccount, 16}
	memberRows       = codec[events.Seq]{encodeNumber[events.Seq], decodeNumber[events.Seq], 8}
	indexRows        = codec[fold.Index]{encodeIndex, decodeIndex, 32}
	pageRows         = codec[page]{encodePage, decodePage, 32}
	blockRows        = codec[fold.Span]{encodeSpan, decodeSpan, 16}
	bucketRows       = codec[fold.Chunk]{encodeBucket, decodeBucket, 128}
	directoryRows    = codec[fold.Directory]{encodeDirectory, decodeDirectory, 64}
	waiterRows       = codec[present]{encodePresent, decodePresent, 0}
	sweepRows        = codec[fold.Sweep]{encodeSweep, decodeSweep, 0}
	progressRows     = codec[fold.Progress]{encodeProgress, decodeProgress, 0}
)

const (
	indexCounted = 1 << iota
	indexRevoked
	indexAwaited
)

func encodeIndex(b []byte, i *fold.Index) []byte {
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

func decodeIndex(_, value string) (*fold.Index, error) {
	d := decoder{b: value}
	d.version()
	flags := d.byte()
	c := d.cursor()
	i := &fold.Index{Pos: c.Pos, Ord: c.Ord, Counted: flags&indexCounted != 0, Revoked: flags&indexRevoked != 0}
	if flags&indexAwaited != 0 {
		i.Awaited = d.uint()
	}
	return i, d.end()
}

// bitsFrom is the most ordinals a bucket lists one by one: from there on
// 128 bytes of bits are no longer than the list.
const bitsFrom = 100

// appendBits writes a bucket as a list of offsets, or as its bits where that
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

func (d *decoder) bits() *fold.Chunk {
	k := new(fold.Chunk)
	n := d.uint()
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
		if o += d.uint(); o >= fold.ChunkSize {
			d.fail(errCorrupt)
			return k
		}
		k[o/64] |= 1 << (o % 64)
	}
	return k
}

func encodeBucket(b []byte, k *fold.Chunk) []byte { return appendBits(append(b, Format), k) }

func decodeBucket(_, value string) (*fold.Chunk, error) {
	d := decoder{b: value}
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

func decodeDirectory(_, value string) (*fold.Directory, error) {
	d := decoder{b: value}
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

// encodeSpan is the row of a time block.
func encodeSpan(b []byte, s *fold.Span) []byte {
	b = binary.AppendUvarint(append(b, Format), uint64(s.Least))
	return binary.AppendUvarint(b, uint64(s.Greatest-s.Least))
}

func decodeSpan(_, value string) (*fold.Span, error) {
	d := decoder{b: value}
	d.version()
	s := &fold.Span{Least: d.time()}
	s.Greatest = s.Least + d.time()
	return s, d.end()
}

// account is the row of a user who lost conversations.
type account struct {
	Version events.Seq
	Era     events.Seq // see fold.Rows
}

func encodeAccount(b []byte, a *account) []byte {
	b = binary.AppendUvarint(append(b, Format), uint64(a.Version))
	return binary.AppendUvarint(b, uint64(a.Era))
}

func decodeAccount(_, value string) (*account, error) {
	d := decoder{b: value}
	d.version()
	a := &account{Version: d.seq(), Era: d.seq()}
	return a, d.end()
}

// encodeNumber is the row of a membership.
func encodeNumber[N events.Seq | events.Time](b []byte, n *N) []byte {
	return binary.AppendUvarint(append(b, Format), uint64(*n))
}

func decodeNumber[N events.Seq | events.Time](_, value string) (*N, error) {
	d := decoder{b: value}
	d.version()
	n := N(d.uint())
	return &n, d.end()
}

// present is a row that says only that it is there.
type present struct{}

func encodePresent(b []byte, _ *present) []byte { return append(b, Format) }

func decodePresent(_, value string) (*present, error) {
	d := decoder{b: value}
	d.version()
	return &present{}, d.end()
}
