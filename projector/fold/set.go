package fold

import (
	"math/bits"
	"slices"
)

// BucketSize is the number of consecutive ordinals that one bucket of a set
// covers. It is part of the stored format.
const BucketSize = 1024

// Bucket is the part of a set within BucketSize consecutive ordinals.
type Bucket [BucketSize / 64]uint64

func (b *Bucket) has(o Ord) bool { return b[o%BucketSize/64]&(1<<(o%64)) != 0 }

// with and without return a changed copy: a bucket is never changed, so that
// rows may share it.
func (b *Bucket) with(o Ord) *Bucket {
	c := new(Bucket)
	if b != nil {
		*c = *b
	}
	c[o%BucketSize/64] |= 1 << (o % 64)
	return c
}

func (b *Bucket) without(o Ord) *Bucket {
	c := *b
	c[o%BucketSize/64] &^= 1 << (o % 64)
	return &c
}

// Len is the number of ordinals in the bucket.
func (b *Bucket) Len() int {
	n := 0
	for _, w := range b {
		n += bits.OnesCount64(w)
	}
	return n
}

// countAfter counts the ordinals of the bucket larger than o, which lies in
// the bucket's range.
func (b *Bucket) countAfter(o Ord) int {
	i := int(o % BucketSize / 64)
	// Shifting by 64 gives 0, which is right for the last bit of a word.
	n := bits.OnesCount64(b[i] >> (o%64 + 1))
	for _, w := range b[i+1:] {
		n += bits.OnesCount64(w)
	}
	return n
}

// SetKind tells the sets of one owner apart. The values are stored.
type SetKind byte

// The kinds of set; see the fields of Log and Conversation.
const (
	SetRevoked SetKind = 'r'
	SetAll     SetKind = 'a'
	SetOwn     SetKind = 'o'
	SetNamed   SetKind = 'n'
	SetOwnAll  SetKind = 'e'
)

// SetKey names a set: its owner is a log for SetRevoked and SetAll, else a
// conversation.
type SetKey struct {
	Owner Key
	Kind  SetKind
}

// Set names one of the sets of the row at k.
func (k Key) Set(kind SetKind) SetKey { return SetKey{k, kind} }

// DirectoryEntry says how many ordinals a stored bucket holds; never 0.
type DirectoryEntry struct{ No, Len uint64 }

// Directory lists the buckets of a set that lie in rows of their own, by
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

// Set is a set of ordinals that mostly grows at its end. Its newest bucket
// lies in the owner's row; older ones, with a directory of their sizes, in
// rows of their own, which the owner's row need not load. So adding an
// ordinal writes the owner's row and, once in BucketSize ordinals, two more;
// counting reads at most the directory and one bucket.
//
// Invariant: the stored buckets' numbers are below TailNo, and there are
// Stored of them.
type Set struct {
	Tail   *Bucket // nil: the set is empty
	TailNo uint64
	Stored uint64 // buckets in rows of their own
}

func bucketNo(o Ord) uint64 { return uint64(o) / BucketSize }

// Add puts o into the set.
func (s *Set) Add(rows Rows, k SetKey, o Ord) {
	no := bucketNo(o)
	switch {
	case s.Tail == nil:
		s.TailNo = no
	case no > s.TailNo:
		if s.Tail.Len() > 0 {
			s.store(rows, k, s.TailNo, s.Tail)
		}
		s.Tail, s.TailNo = nil, no
	case no < s.TailNo:
		s.store(rows, k, no, rows.Bucket(k, no).with(o))
		return
	}
	s.Tail = s.Tail.with(o)
}

// Remove takes o out of the set and reports whether it was in.
func (s *Set) Remove(rows Rows, k SetKey, o Ord) bool {
	if !s.Has(rows, k, o) {
		return false
	}
	if no := bucketNo(o); no != s.TailNo {
		s.store(rows, k, no, rows.Bucket(k, no).without(o))
	} else if s.Tail = s.Tail.without(o); s.Stored == 0 && s.Tail.Len() == 0 {
		*s = Set{}
	}
	return true
}

// store writes a bucket that is not the tail, with its directory entry.
func (s *Set) store(rows Rows, k SetKey, no uint64, b *Bucket) {
	rows.PutBucket(k, no, b)
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
	b := s.bucket(r, k, bucketNo(o))
	return b != nil && b.has(o)
}

// bucket returns the bucket with a number, nil if it is empty.
func (s *Set) bucket(r Reader, k SetKey, no uint64) *Bucket {
	switch {
	case s.Tail == nil || no > s.TailNo:
		return nil
	case no == s.TailNo:
		return s.Tail
	case s.Stored == 0:
		return nil
	}
	return r.Bucket(k, no)
}

// CountAfter counts the ordinals larger than o.
func (s *Set) CountAfter(r Reader, k SetKey, o Ord) uint64 {
	no := bucketNo(o)
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
		b := r.Bucket(k, no)
		if b == nil {
			Break(k.Owner, "bucket %d of set %c is missing", no, k.Kind)
		}
		n += uint64(b.countAfter(o))
		i++
	}
	for _, e := range d[i:] {
		n += e.Len
	}
	return n
}

// clear deletes the set's own rows.
func (s *Set) clear(rows Rows, k SetKey) {
	if s.Stored == 0 {
		return
	}
	for _, e := range rows.Directory(k) {
		rows.PutBucket(k, e.No, new(Bucket))
	}
	rows.PutDirectory(k, nil)
}

// NextFree returns the least ordinal in (after, upto] that is in neither set,
// or 0 if there is none.
func NextFree(r Reader, a *Set, ka SetKey, b *Set, kb SetKey, after, upto Ord) Ord {
	for o := after + 1; o <= upto; {
		no := bucketNo(o)
		var taken Bucket
		for _, t := range [2]*Bucket{a.bucket(r, ka, no), b.bucket(r, kb, no)} {
			if t != nil {
				for i := range taken {
					taken[i] |= t[i]
				}
			}
		}
		for end := Ord(no+1) * BucketSize; o < end; o++ {
			if o > upto {
				return 0
			}
			if !taken.has(o) {
				return o
			}
		}
	}
	return 0
}
