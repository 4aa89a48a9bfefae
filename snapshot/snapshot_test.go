package snapshot_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/google/go-cmp/cmp"

	"reddot/events"
	"reddot/projector/testkit"
	"reddot/snapshot"
	"reddot/snapshot/storage"
)

// TestIncremental takes snapshots of a store that grows: only pieces that the
// storage does not have travel, and a state is not stored twice.
func TestIncremental(t *testing.T) {
	r := newRig(t, vfs.NewMem(), nil)
	first := r.create(5000) // some 500 KB
	if first.Existing || first.NewPieces != first.Manifest.Pieces-emptyFiles(first.Manifest) && first.NewBytes != first.Manifest.Bytes {
		t.Errorf("first: %+v", first)
	}
	second := r.create(10)
	if second.NewBytes > first.NewBytes/20 || second.Manifest.Bytes <= first.Manifest.Bytes {
		t.Errorf("the second snapshot sent %d of %d bytes", second.NewBytes, second.Manifest.Bytes)
	}
	third, err := r.repo.Create(testkit.Context(t), r.rows, nil)
	if err != nil {
		t.Fatal(err)
	}
	if !third.Existing || third.NewBytes != 0 || third.Manifest.ID() != second.Manifest.ID() {
		t.Errorf("third: %+v", third)
	}
	if diff := cmp.Diff([]events.Seq{5010, 5000}, r.seqs()); diff != "" {
		t.Error(diff)
	}
	for _, e := range r.list() {
		m, err := r.repo.Verify(testkit.Context(t), e.ID, snapshot.VerifyOptions{}, nil)
		if err != nil {
			t.Error(err)
		}
		if diff := cmp.Diff(e.Manifest, m); diff != "" {
			t.Error(diff)
		}
	}
	r.checkClean()
}

func emptyFiles(m *snapshot.Manifest) (n int) {
	for _, f := range m.Files {
		if f.Size == 0 {
			n++
		}
	}
	return n
}

// TestRestore restores snapshots, which hold what the store held then.
func TestRestore(t *testing.T) {
	r := newRig(t, vfs.NewMem(), nil)
	states := map[events.Seq]snapshot.State{}
	for range 3 {
		m := r.create(100).Manifest
		states[m.Seq] = m.State()
	}
	for want, seq := range map[snapshot.Want]events.Seq{
		{}:                         300,
		{AtMost: 299}:              200,
		{AtMost: 300}:              300,
		{AtMost: 100, First: 101}:  100,
		{ID: r.list()[1].ID}:       200,
		{StoreFormat: storeFormat}: 300,
		{First: 301}:               300,
		{Oldest: true}:             100,
		{Oldest: true, First: 150}: 200,
	} {
		m, dir, err := r.restore(want)
		if err != nil {
			t.Errorf("%+v: %v", want, err)
			continue
		}
		got, err := checkRows(r.fs)(testkit.Context(t), dir, func(uint64) {})
		if err != nil {
			t.Error(err)
		}
		if diff := cmp.Diff(states[seq], got); diff != "" || m.Seq != seq {
			t.Errorf("%+v: %s", want, diff)
		}
	}
	r.checkClean()
}

// TestUnusable asks for snapshots that are not there; the error says of each
// why it won't do.
func TestUnusable(t *testing.T) {
	r := newRig(t, vfs.NewMem(), nil)
	_, _, err := r.restore(snapshot.Want{})
	if !errors.Is(err, snapshot.ErrNone) {
		t.Fatal(err)
	}
	r.create(100)
	r.create(100)
	other := openRows(t, r.fs, "data/store/other", events.StreamID{Name: stream.Name, Created: stream.Created.Add(1)}, 2)
	other.apply(t, 200, 10)
	if _, err := r.repo.Create(testkit.Context(t), other, nil); err != nil {
		t.Fatal(err)
	}
	a, b := r.list()[0].ID, r.list()[1].ID // in the order of the streams' keys
	if r.list()[1].Manifest.Stream.Equal(stream) {
		a, b = b, a
	}
	c := r.list()[2].ID
	foreign := "it belongs to another stream than TEST_COMMANDS created 2023-11-14T22:13:20.000000005Z"
	for _, test := range []struct {
		want snapshot.Want
		why  map[string]string
	}{
		{snapshot.Want{First: 300}, map[string]string{
			a: "commands 201 to 299 that follow it are gone from the stream", b: foreign,
			c: "commands 101 to 299 that follow it are gone from the stream"}},
		{snapshot.Want{AtMost: 99}, map[string]string{a: "it is after seq 99", b: foreign, c: "it is after seq 99"}},
		{snapshot.Want{ID: b}, map[string]string{a: "snapshot " + b + " is asked for", b: foreign, c: "snapshot " + b + " is asked for"}},
		{snapshot.Want{StoreFormat: 8}, map[string]string{
			a: "another store format: it has format 7, this program reads 8", b: foreign,
			c: "another store format: it has format 7, this program reads 8"}},
	} {
		_, _, err := r.restore(test.want)
		var unusable *snapshot.UnusableError
		if !errors.As(err, &unusable) {
			t.Errorf("%+v: %v", test.want, err)
			continue
		}
		why := map[string]string{}
		for _, reason := range unusable.Reasons {
			why[reason.ID] = reason.Why.Error()
		}
		if diff := cmp.Diff(test.why, why); diff != "" {
			t.Errorf("%+v: %s", test.want, diff)
		}
	}
	r.checkClean()
}

