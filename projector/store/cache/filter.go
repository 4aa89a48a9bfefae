package cache

import (
	"errors"
	"fmt"
	"sync/atomic"

	"github.com/cockroachdb/pebble/v2"
)

// Sizes of the key filter, in keys of 12 bits. Beyond filterMax, 96 MB, the
// filter goes on with more false answers, which cost a read each and nothing
// else. Each filter has room for filterGrowth times the keys that there are:
// filling it reads them all, so it is not done often.
const (
	filterMin    = 2 << 20
	filterMax    = 64 << 20
	filterGrowth = 4
)

// Filter knows which keys are surely not stored, so that a new message id or
// a new conversation costs no read. It is filled in the background after the
// start and whenever it has become too small; until then every key may be
// stored. It is for the goroutine that changes the store, and for others where that is
// said. It knows keys by their hashes, see [Hash].
type Filter struct {
	db       *pebble.DB
	families []byte // whose keys are in it

	keys  *keyBloom     // nil: not filled yet
	size  uint64        // keys it is made for
	count atomic.Uint64 // keys it holds

	next *fill // under way; nil: none
	stop atomic.Bool
}

// NewFilter returns a filter of the keys of some families, each a first byte.
func NewFilter(db *pebble.DB, families []byte) *Filter { return &Filter{db: db, families: families} }

// Start begins to fill the filter. count is how many keys there are, about. Who
// starts it closes it.
func (f *Filter) Start(count uint64) {
	f.count.Store(count)
	f.grow()
}

// fill is a filter that is being filled: from what was stored when that began,
// and with the keys stored since.
type fill struct {
	keys  *keyBloom
	size  uint64
	since atomic.Uint64 // keys stored since
	done  chan struct{}

	// When done:
	count uint64 // keys found
	err   error
}

// grow begins to fill a larger filter.
func (f *Filter) grow() {
	size := min(max(filterGrowth*f.count.Load(), filterMin), filterMax)
	next := &fill{keys: newKeyBloom(size), size: size, done: make(chan struct{})}
	snap := f.db.NewSnapshot()
	f.next = next
	go func() {
		defer close(next.done)
		next.count, next.err = f.fillFrom(snap, next.keys)
		next.err = errors.Join(next.err, snap.Close())
	}()
}

func (f *Filter) fillFrom(snap *pebble.Snapshot, keys *keyBloom) (count uint64, err error) {
	for _, family := range f.families {
		it, err := snap.NewIter(&pebble.IterOptions{LowerBound: []byte{family}, UpperBound: []byte{family + 1}})
		if err != nil {
			return 0, err
		}
		for ok := it.First(); ok && !f.stop.Load(); ok = it.Next() {
			keys.add(Hash(it.Key()))
			count++
		}
		if err := errors.Join(it.Error(), it.Close()); err != nil {
			return 0, fmt.Errorf("fill the key filter: %w", err)
		}
	}
	return count, nil
}

// Filled reports whether the filter answers yet.
func (f *Filter) Filled() bool { return f.keys != nil }

// Maybe reports whether a key may be stored.
func (f *Filter) Maybe(hash uint64) bool { return f.keys == nil || f.keys.has(hash) }

// Note enters a key that is going to be stored: who asks the filter before anything
// else finds it. Safe for concurrent use, also with Maybe and Add.
func (f *Filter) Note(hash uint64) {
	if f.keys != nil {
		f.keys.add(hash)
	}
}

// Add enters a key that is being stored, and was noted since the last Poll, into the filter
// that is being filled, whose snapshot may be older. Safe for concurrent use, also with Maybe
// and Note.
func (f *Filter) Add(hash uint64) {
	f.count.Add(1)
	if f.next != nil {
		f.next.since.Add(1)
		f.next.keys.add(hash)
	}
}

// Poll takes a new filter when it is filled, after a commit.
func (f *Filter) Poll() error {
	next := f.next
	if next == nil {
		if f.count.Load() > f.size && f.size < filterMax {
			f.grow()
		}
		return nil
	}
	select {
	case <-next.done:
	default:
		return nil
	}
	f.next = nil
	if next.err != nil {
		return next.err
	}
	f.keys, f.size = next.keys, next.size
	f.count.Store(next.count + next.since.Load())
	return nil
}

// Close ends a filling that is under way.
func (f *Filter) Close() {
	f.stop.Store(true)
	if f.next != nil {
		<-f.next.done
	}
}
