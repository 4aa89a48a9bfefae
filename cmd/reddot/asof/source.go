package asof

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"

	"reddot/cmd/reddot/repository"
	"reddot/events"
	"reddot/projector"
	"reddot/projector/log"
	"reddot/projector/loop"
	"reddot/projector/store"
	"reddot/snapshot"
)

// Progress shows how far a folding is. Its Finish is called in the end, with whether all
// of it was done.
type Progress interface {
	Set(done uint64)
	Finish(complete bool)
}

// Source is what past states are derived from: the log, and snapshots of it.
type Source struct {
	Log       *log.Log
	Snapshots *snapshot.Repository // nil: there are none
	Logger    *slog.Logger         // of the stores
	// Oldest folds as much of the log as there is, one command at least; else as
	// little as possible.
	Oldest bool
	// Watch begins to show the folding of so many commands; nil: nobody looks.
	Watch func(commands uint64) Progress
}

// Fold folds the log up to a seq into a store in dir, which is not there yet, and emits
// nothing. begun is the seq that it began with. The caller closes the store.
func (s *Source) Fold(ctx context.Context, dir string, upto events.Seq) (st *store.Store, begun events.Seq, err error) {
	if st, err = s.open(ctx, dir, upto); err != nil {
		return nil, 0, err
	}
	begun = st.Position().Applied
	st.SetEmitted(upto)
	show := Progress(unseen{})
	if s.Watch != nil {
		show = s.Watch(uint64(upto - begun))
	}
	err = loop.Build(ctx, s.Log, st, upto, func(seq events.Seq) { show.Set(uint64(seq - begun)) })
	show.Finish(err == nil)
	if err != nil {
		return nil, 0, errors.Join(err, st.Close())
	}
	return st, begun, nil
}

// unseen is the progress of a folding that nobody looks at.
type unseen struct{}

func (unseen) Set(uint64)  {}
func (unseen) Finish(bool) {}

// View shows the state after the command at a seq, which is folded into a store in dir.
func (s *Source) View(ctx context.Context, dir string, seq events.Seq, show func(*projector.View) error) error {
	st, _, err := s.Fold(ctx, dir, seq)
	if err != nil {
		return err
	}
	v, err := projector.NewView(st)
	if err == nil {
		err = errors.Join(show(v), v.Close())
	}
	return errors.Join(err, st.Close())
}

// open opens a store from which the log goes on to a seq.
func (s *Source) open(ctx context.Context, dir string, upto events.Seq) (*store.Store, error) {
	first, _, err := s.Log.Range(ctx)
	if err != nil {
		return nil, err
	}
	if first > 1 || !s.Oldest {
		found, err := s.restore(ctx, dir, first, upto)
		if err != nil {
			return nil, err
		}
		if !found && first > 1 {
			return nil, s.gone(first, upto)
		}
	}
	return store.Open(store.Config{Dir: dir, Identity: s.Log.Identity(), Logger: s.Logger})
}

// restore restores the best snapshot that is valid, if there is any.
func (s *Source) restore(ctx context.Context, dir string, first, upto events.Seq) (found bool, err error) {
	if s.Snapshots == nil {
		return false, nil
	}
	entries, err := s.Snapshots.List(ctx)
	if err != nil {
		return false, err
	}
	if s.Oldest {
		slices.Reverse(entries)
	}
	for _, e := range entries {
		if e.Err != nil || !s.serves(e.Seq, first, upto) || !e.Manifest.Stream.Equal(s.Log.Identity()) {
			continue
		}
		if derived, err := repository.DerivedFrom(ctx, s.Log, e.Manifest); err != nil || !derived {
			continue
		}
		want := snapshot.Want{Stream: e.Manifest.Stream, StoreFormat: store.Format, ID: e.ID}
		if _, err = s.Snapshots.Restore(ctx, want, dir, nil); err == nil {
			return true, nil
		}
		if ctx.Err() != nil {
			return false, ctx.Err()
		}
	}
	return false, nil
}

// serves reports whether the log, from its first command on, leads from a
// snapshot at a seq to another seq.
func (s *Source) serves(at, first, upto events.Seq) bool {
	if at == upto {
		return !s.Oldest
	}
	return at < upto && at+1 >= first
}

// gone says what it would take to know a state.
func (s *Source) gone(first, upto events.Seq) error {
	const advice = "name the place of the snapshots with --data or --snapshots"
	switch {
	case s.Oldest && upto < first:
		return fmt.Errorf("the log begins at seq %d, so it can't be folded up to seq %d again: \"reddot snapshot verify %d\" checks the bytes and rows of that snapshot", first, upto, upto)
	case upto+1 < first:
		return &OutsideError{fmt.Sprintf("the log begins at seq %d, and there is no sound snapshot of seq %d: %s, or ask for seq %d or later", first, upto, advice, first-1)}
	}
	return &OutsideError{fmt.Sprintf("the log begins at seq %d, and there is no sound snapshot of seq %d to %d to fold it from: %s", first, first-1, upto, advice)}
}
