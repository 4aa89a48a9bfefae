package store

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/cespare/xxhash/v2"
	"github.com/cockroachdb/pebble/v2"
	"github.com/hashicorp/golang-lru/v2/simplelru"

	"reddot/events"
)

// codec says how the rows of one family are keyed and encoded. Two equal rows
// encode to the same bytes: the digest hashes them.
type codec[K comparable, R any] struct {
	key    func(b []byte, k K) []byte
	encode func(b []byte, r *R) []byte
	decode func(b []byte) (*R, error)
}

// find reads a row from Pebble; nil if there is none. hash is the stored
// row's part of the digest.
func (c codec[K, R]) find(db pebble.Reader, k K) (row *R, hash uint64, err error) {
	key := c.key(make([]byte, 0, 64), k)
	value, closer, err := db.Get(key)
	if errors.Is(err, pebble.ErrNotFound) {
		return nil, 0, nil
	}
	if err != nil {
		return nil, 0, fmt.Errorf("read row %q: %w", key, err)
	}
	row, err = c.decode(value)
	if err != nil {
		err = fmt.Errorf("decode row %q: %w", key, err)
	}
	hash = rowHash(key, value)
	if e := closer.Close(); err == nil {
		err = e
	}
	return row, hash, err
}

// rowHash is a row's part of the digest.
func rowHash(key, value []byte) uint64 {
	b := make([]byte, 0, 512)
	b = binary.AppendUvarint(b, uint64(len(key)))
	b = append(b, key...)
	return xxhash.Sum64(append(b, value...))
}

// entry is a row in a table. A row that was looked for and is not there has
// an entry with a nil row.
type entry[R any] struct {
	row   *R
	hash  uint64 // of the stored row; 0 if none is stored
	dirty bool
}

// table keeps the decoded rows of one family: the changed ones until they are
// committed, the others as long as they are used.
type table[K comparable, R any] struct {
	codec[K, R]
	hot    *simplelru.LRU[K, *entry[R]]
	dirty  map[K]*entry[R]
	moved  []K           // rows that the last commit created or deleted
	gone   []K           // rows that the last commit erased
	shared *shared[K, R] // for snapshots; nil: they read the family from Pebble
	filter *keyFilter    // holds the family's keys; nil: every lookup is a read
}

func newTable[K comparable, R any](c codec[K, R], size int, shared *shared[K, R]) *table[K, R] {
	hot, err := simplelru.NewLRU[K, *entry[R]](size, nil)
	if err != nil {
		panic(err) // a size below 1: a constant of this package
	}
	return &table[K, R]{codec: c, hot: hot, dirty: make(map[K]*entry[R]), shared: shared}
}

// entry returns the row's entry, from Pebble if need be.
func (t *table[K, R]) entry(db pebble.Reader, k K) *entry[R] {
	if e, ok := t.hot.Get(k); ok {
		return e
	}
	if e, ok := t.dirty[k]; ok { // pushed out of hot before it was committed
		t.hot.Add(k, e)
		return e
	}
	e := new(entry[R])
	if t.filter == nil || t.filter.maybe(t.key(make([]byte, 0, 128), k)) {
		var err error
		e.row, e.hash, err = t.find(db, k)
		check(err)
	}
	t.hot.Add(k, e)
	return e
}

func (t *table[K, R]) get(db pebble.Reader, k K) *R { return t.entry(db, k).row }

// put sets a row; nil deletes it.
func (t *table[K, R]) put(db pebble.Reader, k K, row *R) {
	e := t.entry(db, k)
	e.row = row
	if !e.dirty {
		e.dirty = true
		t.dirty[k] = e
	}
}

// commit writes the changed rows into a batch and moves the digest from the
// old rows to the new.
func (t *table[K, R]) commit(b *pebble.Batch, w *writer) error {
	t.moved = t.moved[:0]
	for k, e := range t.dirty {
		w.key = t.key(w.key[:0], k)
		hash := uint64(0)
		if e.row != nil {
			w.value = t.encode(w.value[:0], e.row)
			hash = rowHash(w.key, w.value)
			if err := b.Set(w.key, w.value, nil); err != nil {
				return err
			}
			w.rows++
		} else if e.hash != 0 {
			if err := b.Delete(w.key, nil); err != nil {
				return err
			}
			w.rows++
		}
		if (e.row == nil) != (e.hash == 0) {
			t.moved = append(t.moved, k)
			if t.filter != nil && e.row != nil {
				t.filter.add(w.key)
			}
		}
		w.digest += hash - e.hash
		e.hash = hash
	}
	return nil
}

// committed tells the snapshots' cache what a commit changed.
func (t *table[K, R]) committed(to events.Seq) {
	if t.shared != nil {
		t.shared.advance(to, func(update func(K, func() *R), drop func(K)) {
			for _, k := range t.gone {
				drop(k)
			}
			for k, e := range t.dirty {
				update(k, e.copy)
			}
		})
	}
	t.gone = nil
	for _, e := range t.dirty {
		e.dirty = false
	}
	t.dirty = emptied(t.dirty)
}

// keptRoom is the number of changed rows that a map keeps room for: a full batch
// of commands changes some thousand rows of a family.
const keptRoom = 4096

// emptied empties a map of what one commit changed. A map that is cleared keeps
// its room, and a walk over it costs that much: a large one is made anew.
func emptied[K comparable, V any](m map[K]V) map[K]V {
	if len(m) > keptRoom {
		return make(map[K]V)
	}
	clear(m)
	return m
}

// copy returns the row for the snapshots: the fold goes on changing its own.
// What a row points to is never changed.
func (e *entry[R]) copy() *R {
	if e.row == nil {
		return nil
	}
	row := *e.row
	return &row
}

// forget drops the changed rows that are being erased, and reports whether one
// of them was alive.
func (t *table[K, R]) forget(of func(K) bool) bool {
	alive := false
	for k, e := range t.dirty {
		if of(k) {
			alive = alive || e.row != nil
			delete(t.dirty, k)
			t.hot.Remove(k)
		}
	}
	return alive
}

// drop forgets a stored row that is being erased.
func (t *table[K, R]) drop(k K) {
	t.hot.Remove(k)
	t.gone = append(t.gone, k)
}

// storeError carries an error of the store through the fold, which has no
// way to go on without its rows.
type storeError struct{ err error }

// check panics with an error of the store; see catch.
func check(err error) {
	if err != nil {
		panic(storeError{err})
	}
}

// catch turns the panic of check back into an error. Other panics are broken
// invariants and go on.
func catch(err *error) {
	switch p := recover().(type) {
	case nil:
	case storeError:
		*err = damaged(p.err)
	default:
		panic(p)
	}
}
