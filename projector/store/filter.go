package store

import (
	"errors"
	"fmt"
	"sync/atomic"

	"github.com/bits-and-blooms/bloom/v3"
	"github.com/cockroachdb/pebble/v2"
)

// Sizes of the key filter, in keys at 1 % false answers: about 10 bits each.
// Beyond filterMax, 80 MB, the filter goes on with more false answers, which
// cost a read each and nothing else.
const (
	filterMin = 1 << 20
	filterMax = 64 << 20
)

// keyFilter knows which keys are surely not stored, so that a new message id or
// a new conversation costs no read. It is filled in the background after the
// start and whenever it has become too small; until then every key may be
// stored. It is for the goroutine that changes the store.
type keyFilter struct {
	db       *pebble.DB
	families []byte // whose keys are in it

	keys  *bloom.BloomFilter // nil: not filled yet
	size  uint               // keys it is made for
	count uint               // keys it holds

	late [][]byte // keys added while a new filter is being filled
	next chan fill
	stop atomic.Bool
}

// fill is the outcome of a filling.
type fill struct {
	keys        *bloom.BloomFilter
	size, count uint
	err         error
}

// grow begins to fill a filter that has room for as many keys again.
func (f *keyFilter) grow() {
	size := min(max(2*f.count, filterMin), filterMax)
	snap := f.db.NewSnapshot()
	f.next = make(chan fill, 1)
	go func() {
		next := fill{keys: bloom.NewWithEstimates(size, 0.01), size: size}
		next.count, next.err = f.fillFrom(snap, next.keys)
		next.err = errors.Join(next.err, snap.Close())
		f.next <- next
	}()
}

func (f *keyFilter) fillFrom(snap *pebble.Snapshot, keys *bloom.BloomFilter) (count uint, err error) {
	for _, family := range f.families {
		it, err := snap.NewIter(&pebble.IterOptions{LowerBound: []byte{family}, UpperBound: []byte{family + 1}})
		if err != nil {
			return 0, err
		}
		for ok := it.First(); ok && !f.stop.Load(); ok = it.Next() {
			keys.Add(it.Key())
			count++
		}
		if err := errors.Join(it.Error(), it.Close()); err != nil {
			return 0, fmt.Errorf("fill the key filter: %w", err)
		}
	}
	return count, nil
}

// maybe reports whether a key may be stored.
func (f *keyFilter) maybe(key []byte) bool { return f.keys == nil || f.keys.Test(key) }

// add enters a key that is being stored.
func (f *keyFilter) add(key []byte) {
	f.count++
	if f.keys != nil {
		f.keys.Add(key)
	}
	if f.next != nil {
		f.late = append(f.late, append([]byte(nil), key...))
	}
}

// poll takes a new filter when it is filled, after a commit. The keys stored
// while it was being filled may be in its snapshot or not: they are added.
func (f *keyFilter) poll() error {
	if f.next == nil {
		if f.count > f.size && f.size < filterMax {
			f.grow()
		}
		return nil
	}
	select {
	case next := <-f.next:
		f.next = nil
		if next.err != nil {
			return next.err
		}
		f.keys, f.size, f.count = next.keys, next.size, next.count+uint(len(f.late))
		for _, key := range f.late {
			f.keys.Add(key)
		}
		f.late = nil
	default:
	}
	return nil
}

// close ends a filling that is under way.
func (f *keyFilter) close() {
	f.stop.Store(true)
	if f.next != nil {
		<-f.next
	}
}
