package asof_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"reddot/cmd/reddot/asof"
	"reddot/cmd/reddot/repository"
	"reddot/events"
	"reddot/projector"
	"reddot/projector/log"
	"reddot/projector/testkit"
)

// TestFold: a state is folded from the newest snapshot before it, or from the oldest if
// as much of the log is to be read as there is; from nothing while the log has all.
func TestFold(t *testing.T) {
	p := newPast(t, 30)
	p.snapshot(10)
	p.snapshot(20)
	is := func(what string, seq events.Seq, wantFolded uint64) {
		t.Helper()
		if count, folded := p.unread(seq); count != uint64(seq) || folded != wantFolded {
			t.Errorf("%s, seq %d: %d unread, %d commands folded, want %d", what, seq, count, folded, wantFolded)
		}
	}
	is("before the first snapshot", 9, 9)
	is("that of a snapshot", 10, 0)
	is("between snapshots", 15, 5)
	is("the newest", 30, 10)
	is("before the first command", 0, 0)
	p.Oldest = true
	is("as much as there is", 20, 20)
	testkit.OK(t, p.Log.Trim(t.Context(), 12))
	p.Oldest = false
	is("behind what was trimmed", 25, 5)
	p.Oldest = true
	_, _, err := p.Fold(t.Context(), filepath.Join(t.TempDir(), "store"), 12)
	if err == nil || !strings.Contains(err.Error(), "snapshot verify 12") {
		t.Errorf("what was trimmed is folded again: %v", err)
	}
	p.Oldest, p.Snapshots = false, nil
	for seq, says := range map[events.Seq]string{5: "ask for seq 12 or later", 25: "no sound snapshot of seq 12 to 25"} {
		if _, _, err := p.Fold(t.Context(), filepath.Join(t.TempDir(), "store"), seq); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("without snapshots, seq %d: %v", seq, err)
		}
	}
}

// TestView: the error of who looks is that of the view.
func TestView(t *testing.T) {
	p := newPast(t, 1)
	sentinel := errors.New("of who looks")
	dir := filepath.Join(t.TempDir(), "store")
	err := p.View(t.Context(), dir, 1, func(v *projector.View) error {
		if v.Applied() != 1 {
			t.Errorf("it is of seq %d", v.Applied())
		}
		return sentinel
	})
	if !errors.Is(err, sentinel) {
		t.Error(err)
	}
	testkit.OK(t, os.RemoveAll(dir)) // it is closed
}

// TestResolve: a point is a seq that the log has, or a time.
func TestResolve(t *testing.T) {
	p := newPast(t, 3)
	p.snapshot(2)
	at := testkit.Must(p.Log.TimeOf(t.Context(), 2))(t)
	resolves := func(what string, point asof.Point, want events.Seq) {
		t.Helper()
		if got, err := p.Resolve(t.Context(), point); err != nil || got != want {
			t.Errorf("%s: seq %d, want %d: %v", what, got, want, err)
		}
	}
	resolves("a seq", asof.Point{Seq: 3}, 3)
	resolves("nothing", asof.Point{}, 0)
	resolves("the time of a command", asof.Point{At: at}, 2)
	resolves("just before it", asof.Point{At: at.Add(-1)}, 1)
	resolves("before all", asof.Point{At: at.Add(-time.Hour)}, 0)
	resolves("behind all", asof.Point{At: at.Add(time.Hour)}, 3)
	fails := func(point asof.Point, says string) {
		t.Helper()
		if seq, err := p.Resolve(t.Context(), point); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%+v is seq %d: %v", point, seq, err)
		}
	}
	fails(asof.Point{Seq: 4, Named: "--at"}, "--at 4: the log ends at seq 3")
	testkit.OK(t, p.Log.Trim(t.Context(), 2))
	resolves("the last that was trimmed, whose time a snapshot has", asof.Point{At: at}, 2)
	fails(asof.Point{At: at.Add(-1), Text: "then", Named: "--at"}, "--at then: that is before seq 3, at which the log begins now")
}

// TestCompare: a state is what the log says, or the rows that differ are named.
func TestCompare(t *testing.T) {
	p := newPast(t, 5)
	p.snapshot(5)
	entries := testkit.Must(p.Snapshots.List(t.Context()))(t)
	digest := entries[0].Manifest.Digest
	p.Oldest = true
	c := testkit.Must(p.Compare(t.Context(), t.TempDir(), 5, digest))(t)
	if c.Digest != digest || c.First != 1 || len(c.Rows) > 0 || c.RowsErr != nil || len(c.Skipped) > 0 {
		t.Errorf("%+v", c)
	}
	c = testkit.Must(p.Compare(t.Context(), t.TempDir(), 5, digest+1))(t)
	if c.Digest != digest || c.RowsErr != nil || len(c.Rows) > 0 {
		t.Errorf("a digest that is not of the snapshot: %+v", c)
	}
	if _, err := p.Compare(t.Context(), t.TempDir(), 6, digest); err == nil || !strings.Contains(err.Error(), "ends at seq 5") {
		t.Errorf("behind the log: %v", err)
	}
	p.Snapshots = nil
	if c := testkit.Must(p.Compare(t.Context(), t.TempDir(), 5, digest+1))(t); !errors.Is(c.RowsErr, repository.ErrNothing) {
		t.Errorf("without snapshots: %+v", c)
	}
}

// TestCompareOther: a snapshot of other commands is no state of this log.
func TestCompareOther(t *testing.T) {
	p, other := newPast(t, 3), newPast(t, 3)
	other.snapshot(3)
	p.Snapshots, p.Oldest = other.Snapshots, true
	p.Log.Adopt(other.Log.Identity())
	c := testkit.Must(p.Compare(t.Context(), t.TempDir(), 3, 1))(t)
	if altered := new(log.AlteredError); !errors.As(c.RowsErr, &altered) || !errors.Is(c.RowsErr, log.ErrNotWhole) {
		t.Errorf("%+v", c)
	}
}
