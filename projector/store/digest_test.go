package store_test

import (
	"encoding/binary"
	"slices"
	"testing"

	"github.com/cespare/xxhash/v2"
	"github.com/cockroachdb/pebble/v2"

	"reddot/events"
	"reddot/projector/store"
	"reddot/projector/testkit"
	"reddot/projector/twin"
)

// eachRow calls fn with every stored row.
func eachRow(t *testing.T, db pebble.Reader, fn func(key, value []byte)) {
	t.Helper()
	it, err := db.NewIter(nil)
	if err != nil {
		t.Fatal(err)
	}
	for ok := it.First(); ok; ok = it.Next() {
		fn(slices.Clone(it.Key()), slices.Clone(it.Value()))
	}
	if err := it.Close(); err != nil {
		t.Fatal(err)
	}
}

// sumOfRows is the digest's part of the rows, from the rows alone: the sum of
// the hashes of all of them but the store's own and the outbox.
func sumOfRows(t *testing.T, db pebble.Reader) uint64 {
	t.Helper()
	sum := uint64(0)
	eachRow(t, db, func(key, value []byte) {
		if key[0] == 'M' || key[0] == 'x' {
			return
		}
		sum += xxhash.Sum64(slices.Concat(binary.AppendUvarint(nil, uint64(len(key))), key, value))
	})
	return sum
}

// digestOfRows is the digest, from the stored rows alone.
func digestOfRows(t *testing.T, db pebble.Reader) events.Digest {
	t.Helper()
	value, closer, err := db.Get([]byte("Mp"))
	if err != nil {
		t.Fatal(err)
	}
	defer closer.Close()
	rest := value[1:]
	for range 4 { // the applied seq, the sum itself and those of the commands are not hashed
		_, w := binary.Uvarint(rest)
		rest = rest[w:]
	}
	return events.Digest(sumOfRows(t, db) + xxhash.Sum64(slices.Concat([]byte{store.Format, 0, 0, 0, 0}, rest)))
}

// checkDigest compares the digest that the store keeps up with the one of its
// rows. Everything must be committed.
func (r *rig) checkDigest() {
	r.t.Helper()
	want := digestOfRows(r.t, r.store.DB())
	if got := r.store.Position().Digest(); got != want {
		r.t.Fatalf("seq %d: the digest is %s, that of the rows is %s", len(r.log), got, want)
	}
}

// TestDigestIsOfTheRows recomputes the digest from the stored rows after every
// commit of a random run with crashes, restarts and erasures.
func TestDigestIsOfTheRows(t *testing.T) {
	seed := testkit.Seed(t)
	r := newRig(t, seed)
	g := forgetful{twin.NewGenerator(seed, twin.Config{}), r.rng, []string{"a", "ab", "b"}, 100}
	for range steps() / 3 {
		r.step(g)
		switch n := r.rng.IntN(1000); {
		case n < 5:
			r.crash()
		case n < 10:
			r.reopen()
		case n < 200:
			r.commit()
		default:
			continue
		}
		r.checkDigest()
	}
	r.commit()
	r.checkDigest()
	sameDigest(t, r, 1, func(s *store.Store) { s.Shrink(1, 1) })
	sameDigest(t, r, 97)
	sameDigest(t, r, len(r.log))
}

// sameDigest folds the log of a rig once more, in batches of one size.
func sameDigest(t *testing.T, a *rig, batch int, opened ...func(*store.Store)) {
	t.Helper()
	b := newRigAt(t, 0, a.pace, opened...)
	b.log = a.log
	for i := range b.log {
		b.apply(events.Seq(i + 1))
		if i%batch == batch-1 {
			b.commit()
		}
	}
	b.commit()
	if da, db := a.store.Position().Digest(), b.store.Position().Digest(); da != db {
		t.Errorf("in batches of %d the digest is %s, not %s", batch, db, da)
	}
}

// TestRefusedChangesNothing: a refused command leaves every row as it was.
func TestRefusedChangesNothing(t *testing.T) {
	seed := testkit.Seed(t)
	r := newRig(t, seed)
	g := twin.NewGenerator(seed, twin.Config{})
	refused := 0
	before := sumOfRows(t, r.store.DB())
	for range steps() / 6 {
		r.step(g)
		r.commit()
		after := sumOfRows(t, r.store.DB())
		if r.fx.Refused != "" {
			if refused++; before != after {
				t.Fatalf("seq %d, %+v: refused, and rows have changed", len(r.log), r.log[len(r.log)-1].Command)
			}
		}
		before = after
	}
	if refused == 0 {
		t.Error("no command was refused")
	}
}
