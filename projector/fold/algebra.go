package fold

import "math/bits"

// Ordinals is a set with the key that its chunks are stored under.
type Ordinals struct {
	*Set
	Key SetKey
}

// At is the set with its key.
func (s *Set) At(k SetKey) Ordinals { return Ordinals{s, k} }

// countAfter counts the ordinals larger than o.
func (s Ordinals) countAfter(r Reader, o Ord) uint64 { return s.CountAfter(r, s.Key, o) }

// chunks is how many chunks the set has that may hold ordinals larger than o: the
// stored ones among them, and the tail.
func (s Ordinals) chunks(r Reader, o Ord) (stored Directory, n int) {
	no := chunkNo(o)
	switch {
	case s.Tail == nil || no > s.TailNo:
		return nil, 0
	case s.Stored == 0 || no == s.TailNo:
		return nil, 1
	}
	d := r.Directory(s.Key)
	i, _ := d.find(no)
	return d[i:], len(d) - i + 1
}

// and keeps what is in the other chunk too; nil is an empty one.
func (b *Chunk) and(c *Chunk) {
	if c == nil {
		*b = Chunk{}
		return
	}
	for i := range b {
		b[i] &= c[i]
	}
}

// not drops what is in the other chunk; nil is an empty one.
func (b *Chunk) not(c *Chunk) {
	if c == nil {
		return
	}
	for i := range b {
		b[i] &^= c[i]
	}
}

// cut drops what is not larger than o from the chunk with a number.
func (b *Chunk) cut(no uint64, o Ord) {
	first := Ord(no) * ChunkSize
	if o < first {
		return
	}
	n := min(uint64(o-first)+1, ChunkSize)
	for i := range n / 64 {
		b[i] = 0
	}
	if n%64 > 0 {
		b[n/64] &^= 1<<(n%64) - 1
	}
}

// least is the least ordinal of the chunk with a number; false if it is empty.
func (b *Chunk) least(no uint64) (Ord, bool) {
	for i, w := range b {
		if w != 0 {
			return Ord(no)*ChunkSize + Ord(64*i+bits.TrailingZeros64(w)), true
		}
	}
	return 0, false
}

// CommonAfter counts the ordinals larger than o that are in all of some sets. It
// reads the chunks of the set that has the fewest, and those of the others beside
// them.
func CommonAfter(r Reader, o Ord, sets ...Ordinals) (n uint64) {
	drive, fewest := 0, -1
	var stored Directory
	for i := range sets {
		d, chunks := sets[i].chunks(r, o)
		if chunks == 0 {
			return 0
		}
		if fewest < 0 || chunks < fewest {
			drive, fewest, stored = i, chunks, d
		}
	}
	common := func(no uint64) uint64 {
		b := *sets[drive].mustChunk(r, no)
		b.cut(no, o)
		for i := range sets {
			if i != drive {
				b.and(sets[i].chunk(r, sets[i].Key, no))
			}
		}
		return uint64(b.Len())
	}
	for _, e := range stored {
		n += common(e.No)
	}
	return n + common(sets[drive].TailNo)
}

// mustChunk is a chunk that the directory lists, or the tail.
func (s Ordinals) mustChunk(r Reader, no uint64) *Chunk {
	b := s.chunk(r, s.Key, no)
	if b == nil {
		Break(s.Key.Owner, "chunk %d of set %c is missing", no, s.Key.Kind)
	}
	return b
}

// last is the greatest ordinal of the set's tail, or one not less than all of the set if
// the tail is empty; false if the set is.
func (s Ordinals) last() (Ord, bool) {
	if s.Tail == nil {
		return 0, false
	}
	first := Ord(s.TailNo) * ChunkSize
	for i := len(s.Tail) - 1; i >= 0; i-- {
		if w := s.Tail[i]; w != 0 {
			return first + Ord(64*i+bits.Len64(w)-1), true
		}
	}
	return first, true
}

// NextIn returns the least ordinal larger than o that is in a set and in none of
// others, or 0 if there is none.
func NextIn(r Reader, set Ordinals, o Ord, without ...Ordinals) Ord {
	stored, n := set.chunks(r, o)
	if n == 0 {
		return 0
	}
	next := func(no uint64) (Ord, bool) {
		b := *set.mustChunk(r, no)
		return nextIn(r, &b, no, o, without)
	}
	for _, e := range stored {
		if at, ok := next(e.No); ok {
			return at
		}
	}
	at, _ := next(set.TailNo)
	return at
}

// NextFree returns the least ordinal in (after, upto] that is in none of the sets,
// or 0 if there is none.
func NextFree(r Reader, after, upto Ord, sets ...Ordinals) Ord {
	for no := chunkNo(after + 1); after < upto && no <= chunkNo(upto); no++ {
		var b Chunk
		for i := range b {
			b[i] = ^uint64(0)
		}
		if o, ok := nextIn(r, &b, no, after, sets); ok {
			if o > upto {
				return 0
			}
			return o
		}
	}
	return 0
}

// nextIn is the least ordinal after another one in the chunk with a number that is in
// none of the sets.
func nextIn(r Reader, b *Chunk, no uint64, after Ord, without []Ordinals) (Ord, bool) {
	b.cut(no, after)
	for _, s := range without {
		b.not(s.chunk(r, s.Key, no))
	}
	return b.least(no)
}
