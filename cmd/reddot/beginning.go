package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"slices"

	"reddot/cmd/reddot/term"
	"reddot/events"
	"reddot/projector/log"
	"reddot/projector/store"
	"reddot/snapshot"
)

// beginning opens scratch stores from which the log is folded up to a seq: empty
// ones, or snapshots.
type beginning struct {
	repo *snapshot.Repository // nil: there are no snapshots
	log  *log.Log
	warn *slog.Logger
	// oldest folds as much of the log as there is, one command at least; else as
	// little as possible.
	oldest bool
}

// fold folds the log up to a seq into a scratch store in dir, which is not there
// yet, and tells nobody. begun is the seq that it began with.
func (b *beginning) fold(ctx context.Context, dir string, upto events.Seq, out io.Writer) (s *store.Store, begun events.Seq, err error) {
	if s, err = b.open(ctx, dir, upto); err != nil {
		return nil, 0, err
	}
	begun = s.Position().Applied
	s.SetEmitted(upto)
	bar := term.StartBar(out, "commands folded", uint64(upto-begun))
	err = b.log.Build(ctx, s, upto, func(seq events.Seq) { bar.Set(uint64(seq - begun)) })
	bar.Finish(err == nil)
	if err != nil {
		return nil, 0, errors.Join(err, s.Close())
	}
	return s, begun, nil
}

// open opens a store from which the log goes on to a seq.
func (b *beginning) open(ctx context.Context, dir string, upto events.Seq) (*store.Store, error) {
	first, _, err := b.log.Range(ctx)
	if err != nil {
		return nil, err
	}
	if first > 1 || !b.oldest {
		found, err := b.restore(ctx, dir, first, upto)
		if err != nil {
			return nil, err
		}
		if !found && first > 1 {
			return nil, b.gone(first, upto)
		}
	}
	return store.Open(store.Config{Dir: dir, Identity: b.log.Identity(), Logger: b.warn})
}

// restore restores the best snapshot that is sound, if there is any.
func (b *beginning) restore(ctx context.Context, dir string, first, upto events.Seq) (found bool, err error) {
	if b.repo == nil {
		return false, nil
	}
	entries, err := b.repo.List(ctx)
	if err != nil {
		return false, err
	}
	if b.oldest {
		slices.Reverse(entries)
	}
	for _, e := range entries {
		if e.Err != nil || !b.serves(e.Seq, first, upto) || !e.Manifest.Stream.Equal(b.log.Identity()) {
			continue
		}
		if made, err := madeOf(ctx, b.log, e.Manifest); err != nil || !made {
			continue
		}
		want := snapshot.Want{Stream: e.Manifest.Stream, StoreFormat: store.Format, ID: e.ID}
		if _, err = b.repo.Restore(ctx, want, dir, nil); err == nil {
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
func (b *beginning) serves(at, first, upto events.Seq) bool {
	if at == upto {
		return !b.oldest
	}
	return at < upto && at+1 >= first
}

// gone says what it would take to know a state.
func (b *beginning) gone(first, upto events.Seq) error {
	const advice = "name the place of the snapshots with --data or --snapshots"
	switch {
	case b.oldest && upto < first:
		return fmt.Errorf("the log begins at seq %d, so it can't be folded up to seq %d again: \"reddot snapshot verify %d\" checks the bytes and rows of that snapshot", first, upto, upto)
	case upto+1 < first:
		return fmt.Errorf("the log begins at seq %d, and there is no sound snapshot of seq %d: %s, or ask for seq %d or later", first, upto, advice, first-1)
	}
	return fmt.Errorf("the log begins at seq %d, and there is no sound snapshot of seq %d to %d to fold it from: %s", first, first-1, upto, advice)
}

// madeOf reports whether a snapshot was made of the commands that the log has:
// not if another one is at its seq.
func madeOf(ctx context.Context, log *log.Log, m *snapshot.Manifest) (bool, error) {
	at, err := log.TimeOf(ctx, m.Seq)
	if err != nil {
		return false, err
	}
	return m.LogTime.IsZero() || at.IsZero() || m.LogTime.Equal(at), nil
}
