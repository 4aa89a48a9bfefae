package store

import (
	"bytes"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"
	"sync"

	"github.com/cockroachdb/pebble/v2"

	"reddot/events"
	"reddot/projector/fold"
	"reddot/projector/store/cache"
	"reddot/projector/store/internal/corrupt"
	"reddot/projector/store/row"
)

// found is a row as it was found in Pebble, with its key; the row is nil if there
// is none.
type found[R any] struct {
	key, value string
	row        *R
}

// size is about what a row takes in a shared cache, beside what its family says: bytes.
func size(key string, value int) int { return cache.EntryWeight + len(key) + value }

// find reads a row from Pebble.
func (t *table[R]) find(db pebble.Reader, key []byte) (f found[R], err error) {
	value, closer, err := db.Get(key)
	if errors.Is(err, pebble.ErrNotFound) {
		return found[R]{key: string(key)}, nil
	}
	if err != nil {
		return f, rowError(key, err)
	}
	f = found[R]{key: string(key), value: string(value)}
	if f.row, err = t.decode(f.key, f.value); err != nil {
		err = rowError(key, err)
	}
	if e := closer.Close(); err == nil {
		err = e
	}
	return f, err
}

func (t *table[R]) inPebble(db pebble.Reader, key []byte) bool {
	f, err := t.find(db, key)
	check(err)
	return f.row != nil
}

// entry is a row that the fold has asked for since the last commit. One that was
// looked for and is not there is nil.
type entry[R any] struct {
	key    string
	hash   uint64    // the key's, see cache.Hash
	row    *R        // as it is now
	stored bool      // there is a stored row
	sum    uint64    // its part of the digest; 0 if none is stored
	size   int       // see the function, of the stored row
	dirty  bool      // row has changed since the last commit
	next   *entry[R] // another dirty row of the same owner
}

// table keeps the rows of one family: decoded until the next commit, then as
// they are stored, as long as they are used. Stored they take a fraction of the
// memory, and none that a collector of garbage looks through, so that many more rows are at
// hand; a row is decoded once per batch, which costs a tenth of reading it from Pebble.
type table[R any] struct {
	family[R]
	info   Family
	parts  []part[R]        // by where rows are at home: see shards.go; one, if they are at home nowhere
	mu     sync.Mutex       // of the one part, while shards fold
	known  *cache.Shared[R] // for snapshots; nil: they read the family from Pebble
	filter *cache.Filter    // holds the family's keys; nil: every lookup is a read
	strict bool             // reads are checked as well, see shards.go, and what is added
}

// part is what a table keeps of the rows that are at home in one place.
type part[R any] struct {
	rows   cache.Rows
	live   live[R]
	dirty  []*entry[R]
	owners map[string]*entry[R] // the dirty rows of a user or group, linked by next; nil: nobody asks for them
	hasher row.Hasher

	// The row used last: most rows are asked for some times in a row. nil if it
	// is not known to the cache and not stored.
	lastKey []byte
	last    *entry[R]
}

// newTable returns a table of so many parts.
func newTable[R any](f family[R], parts int) *table[R] {
	if f.common {
		parts = 1
	}
	t := &table[R]{family: f, info: f.info(), parts: make([]part[R], parts)}
	for i := range t.parts {
		t.parts[i].rows = cache.NewRows(f.hot / parts)
		if f.listed {
			t.parts[i].owners = map[string]*entry[R]{}
		}
	}
	if f.shared > 0 {
		t.known = cache.NewShared[R](f.shared)
	}
	return t
}

func (t *table[R]) about() *Family { return &t.info }

func (t *table[R]) filterBy(f *cache.Filter) {
	if t.filtered {
		t.filter = f
	}
}

// home is the number of the part that a row is kept in.
func (t *table[R]) home(key string) int {
	if len(t.parts) == 1 {
		return 0
	}
	return row.Home(row.HomeID(key), len(t.parts))
}

// partOf is the part in which a reader finds a row.
func (t *table[R]) partOf(r *reader, key []byte) *part[R] {
	switch {
	case len(t.parts) == 1:
		return &t.parts[0]
	case r.part == whole:
		return &t.parts[t.home(string(key))]
	case t.strict && t.home(string(key)) != r.part:
		panic(fmt.Sprintf("shard %d asks for %q, which is at home elsewhere", r.part, key))
	}
	return &t.parts[r.part]
}

