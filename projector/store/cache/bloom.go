package cache

import "sync/atomic"

// bloomBits is the number of bits per key, bloomProbes how many of them a key
// sets: about 1 % false answers. All lie in one cache line, so that asking
// for a key costs one access to memory.
const (
	bloomBits   = 12
	bloomProbes = 6
	bloomLine   = 8 // words of 64 bits
)

// keyBloom is a Bloom filter of keys, by their hashes. It is safe for concurrent use.
type keyBloom struct{ words []uint64 }

func newKeyBloom(keys uint64) *keyBloom {
	lines := max(keys*bloomBits/(64*bloomLine), 1)
	return &keyBloom{make([]uint64, lines*bloomLine)}
}

// line returns the line of a key, by the high half of its hash, scaled to the number of
// lines, and the bits that choose within it.
func (f *keyBloom) line(hash uint64) (line []uint64, choice uint64) {
	n := (hash >> 32) * uint64(len(f.words)/bloomLine) >> 32 * bloomLine
	return f.words[n : n+bloomLine : n+bloomLine], hash * 0x9e3779b97f4a7c15
}

func (f *keyBloom) add(hash uint64) {
	line, choice := f.line(hash)
	for range bloomProbes {
		atomic.OrUint64(&line[choice&7], 1<<(choice>>3&63))
		choice >>= 9
	}
}

func (f *keyBloom) has(hash uint64) bool {
	line, choice := f.line(hash)
	for range bloomProbes {
		if atomic.LoadUint64(&line[choice&7])>>(choice>>3&63)&1 == 0 {
			return false
		}
		choice >>= 9
	}
	return true
}
