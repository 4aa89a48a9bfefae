package cache_test

import (
	"fmt"
	"testing"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"

	"reddot/projector/store/cache"
	"reddot/projector/testkit"
)

// filterRig is a key filter over a database, with every key that was stored.
type filterRig struct {
	t      *testing.T
	db     *pebble.DB
	filter *cache.Filter
	keys   [][]byte
}

// quiet keeps Pebble's log to itself.
type quiet struct{}

func (quiet) Infof(string, ...any)              {}
func (quiet) Errorf(string, ...any)             {}
func (quiet) Fatalf(format string, args ...any) { panic(fmt.Sprintf(format, args...)) }

func newFilterRig(t *testing.T) *filterRig {
	db, err := pebble.Open("", &pebble.Options{FS: vfs.NewMem(), Logger: quiet{}})
	if err != nil {
		t.Fatal(err)
	}
	r := &filterRig{t: t, db: db}
	r.start()
	t.Cleanup(func() {
		r.filter.Close()
		if err := db.Close(); err != nil { // it names a snapshot that was left open
			t.Error(err)
		}
	})
	return r
}

// start begins with an empty filter, as a store that has just been opened.
func (r *filterRig) start() {
	r.filter = cache.NewFilter(r.db, []byte{'c', 'i'})
	r.filter.Start(uint64(len(r.keys)))
}

func (r *filterRig) store(key []byte) {
	r.filter.Note(cache.Hash(key))
	if err := r.db.Set(key, nil, pebble.NoSync); err != nil {
		r.t.Fatal(err)
	}
	r.filter.Add(cache.Hash(key))
	r.keys = append(r.keys, key)
}

func (r *filterRig) poll() {
	if err := r.filter.Poll(); err != nil {
		r.t.Fatal(err)
	}
}

// settle waits until a filling that is under way is over, and takes it.
func (r *filterRig) settle() {
	r.filter.Wait()
	r.poll()
}

// check asks for every key that was ever stored.
func (r *filterRig) check(when string) {
	r.t.Helper()
	for _, key := range r.keys {
		if !r.filter.Maybe(cache.Hash(key)) {
			r.t.Fatalf("%s: the filter says no to %q, one of %d stored keys", when, key, len(r.keys))
		}
	}
}

// TestFilterKnowsStoredKeys stores keys before, while and after the filter is
// filled, grown and filled again: it never says no to a stored one.
func TestFilterKnowsStoredKeys(t *testing.T) {
	testkit.Unraced(t)
	rng := testkit.Rand(t)
	r := newFilterRig(t)
	r.check("empty")
	for step := range 20_000 {
		switch rng.IntN(200) {
		case 0:
			r.poll()
		case 1:
			r.settle()
		case 2: // too small from the next poll on
			r.filter.Tighten()
		case 3:
			r.filter.Close()
			r.start()
		case 4:
			r.check(fmt.Sprintf("step %d", step))
		default:
			r.store(fmt.Appendf(nil, "ic%x\x00%d", rng.IntN(100), step))
			if rng.IntN(4) == 0 {
				r.store(fmt.Appendf(nil, "c%x\x00c%d", rng.IntN(100), step))
			}
		}
	}
	r.settle()
	r.check("at the end")
	if !r.filter.Filled() {
		t.Fatal("the filter has never been filled")
	}
}

// TestFilterRefuses: a full filter says no to nearly every key that is not
// stored, and one that has become too small is filled again.
func TestFilterRefuses(t *testing.T) {
	r := newFilterRig(t)
	for n := range 10_000 {
		r.store(fmt.Append(nil, "ica\x00b\x00m", n))
	}
	if !r.filter.Maybe(cache.Hash([]byte("never stored"))) {
		t.Error("a filter that is not filled yet says no")
	}
	r.settle()
	wrong := func() (n int) {
		for i := range 10_000 {
			if r.filter.Maybe(cache.Hash(fmt.Append(nil, "ica\x00b\x00x", i))) {
				n++
			}
		}
		return n
	}
	if n := wrong(); n > 300 {
		t.Errorf("%d of 10,000 keys that are not stored may be, says the filter", n)
	}
	if n := r.filter.Count(); n != 10_000 {
		t.Errorf("the filter counts %d keys of 10,000", n)
	}
	r.filter.Tighten()
	r.poll()
	if !r.filter.Filling() {
		t.Fatal("a filter that is too small is not filled again")
	}
	r.store([]byte("ilate"))
	r.settle()
	if n := r.filter.Count(); n != 10_001 || r.filter.Size() < 10_001 || r.filter.Filling() {
		t.Errorf("after growing: %d keys in a filter for %d", n, r.filter.Size())
	}
	r.check("grown")
	if n := wrong(); n > 300 {
		t.Errorf("after growing: %d of 10,000 wrong", n)
	}
}
