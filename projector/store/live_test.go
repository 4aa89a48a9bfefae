package store

import (
	"fmt"
	"testing"

	"reddot/projector/testkit"
)

// TestLive: what was added since the last commit is found, and nothing else, whether few or
// many were added, and whatever hashes they have.
func TestLive(t *testing.T) {
	rng := testkit.Rand(t)
	var l live[int]
	for range 200 {
		most := []int{0, 1, 10, 1000}[rng.IntN(4)]
		if rng.IntN(50) == 0 {
			most = 2 * keptRoom
		}
		hashes := []uint64{3, 1 << 20, 1 << 40}[rng.IntN(3)] // so many different ones
		if most > 1000 {
			hashes = 1 << 40
		}
		added := map[string]*entry[int]{}
		for n := range most {
			key := fmt.Sprint(rng.IntN(2 * most))
			hash := hashOf(key) % hashes
			e := l.find(hash, []byte(key))
			if e != added[key] {
				t.Fatalf("%d of %d: row %s is %p, want %p", n, most, key, e, added[key])
			}
			if e != nil {
				continue
			}
			e = l.add(hash, key)
			if *e != (entry[int]{key: key, hash: hash}) {
				t.Fatalf("a row that is added is %+v", *e)
			}
			e.row, e.dirty, e.sum = new(int), true, 1
			added[key] = e
		}
		l.clear()
		if len(l.rows) > 0 || cap(l.rows) > keptRoom {
			t.Fatalf("%d rows are left, with room for %d", len(l.rows), cap(l.rows))
		}
		for i, at := range l.slots {
			if at != 0 {
				t.Fatalf("after %d rows, slot %d of %d is %d", len(added), i, len(l.slots), at)
			}
		}
	}
}

// hashOf is a number that depends on a key alone.
func hashOf(key string) (n uint64) {
	for _, b := range []byte(key) {
		n = n*1_000_003 + uint64(b) + 7
	}
	return n * 0x9e3779b97f4a7c15
}