// entry returns the row's entry, from Pebble if need be; nil if the filter
// says that there is none. Without db it is that of a row that isn't in Pebble.
func (t *table[R]) entry(p *part[R], db pebble.Reader, key []byte) *entry[R] {
	if len(p.lastKey) > 0 && bytes.Equal(key, p.lastKey) {
		return p.last
	}
	hash := cache.Hash(key)
	e := p.live.find(hash, key)
	if e == nil {
		e = t.enliven(p, db, hash, key)
	}
	p.lastKey, p.last = append(p.lastKey[:0], key...), e
	return e
}

// enliven enters a row that the fold asks for the first time since the last commit.
func (t *table[R]) enliven(p *part[R], db pebble.Reader, hash uint64, key []byte) *entry[R] {
	known, ok := p.rows.Get(hash, key)
	if !ok {
		if db == nil || t.filter != nil && !t.filter.Maybe(hash) {
			return nil
		}
		f, err := t.find(db, key)
		check(err)
		sum := uint64(0)
		if f.row != nil {
			sum = row.Hash(&p.hasher, f.key, f.value)
		}
		cache.Put(&p.rows, hash, key, f.value, sum, f.row != nil)
		e := p.live.add(hash, f.key)
		e.row, e.stored, e.sum, e.size = f.row, f.row != nil, sum, size(f.key, len(f.value))
		return e
	}
	e := p.live.add(hash, known.Key)
	if e.stored = known.Stored; e.stored {
		var err error
		if e.row, err = t.decode(known.Key, known.Value); err != nil {
			check(rowError(key, err))
		}
		e.sum, e.size = known.Sum, size(known.Key, len(known.Value))
	}
	return e
}

func (t *table[R]) get(r *reader, key []byte) *R {
	p := t.partOf(r, key)
	if t.absent && t.filter != nil && !t.filter.Maybe(cache.Hash(key)) {
		return nil
	}
	if t.common && r.part != whole {
		t.mu.Lock()
		defer t.mu.Unlock()
	}
	if e := t.entry(p, r.db, key); e != nil {
		return e.row
	}
	return nil
}

// put sets a row; nil deletes it.
func (t *table[R]) put(r *reader, key []byte, row *R) { t.set(r, r.db, key, row) }

// add sets a row that isn't stored, as no command has set it before, or one since has
// deleted it: so it isn't looked for in Pebble.
func (t *table[R]) add(r *reader, key []byte, row *R) { t.set(r, nil, key, row) }

// set sets a row; without db, one that isn't in Pebble.
func (t *table[R]) set(r *reader, db pebble.Reader, key []byte, row *R) {
	p := t.partOf(r, key)
	if t.common && r.part != whole {
		if !t.entered {
			panic(fmt.Sprintf("shard %d changes %q, which is everybody's", r.part, key))
		}
		t.mu.Lock()
		defer t.mu.Unlock()
	}
	e := t.entry(p, db, key)
	if e == nil {
		if db == nil && t.strict && t.inPebble(r.db, key) {
			panic(fmt.Sprintf("%q is added, and stored", key))
		}
		e = p.live.add(cache.Hash(key), string(key))
		p.last = e
	}
	if t.filter != nil && !e.stored && row != nil {
		t.filter.Note(e.hash)
	}
	e.row = row
	if !e.dirty {
		e.dirty = true
		p.dirty = append(p.dirty, e)
		if p.owners != nil {
			owner := ownerOf(e.key)
			e.next = p.owners[owner]
			p.owners[owner] = e
		}
	}
}

