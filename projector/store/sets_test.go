package store_test

import (
	"math/rand/v2"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"reddot/events"
	"reddot/projector/fold"
	"reddot/projector/store"
	"reddot/projector/testkit"
)

// ordinals is a set of ordinals without an idea.
type ordinals map[fold.Ord]bool

func (o ordinals) countAfter(after fold.Ord) (n uint64) {
	for at := range o {
		if at > after {
			n++
		}
	}
	return n
}

// setRig is two sets in the row of a group, beside their models.
type setRig struct {
	t     *testing.T
	rng   *rand.Rand
	fs    *vfs.MemFS
	store *store.Store

	log    *fold.Log
	models [2]ordinals
	top    fold.Ord // the ordinal reached

	commits []([2]ordinals) // the models as they were committed, for a crash
}

const commitsRow = "commits" // the user whose version counts the commits

var setKeys = [2]fold.SetKey{fold.GroupKey("g").Set(fold.SetRevoked), fold.GroupKey("g").Set(fold.SetAll)}

func (r *setRig) set(i int) *fold.Set { return [2]*fold.Set{&r.log.Revoked, &r.log.All}[i] }

func (r *setRig) load() {
	if r.log = r.store.Rows().Group("g"); r.log == nil {
		r.log = new(fold.Log)
	}
}

func (r *setRig) commit() {
	r.commits = append(r.commits, [2]ordinals{clone(r.models[0]), clone(r.models[1])})
	r.store.Rows().SetLost(commitsRow, events.Seq(len(r.commits)))
	r.store.Rows().PutGroup("g", r.log)
	if _, err := r.store.Commit(); err != nil {
		r.t.Fatal(err)
	}
}

func clone(o ordinals) ordinals {
	c := make(ordinals, len(o))
	for at := range o {
		c[at] = true
	}
	return c
}

// reopen closes the store in order.
func (r *setRig) reopen() {
	r.commit()
	r.close()
	r.store = openAt(r.t, r.fs, "store")
	r.load()
}

// crash goes back to some commit.
func (r *setRig) crash() {
	left := r.fs.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: 50, RNG: r.rng})
	r.close()
	r.fs, r.store = left, openAt(r.t, left, "store")
	r.load()
	n := int(r.store.Rows().Lost(commitsRow))
	r.models = [2]ordinals{{}, {}}
	if n > 0 {
		r.models = [2]ordinals{clone(r.commits[n-1][0]), clone(r.commits[n-1][1])}
	}
	r.commits = r.commits[:n]
}

func (r *setRig) close() {
	if err := r.store.Close(); err != nil {
		r.t.Fatal(err)
	}
}

// ordinal draws one: at the end, near it, at the edge of a chunk, anywhere.
func (r *setRig) ordinal() fold.Ord {
	switch r.rng.IntN(8) {
	case 0:
		return 1 + fold.Ord(r.rng.Uint64N(uint64(r.top)))
	case 1:
		edge := fold.Ord(r.rng.IntN(int(r.top)/fold.ChunkSize+1)) * fold.ChunkSize
		return max(1, edge+fold.Ord(r.rng.IntN(3))-1)
	case 2:
		return max(1, r.top-min(r.top, fold.Ord(r.rng.IntN(100))))
	case 3:
		r.top += fold.Ord(r.rng.IntN(3 * fold.ChunkSize)) // leaves chunks out
	}
	r.top++
	return r.top
}

func (r *setRig) step() {
	i := r.rng.IntN(2)
	s, k, model := r.set(i), setKeys[i], r.models[i]
	o := r.ordinal()
	switch r.rng.IntN(8) {
	case 0:
		if was := s.Remove(r.store.Rows(), k, o); was != model[o] {
			r.t.Fatalf("remove %d: %v, it is in the set: %v", o, was, model[o])
		}
		delete(model, o)
	case 1: // empty a stretch, as many removals do
		for at := o; at > 0 && o-at < 50; at-- {
			s.Remove(r.store.Rows(), k, at)
			delete(model, at)
		}
	default:
		s.Add(r.store.Rows(), k, o)
		model[o] = true
	}
	r.checkPoint(i, o)
	r.checkPoint(i, r.ordinal()-1)
}

// checkPoint asks both about one ordinal.
func (r *setRig) checkPoint(i int, o fold.Ord) {
	r.t.Helper()
	s, k, model := r.set(i), setKeys[i], r.models[i]
	if got := s.Has(r.store.Rows(), k, o); got != model[o] {
		r.t.Fatalf("set %d has %d: %v, not %v", i, o, got, model[o])
	}
	if got, want := s.CountAfter(r.store.Rows(), k, o), model.countAfter(o); got != want {
		r.t.Fatalf("set %d holds %d ordinals after %d, not %d", i, want, o, got)
	}
}