// TestLargeFile splits files into pieces; a corrupt one in the middle is named,
// and only changed ones travel.
func TestLargeFile(t *testing.T) {
	testkit.Unraced(t)
	r := newRig(t, vfs.NewMem(), nil)
	store := r.plain()
	store.add("large", 11<<20)
	c, err := r.repo.Create(testkit.Context(t), store, nil)
	if err != nil || c.NewPieces != 3 || len(c.Manifest.Files[0].Pieces) != 3 {
		t.Fatalf("%+v, %v", c, err)
	}
	large := c.Manifest.Files[0]
	blob := "pieces/" + large.Pieces[1].String()
	r.alter(blob, flip(8*(2<<20)))
	r.checkFault(c.Manifest, large.Name, 1, blob, snapshot.ErrCorrupt)
	r.alter(blob, flip(8*(2<<20)))
	r.verifyAll()
	store.add("small", 100)
	store.bytes["large"][9<<20]++
	if c, err = r.repo.Create(testkit.Context(t), store, nil); err != nil || c.NewBytes != 3<<20+100 {
		t.Errorf("%+v, %v", c, err)
	}
	r.verifyAll()
}

// TestMended takes a snapshot of a state once more if the one that is there lacks a
// piece.
func TestMended(t *testing.T) {
	r := newRig(t, vfs.NewMem(), nil)
	m := r.create(10).Manifest
	r.remove(own(m))
	c, err := r.repo.Create(testkit.Context(t), r.rows, nil)
	if err != nil || c.Existing || c.NewPieces == 0 {
		t.Errorf("%+v, %v", c, err)
	}
	r.checkSeqs(10)
	r.verifyAll()
}

// TestTrimBound is the seq of the older of the two newest valid snapshots.
func TestTrimBound(t *testing.T) {
	r := newRig(t, vfs.NewMem(), nil)
	bound := func(want events.Seq, wantErr error) {
		t.Helper()
		seq, err := r.repo.TrimBound(testkit.Context(t), stream, nil)
		if seq != want || !errors.Is(err, wantErr) || err != nil && strings.Contains(err.Error(), "\n") {
			t.Errorf("%d, %v", seq, err)
		}
	}
	bound(0, snapshot.ErrTooFew)
	r.create(10)
	bound(0, snapshot.ErrTooFew)
	r.rows.compact(t)
	r.create(10)
	bound(10, nil)
	r.rows.compact(t)
	m := r.create(10).Manifest
	bound(20, nil)
	r.remove(own(m, r.list()[1].Manifest))
	bound(10, nil)
	r.alter("manifests/"+r.list()[2].ID, flip(5))
	bound(0, snapshot.ErrTooFew)
	other := openRows(t, r.fs, "data/store/other", events.StreamID{Name: "OTHER", Created: stream.Created}, 2)
	other.apply(t, 100, 10)
	if _, err := r.repo.Create(testkit.Context(t), other, nil); err != nil {
		t.Fatal(err)
	}
	bound(0, snapshot.ErrTooFew)
	r.checkClean()
}

