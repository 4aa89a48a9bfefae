package cache

// Entry is a value in a cache.
type Entry[V any] struct {
	Key   string
	Value V

	size int // bytes that it takes, about
	age  int // of the cache when it was entered: the young generation's, or an older one's
}

// EntryWeight is about what an entry takes in a cache beside its key and its
// value: bytes.
const EntryWeight = 160

// dropped is the age of an entry that is in no cache.
const dropped = -1

// Cache keeps the values used lately, in two generations: what is used moves to
// the young one; when that has taken half of the bound, the old one is
// forgotten and the young one becomes the old one. So nothing is ever sorted
// by its use, and what is forgotten is forgotten at once.
type Cache[V any] struct {
	bound      int // bytes
	size       int // of young
	age        int // counts generations
	young, old map[string]*Entry[V]
}

// New returns a cache that keeps to a bound of bytes, about.
func New[V any](bound int) Cache[V] {
	return Cache[V]{bound: bound, young: map[string]*Entry[V]{}}
}

// Get returns the entry of a key, nil if there is none. That is a use of it.
func (c *Cache[V]) Get(key []byte) *Entry[V] {
	if e := c.young[string(key)]; e != nil {
		return e
	}
	e := c.old[string(key)]
	if e != nil {
		delete(c.old, e.Key)
		c.enter(e)
	}
	return e
}

// Peek returns the entry of a key without taking that for a use.
func (c *Cache[V]) Peek(key string) *Entry[V] {
	if e := c.young[key]; e != nil {
		return e
	}
	return c.old[key]
}

// Add enters a value of so many bytes, whose key is not in the cache.
func (c *Cache[V]) Add(key string, v V, size int) *Entry[V] {
	e := &Entry[V]{Key: key, Value: v, size: size}
	c.enter(e)
	return e
}

func (c *Cache[V]) enter(e *Entry[V]) {
	c.young[e.Key] = e
	e.age = c.age
	c.size += e.size
}

// Resize says how many bytes an entry takes now.
func (c *Cache[V]) Resize(e *Entry[V], size int) {
	if e.age == c.age {
		c.size += size - e.size
	}
	e.size = size
}

// Drop forgets the entry of a key.
func (c *Cache[V]) Drop(key string) {
	if e := c.young[key]; e != nil {
		c.size -= e.size
		e.age = dropped
		delete(c.young, key)
	}
	delete(c.old, key)
}

// Trim keeps the cache within its bound.
func (c *Cache[V]) Trim() {
	if c.size <= c.bound/2 {
		return
	}
	c.old = c.young
	c.young = make(map[string]*Entry[V], len(c.old)/2)
	c.size = 0
	c.age++
}

// Shrink sets another bound, in bytes; the next Trim keeps to it.
func (c *Cache[V]) Shrink(bound int) { c.bound = bound }
