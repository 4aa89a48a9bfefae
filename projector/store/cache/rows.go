package cache

import (
	"encoding/binary"
	"hash/maphash"
	"math"
	"math/bits"
)

// Rows keeps the rows of one family as they are stored, those used lately, in two
// generations, as a [Cache] does.
//
// There are some hundred thousand, and whatever has pointers is looked through by the
// garbage collector, again and again: a string each for key and value would make that the
// most expensive thing of a fold. So rows lie in large pieces of memory without pointers,
// slabs, and a table of numbers says where. Who asks for a row is given a copy.
//
//	slot    the upper half of the key's hash, and where the row lies: slab and place in it
//	record  the row's sum, the lengths of value and key, key, value
//
// A record is of a class, which bounds its size from above and, from 1/4 on, from below.
// One that outgrows its class moves, and the next of that class takes its place. The memory
// of a generation that is forgotten is that of the next young one.
type Rows struct {
	bound      int // bytes
	young, old *generation
}

// Row is a row as it is stored, or, if it is not, what is known of that.
type Row struct {
	Key, Value string
	Sum        uint64 // whatever goes with it
	Stored     bool   // else there is none with this key
}

// NewRows returns a cache that keeps to a bound of bytes, about.
func NewRows(bound int) Rows { return Rows{bound: bound, young: new(generation), old: new(generation)} }

var seed = maphash.MakeSeed()

// Hash is a key's, by which rows and the filter know it: nobody outside of the process can
// choose keys that have the same.
func Hash(key []byte) uint64 { return maphash.Bytes(seed, key) }

// Get returns what is known of the row with a key. That is a use of it.
func (c *Rows) Get(hash uint64, key []byte) (r Row, known bool) {
	rec, known := c.young.find(hash, key)
	if !known {
		if rec, known = c.old.find(hash, key); !known {
			return r, false
		}
		copy(c.young.room(hash, key, len(rec)), rec)
	}
	k := rec.keyLen()
	both := string(rec[header:])
	return Row{Key: both[:k], Value: both[k:], Sum: rec.sum(), Stored: rec.stored()}, true
}

// Put enters a row, or replaces it.
func Put[B string | []byte](c *Rows, hash uint64, key []byte, value B, sum uint64, stored bool) {
	rec := c.young.room(hash, key, header+len(key)+len(value))
	binary.LittleEndian.PutUint64(rec, sum)
	n := uint32(len(value)) << 1
	if stored {
		n |= 1
	}
	binary.LittleEndian.PutUint32(rec[8:], n)
	binary.LittleEndian.PutUint32(rec[12:], uint32(len(key)))
	copy(rec[header:], key)
	copy(rec[header+len(key):], value)
}

// Trim keeps the cache within its bound.
func (c *Rows) Trim() {
	if c.young.bytes > c.bound/2 {
		c.old.empty(c.bound)
		c.young, c.old = c.old, c.young
	}
}

// Shrink sets another bound, in bytes; the next Trim keeps to it.
func (c *Rows) Shrink(bound int) { c.bound = bound }

// record is a row in a slab.
type record []byte

const header = 16

func (r record) sum() uint64   { return binary.LittleEndian.Uint64(r) }
func (r record) stored() bool  { return r[8]&1 == 1 }
func (r record) valueLen() int { return int(binary.LittleEndian.Uint32(r[8:]) >> 1) }
func (r record) keyLen() int   { return int(binary.LittleEndian.Uint32(r[12:])) }
func (r record) size() int     { return header + r.keyLen() + r.valueLen() }

// Sizes in bytes. A place in a slab is a multiple of unit, so that 16 bits tell it.
const (
	unit      = 16
	slabLeast = 4 << 10
	slabMost  = 256 << 10
	largest   = 64 << 10 // a record beyond that has a slab of its own
	slotBytes = 16       // what a slot takes in a table that is half full
)

// classes is how many classes records up to largest have: multiples of 16 up to 128, and
// four up to each further power of two.
const classes = 44

func classOf(size int) int {
	if size <= 128 {
		return (size - 1) / 16
	}
	e := bits.Len(uint(size-1)) - 8
	return 8 + 4*e + (size-1-128<<e)/(32<<e)
}

// sizeOf is the room that a record of a class has.
func sizeOf(class int) int {
	if class < 8 {
		return 16 * (class + 1)
	}
	e := (class - 8) / 4
	return 128<<e + (32<<e)*((class-8)%4+1)
}

// place is where a record lies: the slab's number, and the units before it, 16 bits; never 0.
type place uint32

type generation struct {
	slots   []uint64 // 0 or a tag and a place; a power of two of them
	rows    int
	slabs   [][]byte
	filling int            // the slab from which room is taken
	free    [classes]place // the first that is free, which has the next one's place in it
	holes   []place        // slabs of large records that are gone
	bytes   int            // of the room that was taken, free or not, and of slots
}

