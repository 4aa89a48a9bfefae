package store_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/google/go-cmp/cmp"

	"reddot/events"
	"reddot/projector/fold"
	"reddot/projector/store"
	"reddot/projector/store/inspect"
	"reddot/projector/storetest"
	"reddot/projector/testkit"
	"reddot/projector/twin"
)

// kindOfFile is a file's name without its number.
func kindOfFile(name string) string {
	switch {
	case strings.HasSuffix(name, ".sst"), strings.HasSuffix(name, ".log"):
		return name[len(name)-3:]
	case strings.HasPrefix(name, "marker."):
		return "marker"
	}
	kind, _, _ := strings.Cut(name, "-")
	return kind
}

// closedStore is the folder of a store with some tables, and what it held.
type closedStore struct {
	files    map[string][]byte
	position store.Position
	shown    map[string]everything
}

var shownUsers = []string{"a", "b", "ab", "u1"}

// closeStore folds random commands into a store that has rows of every family,
// with a few flushes, and closes it.
func closeStore(t *testing.T, seed uint64) closedStore {
	r := &rig{t: t, rng: rand.New(rand.NewPCG(seed, 1)), twin: twin.New()}
	r.open(vfs.NewMem())
	everyFamily(r)
	var command events.Command
	for g := twin.NewGenerator(seed, twin.Config{}); len(r.log) < 4800; {
		g.Next(&command)
		r.do(command)
		if r.rng.IntN(200) == 0 {
			r.commit()
			if err := r.store.Flush(); err != nil {
				t.Fatal(err)
			}
		}
	}
	r.commit()
	c := closedStore{position: r.store.Position()}
	var err error
	if c.shown, err = showAll(r.store); err != nil {
		t.Fatal(err)
	}
	if err := r.store.Close(); err != nil {
		t.Fatal(err)
	}
	c.files = storetest.Files(t, r.fs, "store")
	return c
}

// showAll reads what some users are shown.
func showAll(s *store.Store) (map[string]everything, error) {
	all := map[string]everything{}
	snap, err := s.Snapshot()
	if err != nil {
		return nil, err
	}
	err = snap.Read(func(rows fold.Reader) (err error) {
		for _, user := range shownUsers {
			if all[user], err = storeShows(rows, user); err != nil {
				return err
			}
		}
		return nil
	})
	return all, errors.Join(err, snap.Close())
}

// meets corrupts the folder, and reports whether somebody noticed. A wrong state
// ends the test.
func (c closedStore) meets(t *testing.T, what, name string, corrupted []byte) (noticed bool) {
	t.Helper()
	spoilt := make(map[string][]byte, len(c.files))
	for n, b := range c.files {
		spoilt[n] = b
	}
	spoilt[name] = corrupted
	info, err := inspect.Check(context.Background(), storetest.FolderOf(t, spoilt), "store", nil)
	switch {
	case err == nil:
		if d := cmp.Diff(c.position, info.Position, cmp.AllowUnexported(store.Position{})); d != "" {
			t.Fatalf("%s: a check finds another position:\n%s", what, d)
		}
	case !errors.Is(err, store.ErrCorrupt):
		t.Fatalf("%s: %v", what, err)
	default:
		noticed = true
	}
	used := c.use(t, what, spoilt)
	if used && !noticed {
		t.Fatalf("%s: a check finds nothing, and the store can't be used", what)
	}
	return noticed
}

// use opens and reads a corrupt store, and reports whether it noticed.
func (c closedStore) use(t *testing.T, what string, spoilt map[string][]byte) bool {
	t.Helper()
	s, err := store.Open(store.Config{Dir: "store", FS: storetest.FolderOf(t, spoilt), Identity: identity})
	if err == nil {
		if d := cmp.Diff(c.position, s.Position(), cmp.AllowUnexported(store.Position{})); d != "" {
			t.Fatalf("%s: opens at another position:\n%s", what, d)
		}
		var shown map[string]everything
		if shown, err = showAll(s); err == nil {
			if d := cmp.Diff(c.shown, shown); d != "" {
				t.Fatalf("%s: shows something else:\n%s", what, d)
			}
		}
		err = errors.Join(err, s.Close())
	}
	if err != nil && !errors.Is(err, store.ErrCorrupt) {
		t.Fatalf("%s: %v", what, err)
	}
	return err != nil
}

// TestBitRot flips one bit at a time in the files of a closed store: the corruption
// is found and named, or the bit means nothing and all is as it was. Pebble
// distinguishes a flipped bit from other corruption by trying them all, which takes time.
func TestBitRot(t *testing.T) {
	seed := testkit.Seed(t)
	rng := rand.New(rand.NewPCG(seed, 2))
	c := closeStore(t, seed)
	flips, noticed := map[string]int{}, map[string]int{}
	for name, b := range c.files {
		kind := kindOfFile(name)
		for range min(8*len(b), steps()/500) {
			at, bit := rng.IntN(len(b)), rng.IntN(8)
			corrupted := slices.Clone(b)
			corrupted[at] ^= 1 << bit
			flips[kind]++
			if c.meets(t, fmt.Sprintf("bit %d of byte %d of %s", bit, at, name), name, corrupted) {
				noticed[kind]++
			}
		}
	}
	t.Logf("flipped %v, noticed %v", flips, noticed)
	for _, kind := range []string{"sst", "position"} {
		if flips[kind] == 0 || flips[kind] != noticed[kind] {
			t.Errorf("%d bits of %s files were flipped, %d noticed", flips[kind], kind, noticed[kind])
		}
	}
}

// TestTruncated cuts each file of a closed store short, and takes each away.
func TestTruncated(t *testing.T) {
	seed := testkit.Seed(t)
	rng := rand.New(rand.NewPCG(seed, 2))
	c := closeStore(t, seed)
	for name, b := range c.files {
		lengths := []int{0}
		for range 12 {
			if len(b) > 0 {
				lengths = append(lengths, rng.IntN(len(b)))
			}
		}
		for _, n := range lengths {
			noticed := c.meets(t, fmt.Sprintf("%s cut to %d of %d bytes", name, n, len(b)), name, b[:n])
			if kind := kindOfFile(name); (kind == "sst" || kind == "position") && !noticed {
				t.Errorf("%s cut to %d of %d bytes: not noticed", name, n, len(b))
			}
		}
		without := make(map[string][]byte, len(c.files))
		for n, b := range c.files {
			if n != name {
				without[n] = b
			}
		}
		c.use(t, name+" taken away", without)
	}
}
