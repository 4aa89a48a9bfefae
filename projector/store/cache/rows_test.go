package cache_test

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"reddot/projector/store/cache"
	"reddot/projector/testkit"
)

// TestRows: a row that is known is as it was put last, whatever its size was and is, and the
// cache keeps to its bound.
func TestRows(t *testing.T) {
	rng := testkit.Rand(t)
	const bound, keys = 1 << 20, 3000
	c := cache.NewRows(bound)
	var soon cache.Prefetch
	type row struct {
		value  string
		sum    uint64
		stored bool
	}
	put := map[string]row{}
	known, unknown, large := 0, 0, 0
	for n := range 300_000 {
		key := []byte(fmt.Sprintf("%d%s", rng.IntN(keys), strings.Repeat("k", n%3)))
		hash := cache.Hash(key)
		if rng.IntN(3) == 0 {
			r := row{sum: rng.Uint64()}
			if r.stored = rng.IntN(8) > 0; r.stored {
				size := rng.IntN(300)
				switch rng.IntN(2000) {
				case 0:
					size, large = 64<<10+rng.IntN(40<<10), large+1
				case 1, 2, 3:
					size = rng.IntN(70 << 10)
				}
				r.value = strings.Repeat(string(rune('a'+n%26)), size)
			}
			if n%2 == 0 {
				cache.Put(&c, hash, key, r.value, r.sum, r.stored)
			} else {
				cache.Put(&c, hash, key, []byte(r.value), r.sum, r.stored)
			}
			put[string(key)] = r
		}
		if rng.IntN(8) == 0 {
			for range rng.IntN(20) { // changes nothing
				soon.Row(&c, cache.Hash([]byte(fmt.Sprint(rng.IntN(keys)))))
			}
			soon.Load()
		}
		got, ok := c.Get(hash, key)
		want, was := put[string(key)]
		switch {
		case !ok:
			unknown++
		case !was:
			t.Fatalf("row %s is known, and was never put", key)
		case got.Key != string(key) || got.Value != want.value || got.Sum != want.sum || got.Stored != want.stored:
			t.Fatalf("row %s has %d bytes, %x, %t, want %d, %x, %t", got.Key, len(got.Value), got.Sum, got.Stored, len(want.value), want.sum, want.stored)
		default:
			known++
		}
		if n%100 == 0 {
			c.Trim()
			if held := c.Bytes(); held > 2*bound {
				t.Fatalf("%d bytes are held within a bound of %d", held, bound)
			}
		}
	}
	if known < 100*unknown/100 || large == 0 || unknown == 0 {
		t.Errorf("%d were known, %d were not, %d large ones", known, unknown, large)
	}
}

// TestRowsKeepWhatIsUsed: what is used stays, and what is not is forgotten.
func TestRowsKeepWhatIsUsed(t *testing.T) {
	const bound = 64 << 10
	c := cache.NewRows(bound)
	value := bytes.Repeat([]byte("v"), 100)
	put := func(key string) { cache.Put(&c, cache.Hash([]byte(key)), []byte(key), value, 1, true) }
	knows := func(key string) bool { _, ok := c.Get(cache.Hash([]byte(key)), []byte(key)); return ok }
	put("used")
	put("unused")
	for n := range 10_000 {
		put(fmt.Sprint(n))
		if !knows("used") {
			t.Fatalf("after %d others, the row that is used is forgotten", n)
		}
		c.Trim()
	}
	if knows("unused") {
		t.Error("a row that nobody used is kept")
	}
	kept := 0
	for n := range 10_000 {
		if knows(fmt.Sprint(n)) {
			kept++
		}
	}
	if least := bound / 2 / (128 + 32); kept < least {
		t.Errorf("%d rows are kept, want %d", kept, least)
	}
}

// TestRowsTakeTheRoomOfOthers: rows that grow and shrink again and again take no more than the
// largest of them.
func TestRowsTakeTheRoomOfOthers(t *testing.T) {
	for _, most := range []int{1 << 10, 200 << 10} {
		c := cache.NewRows(1 << 30) // nothing is forgotten
		values := make([]byte, most)
		for n := range 2_000 {
			key := []byte(fmt.Sprint(n % 4))
			cache.Put(&c, cache.Hash(key), key, values[:n*7919%most], 0, true)
		}
		if held := c.Bytes(); held > 16*most+1<<16 {
			t.Errorf("four rows of up to %d bytes take %d", most, held)
		}
	}
}

// TestRowsGiveUpMemory: what a great many rows have taken at once isn't kept.
func TestRowsGiveUpMemory(t *testing.T) {
	const bound = 64 << 10
	c := cache.NewRows(bound)
	for range 3 {
		for n := range 10_000 {
			key := []byte(fmt.Sprint(n))
			cache.Put(&c, cache.Hash(key), key, key, 0, true)
		}
		c.Trim()
	}
	for n := range 1000 {
		key := []byte(fmt.Sprint(n))
		cache.Put(&c, cache.Hash(key), key, key, 0, true)
		c.Trim()
	}
	if held := c.Bytes(); held > 4*bound {
		t.Errorf("%d bytes are held within a bound of %d", held, bound)
	}
}

// TestClasses: each size has a class, and the room of a class is no more than a quarter
// larger, or 15 bytes.
func TestClasses(t *testing.T) {
	before := -1
	for size := 1; size <= cache.Largest; size++ {
		class := cache.ClassOf(size)
		room := cache.SizeOf(class)
		if room < size || room > max(size+15, size+size/4) || class < before || class >= cache.Classes || room%16 != 0 {
			t.Fatalf("size %d has class %d, of %d bytes; the one before has %d", size, class, room, before)
		}
		before = class
	}
	if before != cache.Classes-1 {
		t.Errorf("the last class that is used is %d", before)
	}
}
