package snapshot_test

import (
	"bytes"
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

// TestCorruptPiece flips one bit in each piece of a snapshot in turn, and then
// removes it: Verify names the piece and its file, Restore falls back to the
// snapshot before where that one does not have the piece.
func TestCorruptPiece(t *testing.T) {
	rng := testkit.Rand(t)
	r := newRig(t, vfs.NewMem(), nil)
	before := r.create(100).Manifest
	r.rows.compact(t)
	m := r.create(100).Manifest
	shared := map[snapshot.SHA256]bool{}
	for _, f := range before.Files {
		for _, p := range f.Pieces {
			shared[p] = true
		}
	}
	for _, f := range m.Files {
		for i, p := range f.Pieces {
			blob := "pieces/" + p.String()
			bit := rng.IntN(int(min(f.Size, m.PieceSize)) * 8)
			var whole []byte
			r.alter(blob, func(b []byte) []byte { whole = bytes.Clone(b); return flip(bit)(b) })
			r.checkFault(m, f.Name, i, blob, snapshot.ErrCorrupt)
			r.checkFallBack(before.Seq, shared[p], blob)
			r.alter(blob, flip(bit))
			r.alter(blob, func(b []byte) []byte { return b[:len(b)-1] })
			r.checkFault(m, f.Name, i, blob, snapshot.ErrCorrupt)
			if err := r.fs.Remove("data/snapshots/" + blob); err != nil {
				t.Fatal(err)
			}
			r.checkFault(m, f.Name, i, blob, snapshot.ErrNotFound)
			r.checkFallBack(before.Seq, shared[p], blob)
			if err := r.storage.Put(testkit.Context(t), blob, whole); err != nil {
				t.Fatal(err)
			}
			if _, err := r.repo.Verify(testkit.Context(t), m.ID(), snapshot.VerifyOptions{}, nil); err != nil {
				t.Error(err)
			}
		}
	}
	r.checkClean()
}

// checkFault verifies a snapshot that has one fault.
func (r *rig) checkFault(m *snapshot.Manifest, file string, piece int, blob string, want error) {
	r.t.Helper()
	for _, hashes := range []bool{true, false} {
		_, err := r.repo.Verify(testkit.Context(r.t), m.ID(), snapshot.VerifyOptions{HashesOnly: hashes}, nil)
		var corrupt *snapshot.CorruptError
		if !errors.As(err, &corrupt) || !errors.Is(err, snapshot.ErrCorrupt) {
			r.t.Errorf("%s of %s: %v", blob, file, err)
			continue
		}
		found := false
		for _, f := range corrupt.Faults {
			found = found || f.File == file && f.Piece == piece && f.Blob == blob && errors.Is(f.Err, want)
		}
		if !found || !strings.Contains(err.Error(), file) || !strings.Contains(err.Error(), blob) {
			r.t.Errorf("%s of %s: %v", blob, file, err)
		}
	}
}

// checkFallBack restores where the newest snapshot lacks a piece.
func (r *rig) checkFallBack(before events.Seq, shared bool, blob string) {
	r.t.Helper()
	m, _, err := r.restore(snapshot.Want{})
	switch {
	case shared && !errors.Is(err, snapshot.ErrNone):
		r.t.Errorf("both snapshots lack %s: %v", blob, err)
	case shared:
		if !strings.Contains(err.Error(), blob) {
			r.t.Error(err)
		}
	case err != nil || m.Seq != before:
		r.t.Errorf("without %s: %v, %v", blob, m, err)
	case !r.log.Has("cannot be restored", blob):
		r.t.Errorf("the log does not say that %s is corrupt", blob)
	}
}

// TestCorruptManifest flips a bit of each byte of a manifest in turn: it is listed with
// its error, named by Verify, passed over by Restore, and does not count as
// kept.
func TestCorruptManifest(t *testing.T) {
	r := newRig(t, vfs.NewMem(), nil)
	r.create(10)
	m := r.create(10).Manifest
	blob := "manifests/" + m.ID()
	size := 0
	r.alter(blob, func(b []byte) []byte { size = len(b); return b })
	rng := testkit.Rand(t)
	for at := range size {
		bit := 8*at + rng.IntN(8)
		r.alter(blob, flip(bit))
		e := r.list()[0]
		if e.ID != m.ID() || e.Seq != m.Seq || e.Manifest != nil || !errors.Is(e.Err, snapshot.ErrCorrupt) || !strings.Contains(e.Err.Error(), blob) {
			t.Fatalf("bit %d: %+v", bit, e)
		}
		if at%101 == 0 {
			r.checkCorruptManifest(blob, m)
		}
		r.alter(blob, flip(bit))
	}
	r.alter(blob, func(b []byte) []byte { return nil })
	r.checkCorruptManifest(blob, m)
	again, err := r.repo.Create(testkit.Context(t), r.rows, nil)
	if err != nil || again.Existing {
		t.Errorf("made anew: %+v, %v", again, err)
	}
	if diff := cmp.Diff([]events.Seq{20, 10}, r.seqs()); diff != "" {
		t.Error(diff)
	}
}

func (r *rig) checkCorruptManifest(blob string, m *snapshot.Manifest) {
	r.t.Helper()
	_, err := r.repo.Verify(testkit.Context(r.t), m.ID(), snapshot.VerifyOptions{}, nil)
	var corrupt *snapshot.CorruptError
	if !errors.As(err, &corrupt) || corrupt.Faults[0].Blob != blob {
		r.t.Errorf("verified: %v", err)
	}
	restored, _, err := r.restore(snapshot.Want{})
	if err != nil || restored.Seq != 10 {
		r.t.Errorf("restored %v, %v", restored, err)
	}
	pruned, err := r.repo.Prune(testkit.Context(r.t), snapshot.PruneOptions{Keep: 2})
	if err != nil || len(pruned.Removed) != 0 {
		r.t.Errorf("pruned: %+v, %v", pruned, err)
	}
	if _, err := r.repo.TrimBound(testkit.Context(r.t), stream, nil); !errors.Is(err, snapshot.ErrTooFew) || !strings.Contains(err.Error(), blob) {
		r.t.Errorf("trim: %v", err)
	}
}

// TestSwappedManifest puts the manifest of one snapshot in the place of
// another: valid bytes, but not what the name says.
func TestSwappedManifest(t *testing.T) {
	r := newRig(t, vfs.NewMem(), nil)
	a, b := r.create(10).Manifest, r.create(10).Manifest
	var other []byte
	r.alter("manifests/"+a.ID(), func(b []byte) []byte { other = bytes.Clone(b); return b })
	r.alter("manifests/"+b.ID(), func([]byte) []byte { return other })
	if e := r.list()[0]; !errors.Is(e.Err, snapshot.ErrCorrupt) || !strings.Contains(e.Err.Error(), a.ID()) {
		t.Errorf("%+v", e)
	}
}

// TestRepair verifies a corrupt snapshot with Repair: the corrupt piece goes,
// and the next snapshot that has its bytes mends all that share it.
func TestRepair(t *testing.T) {
	r := newRig(t, vfs.NewMem(), nil)
	first := r.create(100).Manifest
	second := r.create(100).Manifest
	var shared string // a piece of both
	for _, f := range second.Files {
		if strings.HasSuffix(f.Name, ".sst") && shared == "" {
			shared = "pieces/" + f.Pieces[0].String()
		}
	}
	r.alter(shared, flip(77))
	for _, m := range []*snapshot.Manifest{first, second} {
		if _, err := r.repo.Verify(testkit.Context(t), m.ID(), snapshot.VerifyOptions{Repair: true}, nil); !errors.Is(err, snapshot.ErrCorrupt) {
			t.Fatal(err)
		}
	}
	if got := r.blobs(shared); len(got) != 0 {
		t.Fatal(got)
	}
	if c := r.create(1); c.NewPieces < 1 {
		t.Errorf("%+v", c)
	}
	for _, e := range r.list() {
		if _, err := r.repo.Verify(testkit.Context(t), e.ID, snapshot.VerifyOptions{}, nil); err != nil {
			t.Error(err)
		}
	}
}

// TestManyFaults says how many faults there are beyond those it lists.
func TestManyFaults(t *testing.T) {
	r := newRig(t, vfs.NewMem(), nil)
	for range 60 {
		r.create(1)
	}
	m := r.list()[0].Manifest
	for _, blob := range r.blobs("pieces/") {
		r.alter(blob, flip(3))
	}
	_, err := r.repo.Verify(testkit.Context(t), m.ID(), snapshot.VerifyOptions{}, nil)
	var corrupt *snapshot.CorruptError
	if !errors.As(err, &corrupt) || len(corrupt.Faults)+corrupt.More != m.Pieces {
		t.Fatalf("%d pieces: %v", m.Pieces, fmt.Sprint(err))
	}
}

// TestFalseManifest has manifests with a right sum that say another state than
// the files hold.
func TestFalseManifest(t *testing.T) {
	r := newRig(t, vfs.NewMem(), nil)
	r.create(10)
	m := r.create(10).Manifest
	for _, change := range [][2]string{
		{m.Digest.String(), "0123456789abcdef"}, {`"store_format": 7`, `"store_format": 8`},
	} {
		forge := func(from, to string) {
			r.alter("manifests/"+m.ID(), func(b []byte) []byte {
				body := bytes.Replace(b[:bytes.LastIndex(b, []byte("sha256 "))], []byte(from), []byte(to), 1)
				return fmt.Appendf(body, "sha256 %x\n", sha256.Sum256(body))
			})
		}
		forge(change[0], change[1])
		_, err := r.repo.Verify(testkit.Context(t), m.ID(), snapshot.VerifyOptions{}, nil)
		if !errors.Is(err, snapshot.ErrCorrupt) || !strings.Contains(err.Error(), "its manifest says seq 20") {
			t.Errorf("%v: %v", change, err)
		}
		if restored, _, err := r.restore(snapshot.Want{}); err != nil || restored.Seq != 10 {
			t.Errorf("%v: %v, %v", change, restored, err)
		}
		forge(change[1], change[0])
	}
	r.verifyAll()
}
