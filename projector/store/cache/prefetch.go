package cache

import (
	"sync/atomic"
	"unsafe"
)

// Prefetch has rows, and what a filter says of keys, brought near to the processor before
// they are asked for.
//
// What is used now and then lies in memory, and in none of the processor's caches: it takes
// hundreds of instructions to come. A row takes that three times: for the slot that says where
// it lies, for its beginning, which says how long it is, and for the rest. But loads that don't
// depend on each other are under way together. So whoever knows many rows that it is going to
// look up adds them all, and loads first all slots, then all beginnings, then the rest. What
// it finds afterwards is the same.
type Prefetch struct {
	rows []lookup
	keys []question
	sum  uint64 // of what was loaded: what nobody uses need not be
}

type lookup struct {
	in   *Rows
	hash uint64
}

type question struct {
	of   *Filter
	hash uint64
}

const (
	lineBytes = 64      // of memory come together
	mostBytes = 1 << 10 // of a row are loaded: what is longer comes quicker, as it is in order
)

// Row adds the row in Rows whose key has that hash.
func (p *Prefetch) Row(in *Rows, hash uint64) { p.rows = append(p.rows, lookup{in, hash}) }

// Key adds a key with that hash, of which the filter is to be asked.
func (p *Prefetch) Key(of *Filter, hash uint64) { p.keys = append(p.keys, question{of, hash}) }

// Value loads what is decoded, at once.
func Value[V any](p *Prefetch, v *V) {
	for at := uintptr(0); at < unsafe.Sizeof(*v); at += lineBytes {
		p.sum += uint64(*(*byte)(unsafe.Add(unsafe.Pointer(v), at)))
	}
}

// Load loads what was added.
func (p *Prefetch) Load() {
	sum := p.sum
	for _, q := range p.keys {
		if keys := q.of.keys; keys != nil {
			line, _ := keys.line(q.hash)
			sum += atomic.LoadUint64(&line[0])
		}
	}
	for _, l := range p.rows {
		for _, g := range [...]*generation{l.in.young, l.in.old} {
			if g.rows > 0 {
				sum += g.slots[g.first(l.hash)]
			}
		}
	}
	for _, l := range p.rows {
		if r := l.in.likely(l.hash); r != nil {
			sum += r.sum()
		}
	}
	for _, l := range p.rows {
		if r := l.in.likely(l.hash); r != nil {
			for at := min(r.size(), mostBytes) - 1; at > 0; at -= lineBytes {
				sum += uint64(r[at])
			}
		}
	}
	p.sum, p.rows, p.keys = sum, p.rows[:0], p.keys[:0]
}

// likely is the record of a row whose key has that hash, nearly always, nil if there is none.
func (c *Rows) likely(hash uint64) record {
	for _, g := range [...]*generation{c.young, c.old} {
		if g.rows == 0 {
			continue
		}
		for i, mask := g.first(hash), len(g.slots)-1; g.slots[i] != 0; i = (i + 1) & mask {
			if s := g.slots[i]; s>>32 == hash>>32 {
				return g.at(place(s))
			}
		}
	}
	return nil
}
