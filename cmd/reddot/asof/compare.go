package asof

import (
	"context"
	"fmt"
	"path/filepath"

	"github.com/cockroachdb/pebble/v2/vfs"

	"reddot/cmd/reddot/repository"
	"reddot/events"
	"reddot/projector/log"
	"reddot/projector/store"
	"reddot/projector/store/inspect"
	"reddot/snapshot"
)

// maxDifferences is how many rows that differ are named: what is wrong shows by the
// first ones.
const maxDifferences = 10

// Comparison is a state, and what the log says of its seq.
type Comparison struct {
	First   events.Seq    // from which on the log was folded
	Digest  events.Digest // that it leads to
	Skipped []events.Seq  // commands that nobody could read and that were passed over

	// Where that is not the state's: the first rows that differ, of the snapshot of the
	// state. RowsErr is why there are none.
	Rows    []inspect.Difference
	RowsErr error
}

// Compare folds the log up to a seq and compares what it leads to with a state of that
// seq, of which there is a snapshot unless they are off. Its stores are made in dir. A
// log that ends before it, or that has other commands than the state is derived from, is
// an error.
func (s *Source) Compare(ctx context.Context, dir string, seq events.Seq, state events.Digest) (c Comparison, err error) {
	_, last, err := s.Log.Range(ctx)
	if err != nil {
		return c, err
	}
	if seq > last {
		return c, fmt.Errorf("the log ends at seq %d, but the state to verify is that of seq %d: the log was cut", last, seq)
	}
	folded := filepath.Join(dir, "folded")
	st, begun, err := s.Fold(ctx, folded, seq)
	if err != nil {
		return c, err
	}
	c.First, c.Digest, c.Skipped = begun+1, st.Position().Digest(), st.Position().Skipped
	if err := st.Close(); err != nil {
		return c, err
	}
	if c.Digest != state {
		c.Rows, c.RowsErr = s.differences(ctx, dir, folded, seq)
	}
	return c, nil
}

// differences are the first rows of the snapshot that differ from those folded; the
// error is a *log.AlteredError if they are derived from other commands.
func (s *Source) differences(ctx context.Context, dir, folded string, seq events.Seq) ([]inspect.Difference, error) {
	if s.Snapshots == nil {
		return nil, repository.ErrNothing
	}
	is := filepath.Join(dir, "is")
	want := snapshot.Want{Stream: s.Log.Identity(), AtMost: seq, First: seq + 1, StoreFormat: store.Format}
	if _, err := s.Snapshots.Restore(ctx, want, is, nil); err != nil {
		return nil, err
	}
	restored, err := store.Inspect(nil, is)
	if err != nil {
		return nil, err
	}
	read, err := store.Inspect(nil, folded)
	if err != nil {
		return nil, err
	}
	if restored.Position.Log != read.Position.Log {
		return nil, &log.AlteredError{Seq: seq, By: "the state"}
	}
	return inspect.Diff(ctx, vfs.Default, is, folded, maxDifferences)
}
