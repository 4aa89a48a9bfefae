package fold

import (
	"math/bits"
	"slices"
)

// ChunkSize is the number of consecutive ordinals that one chunk of a set
// covers. It is part of the stored format.
const ChunkSize = 1024

// Chunk is the part of a set within ChunkSize consecutive ordinals.
type Chunk [ChunkSize / 64]uint64

func (b *Chunk) has(o Ord) bool { return b[o%ChunkSize/64]&(1<<(o%64)) != 0 }

// with and without return a changed copy: a chunk is never changed, so that
// rows may share it.
func (b *Chunk) with(o Ord) *Chunk {
	c := new(Chunk)
	if b != nil {
		*c = *b
	}
	c[o%ChunkSize/64] |= 1 << (o % 64)
	return c
}

func (b *Chunk) without(o Ord) *Chunk {
	c := *b
	c[o%ChunkSize/64] &^= 1 << (o % 64)
	return &c
}

// Len is the number of ordinals in the chunk.
func (b *Chunk) Len() int {
	n := 0
	for _, w := range b {
		n += bits.OnesCount64(w)
	}
	return n
}

// countAfter counts the ordinals of the chunk larger than o, which lies in
// the chunk's range.
func (b *Chunk) countAfter(o Ord) int {
	i := int(o % ChunkSize / 64)
	// Shifting by 64 gives 0, which is right for the last bit of a word.
	n := bits.OnesCount64(b[i] >> (o%64 + 1))
	for _, w := range b[i+1:] {
		n += bits.OnesCount64(w)
	}
	return n
}

// SetKind distinguishes the sets of one owner. The values are stored.
type SetKind byte

// The kinds of set; see the fields of Log, Thread, Sender and Conversation.
const (
	SetRevoked  SetKind = 'r'
	SetAll      SetKind = 'a'
	SetAllAp    SetKind = 'A'
	SetThreaded SetKind = 't'
	SetApart    SetKind = 'p'
	SetIn       SetKind = 'i'
	SetAp       SetKind = 'P'
	SetOwn      SetKind = 'o'
	SetOwnAp    SetKind = 'O'
	SetRecalled SetKind = 'c'
	SetNamed    SetKind = 'n'
	SetNamedAp  SetKind = 'N'

	// SetGone is of positions, in chunks alone: nobody counts them. It has no field: the
	// messages of a group that were recalled and had not counted.
	SetGone SetKind = 'g'
)

// SetKey names a set: its owner is a log for the sets of a Log or of a Thread, the key
// of who wrote for those of a Sender, else a conversation.
type SetKey struct {
	Owner  Key
	Kind   SetKind
	Thread string // of the sets of a Thread: its name
}

// Set names one of the sets of the row at k.
func (k Key) Set(kind SetKind) SetKey { return SetKey{Owner: k, Kind: kind} }

// DirectoryEntry says how many ordinals a stored chunk holds; never 0.
type DirectoryEntry struct{ No, Len uint64 }

// Directory lists the chunks of a set that lie in rows of their own, by
// number.
type Directory []DirectoryEntry

func (d Directory) find(no uint64) (int, bool) {
	return slices.BinarySearchFunc(d, no, func(e DirectoryEntry, no uint64) int {
		switch {
		case e.No < no:
			return -1
		case e.No > no:
			return 1
		}
		return 0
	})
}

// Set is a set of ordinals that mostly grows at its end. Its newest chunk
// lies in the owner's row; older ones, with a directory of their sizes, in
// rows of their own, which the owner's row need not load. So adding an
// ordinal writes the owner's row and, once in ChunkSize ordinals, two more;
// counting reads at most the directory and one chunk.
//
// Invariant: the stored chunks' numbers are below TailNo, and there are
// Stored of them.
type Set struct {
	Tail   *Chunk // nil: the set is empty
	TailNo uint64
	Stored uint64 // chunks in rows of their own
}

func chunkNo(o Ord) uint64 { return uint64(o) / ChunkSize }

// Add puts o into the set.
func (s *Set) Add(rows Rows, k SetKey, o Ord) {
	no := chunkNo(o)
	switch {
	case s.Tail == nil:
		s.TailNo = no
	case no > s.TailNo:
		if s.Tail.Len() > 0 {
			rows.AddChunk(k, s.TailNo, s.Tail)
			s.list(rows, k, s.TailNo, s.Tail)
		}
		s.Tail, s.TailNo = nil, no
	case no < s.TailNo:
		s.store(rows, k, no, rows.Chunk(k, no).with(o))
		return
	}
	s.Tail = s.Tail.with(o)
}

// Remove takes o out of the set and reports whether it was in.
func (s *Set) Remove(rows Rows, k SetKey, o Ord) bool {
	if !s.Has(rows, k, o) {
		return false
	}
	if no := chunkNo(o); no != s.TailNo {
		s.store(rows, k, no, rows.Chunk(k, no).without(o))
	} else if s.Tail = s.Tail.without(o); s.Stored == 0 && s.Tail.Len() == 0 {
		*s = Set{}
	}
	return true
}

// store writes a chunk that is not the tail, with its directory entry.
func (s *Set) store(rows Rows, k SetKey, no uint64, b *Chunk) {
	rows.PutChunk(k, no, b)
	s.list(rows, k, no, b)
}

// list writes the directory entry of a chunk.
func (s *Set) list(rows Rows, k SetKey, no uint64, b *Chunk) {
	d := slices.Clone(rows.Directory(k))
	i, found := d.find(no)
	switch n := uint64(b.Len()); {
	case found && n == 0:
		d = slices.Delete(d, i, i+1)
	case found:
		d[i].Len = n
	default:
		d = slices.Insert(d, i, DirectoryEntry{no, n})
	}
	s.Stored = uint64(len(d))
	rows.PutDirectory(k, d)
}

// Has reports whether o is in the set.
func (s *Set) Has(r Reader, k SetKey, o Ord) bool {
	b := s.chunk(r, k, chunkNo(o))
	return b != nil && b.has(o)
}

// chunk returns the chunk with a number, nil if it is empty.
func (s *Set) chunk(r Reader, k SetKey, no uint64) *Chunk {
	switch {
	case s.Tail == nil || no > s.TailNo:
		return nil
	case no == s.TailNo:
		return s.Tail
	case s.Stored == 0:
		return nil
	}
	return r.Chunk(k, no)
}

// CountAfter counts the ordinals larger than o.
func (s *Set) CountAfter(r Reader, k SetKey, o Ord) uint64 {
	no := chunkNo(o)
	if s.Tail == nil || no > s.TailNo {
		return 0
	}
	if no == s.TailNo {
		return uint64(s.Tail.countAfter(o))
	}
	n := uint64(s.Tail.Len())
	if s.Stored == 0 {
		return n
	}
	d := r.Directory(k)
	i, found := d.find(no)
	if found {
		b := r.Chunk(k, no)
		if b == nil {
			Break(k.Owner, "chunk %d of set %c is missing", no, k.Kind)
		}
		n += uint64(b.countAfter(o))
		i++
	}
	for _, e := range d[i:] {
		n += e.Len
	}
	return n
}