// commit writes the changed rows of one part into a batch and moves the digest from the
// old rows to the new. Keys in order go into Pebble's memtable side by side.
func (t *table[R]) commit(no int, b *pebble.Batch, w *writer) error {
	if no >= len(t.parts) {
		return nil
	}
	p := &t.parts[no]
	slices.SortFunc(p.dirty, func(a, b *entry[R]) int { return strings.Compare(a.key, b.key) })
	for at, e := range p.dirty {
		if at%prefetched == 0 {
			for _, e := range p.dirty[at:min(at+prefetched, len(p.dirty))] {
				w.soon.Row(&p.rows, e.hash)
				if e.row != nil {
					cache.Value(&w.soon, e.row)
				}
			}
			w.soon.Load()
		}
		if home := t.home(e.key); home != no {
			panic(fmt.Sprintf("shard %d has changed %q, which is at home in %d", no, e.key, home))
		}
		w.key, w.value = append(w.key[:0], e.key...), w.value[:0]
		w.digest -= e.sum
		was := e.stored
		e.sum, e.stored = 0, e.row != nil
		switch {
		case e.stored:
			w.value = t.encode(w.value, e.row)
			e.sum = row.Hash(&p.hasher, w.key, w.value)
			if err := b.Set(w.key, w.value, nil); err != nil {
				return err
			}
			w.rows++
		case was:
			if err := b.Delete(w.key, nil); err != nil {
				return err
			}
			w.rows++
		}
		if t.filter != nil && e.stored && !was {
			t.filter.Add(e.hash)
		}
		w.digest += e.sum
		e.size = size(e.key, len(w.value))
		cache.Put(&p.rows, e.hash, w.key, w.value, e.sum, e.stored)
		w.turn()
	}
	return nil
}

// committed hands the snapshots' cache the rows that a commit changed.
func (t *table[R]) committed(to events.Seq) {
	if t.known != nil {
		t.known.Advance(to, func(known cache.Changes[R]) {
			for i := range t.parts {
				for _, e := range t.parts[i].dirty {
					known.Replace(e.key, e.row, e.size+t.weight)
				}
			}
		})
	}
	for i := range t.parts {
		t.parts[i].settle()
	}
}

// settle has no row changed or decoded any more. Only now may the table forget rows.
func (p *part[R]) settle() {
	p.dirty = emptied(p.dirty)
	clear(p.owners)
	p.live.clear()
	p.rows.Trim()
	p.lastKey, p.last = p.lastKey[:0], nil
}

// keptRoom is the number of changed rows that a list keeps room for: a full
// batch of commands changes about as many of a family as it has commands.
const keptRoom = 32_768

// emptied empties a list of what one commit changed; a large one is given up.
func emptied[V any](list []V) []V {
	if cap(list) > keptRoom {
		return nil
	}
	clear(list)
	return list[:0]
}

// ownerOf is the id that a key begins with, behind the family.
func ownerOf(key string) string {
	owner, _, _ := strings.Cut(key[1:], "\x00")
	return owner
}

// changedOf calls fn with every changed row of a table with owners whose key
// has a prefix, which holds the owner; nil of one that is deleted. A shard is called
// with those of its own part.
func (t *table[R]) changedOf(r *reader, prefix string, fn func(key string, row *R)) {
	owner := ownerOf(prefix)
	for i := range t.parts {
		if r.part != whole && r.part != i && len(t.parts) > 1 {
			continue
		}
		for e := t.parts[i].owners[owner]; e != nil; e = e.next {
			if strings.HasPrefix(e.key, prefix) {
				fn(e.key, e.row)
			}
		}
	}
}

// changed are the changed rows of each owner, linked: those of one owner as often as they
// are at home in different parts.
func (t *table[R]) changed() iter.Seq2[string, *entry[R]] {
	return func(yield func(string, *entry[R]) bool) {
		for i := range t.parts {
			for owner, first := range t.parts[i].owners {
				if !yield(owner, first) {
					return
				}
			}
		}
	}
}

// remove deletes a row.
func (t *table[R]) remove(r *reader, key []byte) { t.put(r, key, nil) }

// storeError carries an error of the store through the fold, which has no
// way to go on without its rows.
type storeError struct{ err error }

// check panics with an error of the store; see catch.
func check(err error) {
	if err != nil {
		panic(storeError{err})
	}
}

// catch turns the panics of check and of fold.Break back into an error: what no
// log can have derived from the rows is corruption like any other, and the store is to
// be built from scratch. Other panics are mistakes of the program and go on.
func catch(err *error) {
	switch p := recover().(type) {
	case nil:
	case storeError:
		*err = corrupt.Wrap(p.err)
	case fold.Broken:
		*err = fmt.Errorf("%s: %w: %s", row.NameOf(p.Row), row.ErrCorrupt, p.What)
	default:
		panic(p)
	}
}
