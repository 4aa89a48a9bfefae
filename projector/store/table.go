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

// size is about what a row takes in a cache as it is stored: bytes.
func size(key, value string) int { return cache.EntryWeight + len(key) + len(value) }

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

// held is a row in a table. One that was looked for and is not there is nil.
type held[R any] struct {
	row    *R
	stored bool      // there is a stored row
	value  string    // the stored row
	hash   uint64    // its part of the digest; 0 if none is stored
	live   bool      // row is as it is now; else it is to be read from value
	dirty  bool      // row has changed since the last commit
	next   *entry[R] // another dirty row of the same owner
}

type entry[R any] = cache.Entry[held[R]]

// table keeps the rows of one family: decoded until the next commit, then as
// they are stored, as long as they are used. Stored they take a fraction of the
// memory, so that many more rows are at hand; a row is decoded once per batch,
// which costs a tenth of reading it from Pebble.
type table[R any] struct {
	family[R]
	info   Family
	parts  []part[R]        // by where rows are at home: see shards.go; one, if they are at home nowhere
	mu     sync.Mutex       // of the one part, while shards fold
	known  *cache.Shared[R] // for snapshots; nil: they read the family from Pebble
	filter *cache.Filter    // holds the family's keys; nil: every lookup is a read
	strict bool             // reads are checked as well: see shards.go
}

// part is what a table keeps of the rows that are at home in one place.
type part[R any] struct {
	rows   cache.Cache[held[R]]
	live   []*entry[R]
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
		t.parts[i].rows = cache.New[held[R]](f.hot / parts)
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
// says that there is none.
func (t *table[R]) entry(p *part[R], db pebble.Reader, key []byte) *entry[R] {
	if len(p.lastKey) > 0 && bytes.Equal(key, p.lastKey) {
		return p.last
	}
	e := p.rows.Get(key)
	if e == nil && (t.filter == nil || t.filter.Maybe(key)) {
		found, err := t.find(db, key)
		check(err)
		h := held[R]{row: found.row, stored: found.row != nil, value: found.value}
		if h.stored {
			h.hash = row.Hash(&p.hasher, found.key, found.value)
		}
		e = p.rows.Add(found.key, h, size(found.key, found.value))
		p.enliven(e)
	} else if e != nil && !e.Value.live {
		if e.Value.stored {
			var err error
			if e.Value.row, err = t.decode(e.Key, e.Value.value); err != nil {
				check(rowError(key, err))
			}
		}
		p.enliven(e)
	}
	p.lastKey, p.last = append(p.lastKey[:0], key...), e
	return e
}

func (p *part[R]) enliven(e *entry[R]) {
	e.Value.live = true
	p.live = append(p.live, e)
}

func (t *table[R]) get(r *reader, key []byte) *R {
	p := t.partOf(r, key)
	if t.absent && t.filter != nil && !t.filter.Maybe(key) {
		return nil
	}
	if t.common && r.part != whole {
		t.mu.Lock()
		defer t.mu.Unlock()
	}
	if e := t.entry(p, r.db, key); e != nil {
		return e.Value.row
	}
	return nil
}

// put sets a row; nil deletes it.
func (t *table[R]) put(r *reader, key []byte, row *R) {
	p := t.partOf(r, key)
	if t.common && r.part != whole {
		if !t.entered {
			panic(fmt.Sprintf("shard %d changes %q, which is everybody's", r.part, key))
		}
		t.mu.Lock()
		defer t.mu.Unlock()
	}
	e := t.entry(p, r.db, key)
	if e == nil {
		e = p.rows.Add(string(key), held[R]{}, cache.EntryWeight+len(key))
		p.enliven(e)
		p.lastKey, p.last = append(p.lastKey[:0], key...), e
	}
	if t.filter != nil && !e.Value.stored && row != nil {
		t.filter.Note(key)
	}
	e.Value.row = row
	if !e.Value.dirty {
		e.Value.dirty = true
		p.dirty = append(p.dirty, e)
		if p.owners != nil {
			owner := ownerOf(e.Key)
			e.Value.next = p.owners[owner]
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
	slices.SortFunc(p.dirty, func(a, b *entry[R]) int { return strings.Compare(a.Key, b.Key) })
	for _, e := range p.dirty {
		if home := t.home(e.Key); home != no {
			panic(fmt.Sprintf("shard %d has changed %q, which is at home in %d", no, e.Key, home))
		}
		w.key = append(w.key[:0], e.Key...)
		h := &e.Value
		w.digest -= h.hash
		was := h.stored
		h.value, h.hash, h.stored = "", 0, h.row != nil
		switch {
		case h.stored:
			w.value = t.encode(w.value[:0], h.row)
			h.value = string(w.value)
			h.hash = row.Hash(&p.hasher, e.Key, h.value)
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
		if t.filter != nil && h.stored && !was {
			t.filter.Add(w.key)
		}
		w.digest += h.hash
		p.rows.Resize(e, size(e.Key, h.value))
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
					known.Replace(e.Key, e.Value.row, size(e.Key, e.Value.value)+t.weight)
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
	for _, e := range p.dirty {
		e.Value.dirty, e.Value.next = false, nil
	}
	p.dirty = emptied(p.dirty)
	clear(p.owners)
	for _, e := range p.live {
		e.Value.row, e.Value.live = nil, false
	}
	p.live = emptied(p.live)
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
		for e := t.parts[i].owners[owner]; e != nil; e = e.Value.next {
			if strings.HasPrefix(e.Key, prefix) {
				fn(e.Key, e.Value.row)
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
