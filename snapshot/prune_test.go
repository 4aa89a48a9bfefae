package snapshot_test

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/google/go-cmp/cmp"

	"reddot/events"
	"reddot/projector/testkit"
	"reddot/snapshot"
)

// prune keeps the newest two of each stream.
func (r *rig) prune() snapshot.Pruned {
	r.t.Helper()
	p, err := r.repo.Prune(testkit.Context(r.t), snapshot.PruneOptions{Keep: 2})
	if err != nil {
		r.t.Fatal(err)
	}
	return p
}

// checkPieces fails unless the storage has the pieces of the listed snapshots,
// and only those.
func (r *rig) checkPieces() {
	r.t.Helper()
	want := map[string]bool{}
	for _, e := range r.list() {
		if e.Manifest == nil {
			continue
		}
		for _, f := range e.Manifest.Files {
			for _, p := range f.Pieces {
				want["pieces/"+p.String()] = true
			}
		}
	}
	got := map[string]bool{}
	for _, b := range r.blobs("pieces/") {
		got[b] = true
	}
	if diff := cmp.Diff(want, got); diff != "" {
		r.t.Errorf("pieces (-of the snapshots +there):\n%s", diff)
	}
}

// verifyAll verifies every listed snapshot.
func (r *rig) verifyAll() {
	r.t.Helper()
	for _, e := range r.list() {
		if _, err := r.repo.Verify(testkit.Context(r.t), e.ID, snapshot.VerifyOptions{}, nil); err != nil {
			r.t.Error(err)
		}
	}
}

// TestPrune keeps the newest valid snapshots of each stream, and the pieces of
// what is left.
func TestPrune(t *testing.T) {
	r := newRig(t, vfs.NewMem(), nil)
	other := openRows(t, r.fs, "data/store/other", events.StreamID{Name: "OTHER", Created: stream.Created}, 2)
	for range 5 {
		r.create(20)
		r.rows.compact(t)
		other.apply(t, 7, 10)
		if _, err := r.repo.Create(testkit.Context(t), other, nil); err != nil {
			t.Fatal(err)
		}
	}
	p, err := r.repo.Prune(testkit.Context(t), snapshot.PruneOptions{Keep: 3, Stream: stream})
	if err != nil || len(p.Kept) != 3 || len(p.Removed) != 2 || p.Pieces == 0 || p.Bytes == 0 || p.Held != "" {
		t.Errorf("%+v, %v", p, err)
	}
	if diff := cmp.Diff([]events.Seq{100, 80, 60, 35, 28, 21, 14, 7}, r.seqs()); diff != "" {
		t.Error(diff)
	}
	r.checkPieces()
	if p := r.prune(); len(p.Kept) != 4 || len(p.Removed) != 4 {
		t.Errorf("%+v", p)
	}
	if p := r.prune(); p.Removed != nil || p.Pieces != 0 || p.Held != "" {
		t.Errorf("nothing to prune: %+v", p)
	}
	if _, err := r.repo.Prune(testkit.Context(t), snapshot.PruneOptions{Keep: 1}); err == nil {
		t.Error("kept one only")
	}
	r.checkPieces()
	r.verifyAll()
	r.checkClean()
}

// TestPruneInvalid has a corrupt and an incomplete snapshot among the newest:
// they do not count as kept, and go with the old ones.
func TestPruneInvalid(t *testing.T) {
	r := newRig(t, vfs.NewMem(), nil)
	for range 5 {
		r.create(20)
		r.rows.compact(t)
	}
	e := r.list()
	r.alter("manifests/"+e[0].ID, flip(100))
	r.remove(own(e[1].Manifest, e[2].Manifest, e[3].Manifest)) // a piece of the second only
	p := r.prune()
	if diff := cmp.Diff([]string{e[0].ID, e[1].ID, e[2].ID, e[3].ID}, p.Kept); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{e[4].ID}, p.Removed); diff != "" {
		t.Error(diff)
	}
	for range 2 {
		r.create(20)
	}
	p = r.prune()
	if len(p.Kept) != 2 || len(p.Removed) != 4 {
		t.Errorf("%+v", p)
	}
	r.checkPieces()
	r.verifyAll()
}

// own returns a blob that only the first of the snapshots has.
func own(m *snapshot.Manifest, others ...*snapshot.Manifest) string {
	shared := map[snapshot.SHA256]bool{}
	for _, o := range others {
		for _, f := range o.Files {
			for _, p := range f.Pieces {
				shared[p] = true
			}
		}
	}
	for _, f := range m.Files {
		for _, p := range f.Pieces {
			if !shared[p] {
				return "pieces/" + p.String()
			}
		}
	}
	panic("all is shared")
}

func (r *rig) remove(blob string) {
	r.t.Helper()
	if err := r.storage.Delete(testkit.Context(r.t), blob); err != nil {
		r.t.Fatal(err)
	}
}

// TestRemove removes one snapshot; its pieces go with the next prune.
func TestRemove(t *testing.T) {
	r := newRig(t, vfs.NewMem(), nil)
	a := r.create(10).Manifest
	r.rows.compact(t)
	r.create(10)
	if err := r.repo.Remove(testkit.Context(t), a.ID()); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]events.Seq{20}, r.seqs()); diff != "" {
		t.Error(diff)
	}
	if err := r.repo.Remove(testkit.Context(t), a.ID()); !errors.Is(err, snapshot.ErrNotFound) {
		t.Error(err)
	}
	if p := r.prune(); p.Pieces == 0 {
		t.Errorf("%+v", p)
	}
	r.checkPieces()
	r.checkClean()
}

// TestPruneNewer has a snapshot of a newer program, which this one can't read:
// it stays, and so do all pieces, since they may be its.
func TestPruneNewer(t *testing.T) {
	r := newRig(t, vfs.NewMem(), nil)
	oldest := r.create(10).Manifest.ID()
	for range 3 {
		r.rows.compact(t)
		r.create(10)
	}
	body := "{\"format\": 2}\n"
	r.alter("manifests/"+oldest, func([]byte) []byte {
		return fmt.Appendf(nil, "%ssha256 %x\n", body, sha256.Sum256([]byte(body)))
	})
	e := r.list()
	if last := e[len(e)-1]; last.ID != oldest || !errors.Is(last.Err, snapshot.ErrNewer) || !strings.Contains(last.Err.Error(), "use that one") {
		t.Errorf("%+v", last)
	}
	before := r.blobs("pieces/")
	p := r.prune()
	if diff := cmp.Diff([]string{e[0].ID, e[1].ID, oldest}, p.Kept); diff != "" || !strings.Contains(p.Held, "newer reddot") || len(p.Removed) != 1 {
		t.Errorf("%+v%s", p, diff)
	}
	if diff := cmp.Diff(before, r.blobs("pieces/")); diff != "" {
		t.Error(diff)
	}
	if _, _, err := r.restore(snapshot.Want{AtMost: 15}); !errors.Is(err, snapshot.ErrNewer) || !errors.Is(err, snapshot.ErrNone) {
		t.Error(err)
	}
}