// checkFree looks for the first free ordinal in a stretch.
func (r *setRig) checkFree() {
	r.t.Helper()
	from := r.ordinal() - 1
	upto := from + fold.Ord(r.rng.IntN(2*fold.ChunkSize))
	want := fold.Ord(0)
	for o := from + 1; o <= upto && want == 0; o++ {
		if !r.models[0][o] && !r.models[1][o] {
			want = o
		}
	}
	got := fold.NextFree(r.store.Rows(), from, upto, r.log.Revoked.At(setKeys[0]), r.log.All.At(setKeys[1]))
	if got != want {
		r.t.Fatalf("first free in (%d, %d] is %d, not %d", from, upto, want, got)
	}
}

// checkCommon counts what both sets have, driven by the one as by the other.
func (r *setRig) checkCommon() {
	r.t.Helper()
	o, want := r.ordinal()-1, uint64(0)
	for at := range r.models[0] {
		if at > o && r.models[1][at] {
			want++
		}
	}
	a, b := r.log.Revoked.At(setKeys[0]), r.log.All.At(setKeys[1])
	for _, sets := range [][]fold.Ordinals{{a, b}, {b, a}, {a, b, a}} {
		if got := fold.CommonAfter(r.store.Rows(), o, sets...); got != want {
			r.t.Fatalf("%d ordinals after %d are in both sets, not %d", got, o, want)
		}
	}
	if got, want := fold.CommonAfter(r.store.Rows(), o, a), r.models[0].countAfter(o); got != want {
		r.t.Fatalf("%d ordinals after %d are in the set, not %d", got, o, want)
	}
}

// checkInvariant: "the stored chunks' numbers are below TailNo, and there are
// Stored of them".
func (r *setRig) checkInvariant() {
	r.t.Helper()
	for i := range r.models {
		s, k := r.set(i), setKeys[i]
		dir := r.store.Rows().Directory(k)
		if uint64(len(dir)) != s.Stored || s.Tail == nil && len(r.models[i]) > 0 {
			r.t.Fatalf("set %d: %d chunks stored of %d, a tail: %v", i, len(dir), s.Stored, s.Tail != nil)
		}
		for n, e := range dir {
			b := r.store.Rows().Chunk(k, e.No)
			if e.No >= s.TailNo || e.Len == 0 || b == nil || uint64(b.Len()) != e.Len || n > 0 && dir[n-1].No >= e.No {
				r.t.Fatalf("set %d: entry %d of %v; the tail is %d", i, n, dir, s.TailNo)
			}
		}
	}
}

// TestSet does to sets in a store, which is closed, opened and crashed in
// between, what it does to maps.
func TestSet(t *testing.T) {
	r := &setRig{t: t, rng: testkit.Rand(t), fs: vfs.NewCrashableMem(), models: [2]ordinals{{}, {}}, top: 1}
	r.store = openAt(t, r.fs, "store")
	r.load()
	for range testkit.Effort(3_000) {
		r.step()
		r.checkFree()
		r.checkCommon()
		switch n := r.rng.IntN(1000); {
		case n < 4:
			r.crash()
		case n < 10:
			r.reopen()
		case n < 60:
			r.commit()
		default:
			continue
		}
		r.checkInvariant()
	}
	r.reopen()
	r.checkInvariant()
	for o := range r.top + 2 {
		for i := range r.models {
			if r.set(i).Has(r.store.Rows(), setKeys[i], o) != r.models[i][o] {
				t.Fatalf("set %d at %d: not %v", i, o, r.models[i][o])
			}
		}
	}
	r.close()
}

// TestNextFreeFull fills many chunks from both sets: the walk passes over
// them all.
func TestNextFreeFull(t *testing.T) {
	s := openAt(t, vfs.NewMem(), "store")
	rows := s.Rows()
	var a, b fold.Set
	const n = 10*fold.ChunkSize + 5
	for o := fold.Ord(1); o <= n; o++ {
		if o%2 == 0 {
			a.Add(rows, setKeys[0], o)
		} else {
			b.Add(rows, setKeys[1], o)
		}
	}
	for _, test := range []struct{ after, upto, want fold.Ord }{
		{0, n, 0}, {0, n + 1, n + 1}, {n, n + 1, n + 1}, {n, n, 0}, {n - 1, n, 0}, {0, 0, 0}, {n + 9, n + 5*fold.ChunkSize, n + 10},
	} {
		if got := fold.NextFree(rows, test.after, test.upto, a.At(setKeys[0]), b.At(setKeys[1])); got != test.want {
			t.Errorf("first free in (%d, %d] is %d, not %d", test.after, test.upto, test.want, got)
		}
	}
	a.Remove(rows, setKeys[0], 4*fold.ChunkSize)
	if got := fold.NextFree(rows, 0, n, a.At(setKeys[0]), b.At(setKeys[1])); got != 4*fold.ChunkSize {
		t.Errorf("first free is %d, not %d", fold.Ord(4*fold.ChunkSize), got)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
}
