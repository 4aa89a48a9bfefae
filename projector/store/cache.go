package store

import "reddot/events"

// entry is a row in a cache. A row that was looked for and is not there has an
// entry with a nil row.
type entry[R any] struct {
	key  string // the stored row's; of a list of keys, its user or group
	row  *R
	size int // bytes that it takes, about
	age  int // of the cache when it was entered: the young generation's, or an older one's

	// Of a table:
	stored bool      // there is a stored row
	value  string    // the stored row
	hash   uint64    // its part of the digest; 0 if none is stored
	live   bool      // row is as it is now; else it is to be read from value
	dirty  bool      // row has changed since the last commit
	next   *entry[R] // another dirty row of the same owner

	// Of a shared cache:
	since events.Seq // the row is as it was at this seq
}

// entryWeight is about what an entry takes in a cache beside its key and its
// row: bytes.
const entryWeight = 160

// dropped is the age of an entry that is in no cache.
const dropped = -1

// cache keeps the rows used lately, in two generations: what is used moves to
// the young one; when that has taken half of the bound, the old one is
// forgotten and the young one becomes the old one. So nothing is ever sorted
// by its use, and what is forgotten is forgotten at once.
type cache[R any] struct {
	bound      int // bytes
	size       int // of young
	age        int // counts generations
	young, old map[string]*entry[R]
}

func newCache[R any](bound int) cache[R] {
	return cache[R]{bound: bound, young: map[string]*entry[R]{}}
}

// get returns the entry of a key, nil if there is none.
func (c *cache[R]) get(key []byte) *entry[R] {
	if e := c.young[string(key)]; e != nil {
		return e
	}
	e := c.old[string(key)]
	if e != nil {
		delete(c.old, e.key)
		c.add(e)
	}
	return e
}

// peek returns the entry of a key without taking that for a use.
func (c *cache[R]) peek(key string) *entry[R] {
	if e := c.young[key]; e != nil {
		return e
	}
	return c.old[key]
}

// add enters an entry whose key is not in the cache.
func (c *cache[R]) add(e *entry[R]) {
	c.young[e.key] = e
	e.age = c.age
	c.size += e.size
}

// resize says how large the row of an entry is now.
func (c *cache[R]) resize(e *entry[R], size int) {
	if e.age == c.age {
		c.size += size - e.size
	}
	e.size = size
}

func (c *cache[R]) drop(key string) {
	if e := c.young[key]; e != nil {
		c.size -= e.size
		e.age = dropped
		delete(c.young, key)
	}
	delete(c.old, key)
}

// trim keeps the cache within its bound.
func (c *cache[R]) trim() {
	if c.size <= c.bound/2 {
		return
	}
	c.old = c.young
	c.young = make(map[string]*entry[R], len(c.old)/2)
	c.size = 0
	c.age++
}
