package store

import (
	"fmt"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"

	"reddot/events"
	"reddot/projector/fold"
)

// filterRig is a key filter over a database, with every key that was stored.
type filterRig struct {
	t      *testing.T
	db     *pebble.DB
	filter *keyFilter
	keys   [][]byte
}

func newFilterRig(t *testing.T) *filterRig {
	db, err := pebble.Open("", &pebble.Options{FS: vfs.NewMem(), Logger: quiet()})
	if err != nil {
		t.Fatal(err)
	}
	r := &filterRig{t: t, db: db}
	r.start()
	t.Cleanup(func() {
		r.filter.close()
		if err := db.Close(); err != nil { // it names a snapshot that was left open
			t.Error(err)
		}
	})
	return r
}

// start begins with an empty filter, as a store that has just been opened.
func (r *filterRig) start() {
	r.filter = &keyFilter{db: r.db, families: []byte{famConversation, famIndex}, count: uint64(len(r.keys))}
	r.filter.grow()
}

func (r *filterRig) store(key []byte) {
	if err := r.db.Set(key, nil, pebble.NoSync); err != nil {
		r.t.Fatal(err)
	}
	r.filter.add(key)
	r.keys = append(r.keys, key)
}

func (r *filterRig) poll() {
	if err := r.filter.poll(); err != nil {
		r.t.Fatal(err)
	}
}

// settle waits until a filling that is under way is over, and takes it.
func (r *filterRig) settle() {
	if next := r.filter.next; next != nil {
		<-next.done
	}
	r.poll()
}

// check asks for every key that was ever stored.
func (r *filterRig) check(when string) {
	r.t.Helper()
	for _, key := range r.keys {
		if !r.filter.maybe(key) {
			r.t.Fatalf("%s: the filter says no to %q, one of %d stored keys", when, key, len(r.keys))
		}
	}
}

// TestFilterKnowsStoredKeys stores keys before, while and after the filter is
// filled, grown and filled anew: it never says no to a stored one.
func TestFilterKnowsStoredKeys(t *testing.T) {
	d := newDice(t)
	r := newFilterRig(t)
	r.check("empty")
	for step := range 20_000 {
		switch d.IntN(200) {
		case 0:
			r.poll()
		case 1:
			r.settle()
		case 2: // too small from the next poll on
			r.filter.size = min(r.filter.size, r.filter.count/2)
		case 3:
			r.filter.close()
			r.start()
		case 4:
			r.check(fmt.Sprintf("step %d", step))
		default:
			k := indexKey{c2cKey(d.id(), d.id()), fmt.Sprint(step)}
			r.store(appendIndex(nil, k))
			if d.IntN(4) == 0 {
				r.store(appendConversation(nil, c2cKey(d.id(), fmt.Sprint(step))))
			}
		}
	}
	r.settle()
	r.check("at the end")
	if r.filter.keys == nil {
		t.Fatal("the filter has never been filled")
	}
}

// TestFilterRefuses: a full filter says no to nearly every key that is not
// stored, and one that has become too small is filled anew.
func TestFilterRefuses(t *testing.T) {
	r := newFilterRig(t)
	for n := range 10_000 {
		r.store(appendIndex(nil, indexKey{c2cKey("a", "b"), fmt.Sprint("m", n)}))
	}
	if !r.filter.maybe([]byte("never stored")) {
		t.Error("a filter that is not filled yet says no")
	}
	r.settle()
	wrong := func() (n int) {
		for i := range 10_000 {
			if r.filter.maybe(appendIndex(nil, indexKey{c2cKey("a", "b"), fmt.Sprint("x", i)})) {
				n++
			}
		}
		return n
	}
	if n := wrong(); n > 300 {
		t.Errorf("%d of 10,000 keys that are not stored may be, says the filter", n)
	}
	if r.filter.count != 10_000 {
		t.Errorf("the filter counts %d keys of 10,000", r.filter.count)
	}
	r.filter.size = 5_000
	r.poll()
	if r.filter.next == nil {
		t.Fatal("a filter that is too small is not filled anew")
	}
	r.store([]byte("ilate"))
	r.settle()
	if r.filter.count != 10_001 || r.filter.size < 10_001 || r.filter.next != nil {
		t.Errorf("after growing: %d keys in a filter for %d", r.filter.count, r.filter.size)
	}
	r.check("grown")
	if n := wrong(); n > 300 {
		t.Errorf("after growing: %d of 10,000 wrong", n)
	}
}

// TestCloseWhileFilling closes stores whose filter is still being filled: nothing is
// left open, and what was stored is found again.
func TestCloseWhileFilling(t *testing.T) {
	fs := vfs.NewMem()
	seq := events.Seq(0)
	var fx fold.Effects
	for round := range 20 {
		s, err := Open(Config{Dir: "store", FS: fs, Identity: events.StreamID{Name: "S", Created: time.Unix(1, 0)}})
		if err != nil {
			t.Fatal(err)
		}
		for n := range 500 * (round % 3) {
			seq++
			e := Entry{Seq: seq, Command: events.Command{Verb: events.UserMessage, Inbox: "a", From: "b", ID: fmt.Sprint(round, " ", n)}}
			if err := s.Apply(&e, &fx); err != nil {
				t.Fatal(err)
			}
			if again := s.indexOf(e.Command.ID); again.Pos == 0 || fx.Ignored {
				t.Fatalf("message %q: %+v, ignored %v", e.Command.ID, again, fx.Ignored)
			}
		}
		if _, err := s.Commit(); err != nil {
			t.Fatal(err)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
	s, err := Open(Config{Dir: "store", FS: fs, Identity: events.StreamID{Name: "S", Created: time.Unix(1, 0)}})
	if err != nil {
		t.Fatal(err)
	}
	<-s.filter.next.done
	if _, err := s.Commit(); err != nil {
		t.Fatal(err)
	}
	if s.filter.keys == nil {
		t.Error("a commit does not take the filter that is filled")
	}
	for round := range 20 {
		for n := range 500 * (round % 3) {
			if s.indexOf(fmt.Sprint(round, " ", n)).Pos == 0 {
				t.Fatalf("message %d of round %d is gone", n, round)
			}
		}
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
}

func (s *Store) indexOf(id string) fold.Index {
	i, _ := s.Index(c2cKey("a", "b"), id)
	return i
}
