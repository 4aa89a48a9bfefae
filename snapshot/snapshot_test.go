package snapshot_test

import (
	"errors"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/google/go-cmp/cmp"

	"reddot/events"
	"reddot/snapshot"
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
	third, err := r.repo.Create(within(t), r.rows, nil)
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
		m, err := r.repo.Verify(within(t), e.ID, snapshot.VerifyOptions{}, nil)
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
	} {
		m, dir, err := r.restore(want)
		if err != nil {
			t.Errorf("%+v: %v", want, err)
			continue
		}
		got, err := checkRows(r.fs)(within(t), dir, func(uint64) {})
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
	other := openRows(t, r.fs, "data/store/other", snapshot.Stream{Name: stream.Name, Created: stream.Created.Add(1)}, 2)
	other.apply(t, 200, 10)
	if _, err := r.repo.Create(within(t), other, nil); err != nil {
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