// at is the memory at a place, to the end of what of its slab is in use.
func (g *generation) at(p place) record { return g.slabs[p>>16][int(p&0xffff)*unit:] }

// find returns the record of a key.
func (g *generation) find(hash uint64, key []byte) (rec record, found bool) {
	if g.rows == 0 {
		return nil, false
	}
	if s := g.slots[g.slot(hash, key)]; s != 0 {
		rec = g.at(place(s))
		return rec[:rec.size()], true
	}
	return nil, false
}

// first is where a hash's slot is looked for first.
func (g *generation) first(hash uint64) int { return int(hash>>32) & (len(g.slots) - 1) }

// slot is where the slot of a key is, or is to be.
func (g *generation) slot(hash uint64, key []byte) int {
	tag, mask := hash>>32, len(g.slots)-1
	for i := g.first(hash); ; i = (i + 1) & mask {
		s := g.slots[i]
		if s == 0 {
			return i
		}
		if s>>32 == tag {
			if rec := g.at(place(s)); rec.keyLen() == len(key) && string(rec[header:header+len(key)]) == string(key) {
				return i
			}
		}
	}
}

// room returns the memory of a key's record, to be written: that of the one there was, if it
// has the right size.
func (g *generation) room(hash uint64, key []byte, size int) record {
	if 4*(g.rows+1) > 3*len(g.slots) {
		g.moreSlots()
	}
	i := g.slot(hash, key)
	if s := g.slots[i]; s == 0 {
		g.rows++
		g.bytes += slotBytes
	} else {
		p := place(s)
		rec := g.at(p)
		was := rec.size()
		if size <= largest && was <= largest && classOf(was) == classOf(size) {
			return rec[:size]
		}
		g.giveUp(p, was)
	}
	p := g.take(size)
	g.slots[i] = hash>>32<<32 | uint64(p)
	return g.at(p)[:size]
}

func (g *generation) moreSlots() {
	was := g.slots
	g.slots = make([]uint64, max(64, 2*len(was)))
	mask := len(g.slots) - 1
	for _, s := range was {
		if s == 0 {
			continue
		}
		i := int(s>>32) & mask
		for g.slots[i] != 0 {
			i = (i + 1) & mask
		}
		g.slots[i] = s
	}
}

// take finds room for a record.
func (g *generation) take(size int) place {
	if size > largest {
		g.bytes += size
		if n := len(g.holes); n > 0 {
			p := g.holes[n-1]
			g.holes = g.holes[:n-1]
			g.slabs[p>>16] = make([]byte, size)
			return p
		}
		if len(g.slabs) == 0 {
			g.slabs = append(g.slabs, nil) // 0 is no place
		}
		return g.slab(size, size)
	}
	class := classOf(size)
	if p := g.free[class]; p != 0 {
		g.free[class] = place(binary.LittleEndian.Uint32(g.at(p)))
		return p
	}
	size = sizeOf(class)
	g.bytes += size
	for ; ; g.filling++ {
		if g.filling == len(g.slabs) {
			g.slab(0, max(slabLeast, min(g.bytes/4, slabMost), 2*size))
		}
		slab := &g.slabs[g.filling]
		begin := len(*slab)
		if g.filling == 0 && begin == 0 {
			begin = unit // 0 is no place
		}
		if begin+size <= cap(*slab) {
			*slab = (*slab)[:begin+size]
			return place(g.filling<<16 | begin/unit)
		}
	}
}

// slab adds a slab, and returns its beginning.
func (g *generation) slab(used, size int) place {
	if len(g.slabs) > math.MaxUint16 {
		panic("a cache has no number left for a slab")
	}
	g.slabs = append(g.slabs, make([]byte, used, size))
	return place(len(g.slabs)-1) << 16
}

// giveUp leaves a record's room to others.
func (g *generation) giveUp(p place, size int) {
	if size > largest {
		g.bytes -= size
		g.slabs[p>>16] = nil
		g.holes = append(g.holes, p)
		return
	}
	class := classOf(size)
	binary.LittleEndian.PutUint32(g.at(p), uint32(g.free[class]))
	g.free[class] = p
}

// empty forgets all, and keeps as much memory as a generation is to take.
func (g *generation) empty(bound int) {
	if g.bytes > bound {
		*g = generation{}
		return
	}
	clear(g.slots)
	kept, left := g.slabs[:0], bound/2
	for _, slab := range g.slabs {
		if n := cap(slab); n >= slabLeast && n <= min(slabMost, left) {
			kept = append(kept, slab[:0])
			left -= n
		}
	}
	clear(g.slabs[len(kept):])
	*g = generation{slots: g.slots, slabs: kept}
}