// TestFind finds a snapshot by id and by seq.
func TestFind(t *testing.T) {
	r := newRig(t, vfs.NewMem(), nil)
	find := func(which, want string, wantErr error) {
		t.Helper()
		e, err := r.repo.Find(testkit.Context(t), which)
		if e.ID != want || wantErr != nil && !errors.Is(err, wantErr) || (err != nil) != (want == "") {
			t.Errorf("%q: %s, %v", which, e.ID, err)
		}
	}
	find("", "", snapshot.ErrNotFound)
	a, b := r.create(10).Manifest.ID(), r.create(10).Manifest.ID()
	find("", b, nil)
	find("10", a, nil)
	find("20", b, nil)
	find(a, a, nil)
	find("15", "", snapshot.ErrNotFound)
	find("x", "", snapshot.ErrNotFound)
	other := openRows(t, r.fs, "data/store/other", events.StreamID{Name: "OTHER", Created: stream.Created}, 2)
	other.apply(t, 10, 10)
	if _, err := r.repo.Create(testkit.Context(t), other, nil); err != nil {
		t.Fatal(err)
	}
	find("10", "", nil)
	r.alter("manifests/"+b, flip(5))
	if e, err := r.repo.Find(testkit.Context(t), "20"); err != nil || !errors.Is(e.Err, snapshot.ErrCorrupt) {
		t.Errorf("%+v, %v", e, err)
	}
	if e, err := r.repo.Find(testkit.Context(t), ""); err != nil || e.Seq != 10 {
		t.Errorf("%+v, %v", e, err)
	}
}

// TestInvalid does not publish a store that does not pass its check, and says
// so when two stores differ at one seq.
func TestInvalid(t *testing.T) {
	r := newRig(t, vfs.NewMem(), nil)
	first := r.create(10).Manifest
	liar := openRows(t, r.fs, "data/store/liar", stream, 3)
	liar.apply(t, 5, 10)
	liar.state.Digest++
	liar.apply(t, 5, 10)
	if _, err := r.repo.Create(testkit.Context(t), liar, nil); err == nil || !strings.Contains(err.Error(), "does not pass its check") {
		t.Error(err)
	}
	other := openRows(t, r.fs, "data/store/other", stream, 4)
	other.apply(t, 10, 10)
	if _, err := r.repo.Create(testkit.Context(t), other, nil); err == nil || !strings.Contains(err.Error(), "one of them is wrong") {
		t.Error(err)
	}
	r.checkSeqs(10)
	if m, err := r.repo.Verify(testkit.Context(t), first.ID(), snapshot.VerifyOptions{}, nil); err != nil || m.Digest != first.Digest {
		t.Error(err)
	}
	r.checkClean()
}

// TestCancel ends the context at every call of the storage in turn: each
// operation ends with the context's error and leaves nothing behind.
func TestCancel(t *testing.T) {
	mem := vfs.NewMem()
	place := &between{Storage: storage.NewFolder(mem, "data/snapshots")}
	r := newRig(t, mem, place)
	r.create(10)
	r.create(10)
	m := r.create(10).Manifest
	operations := map[string]func(context.Context) error{
		"create": func(ctx context.Context) error {
			r.rows.apply(t, 1, 10)
			r.rows.compact(t)
			_, err := r.repo.Create(ctx, r.rows, nil)
			return err
		},
		"verify": func(ctx context.Context) error {
			_, err := r.repo.Verify(ctx, m.ID(), snapshot.VerifyOptions{}, nil)
			return err
		},
		"restore": func(ctx context.Context) error {
			_, err := r.repo.Restore(ctx, snapshot.Want{Stream: stream, ID: m.ID()}, "restored", nil)
			return errors.Join(err, mem.RemoveAll("restored"))
		},
		"trim": func(ctx context.Context) error { _, err := r.repo.TrimBound(ctx, stream, nil); return err },
		"list": func(ctx context.Context) error { _, err := r.repo.List(ctx); return err },
		"prune": func(ctx context.Context) error {
			_, err := r.repo.Prune(ctx, snapshot.PruneOptions{Keep: 100})
			return err
		},
	}
	for name, operation := range operations {
		for k := 1; ; k++ {
			ctx, cancel := context.WithCancel(testkit.Context(t))
			calls := 0
			place.set(func(op, blob string) error {
				if calls++; calls == k {
					cancel()
				}
				return nil
			})
			err := operation(ctx)
			place.set(nil)
			cancel()
			if calls < k {
				break
			}
			if err != nil && !errors.Is(err, context.Canceled) {
				t.Errorf("%s, call %d: %v", name, k, err)
			}
			r.checkClean()
		}
	}
	r.verifyAll()
}
