package repository

import (
	"context"
	"slices"

	"reddot/events"
	"reddot/projector/log"
	"reddot/snapshot"
)

// Recognise gives the log the identity of the snapshots that are derived from it, if its
// stream does not say so: it was restored from a backup without its metadata. A command that the stream took in at the very time that a snapshot
// names, to the nanosecond, is that snapshot's.
func Recognise(ctx context.Context, log *log.Log, repo *snapshot.Repository) error {
	entries, err := repo.List(ctx)
	if err != nil {
		return err
	}
	id := log.Identity()
	entries = slices.DeleteFunc(entries, func(e snapshot.Entry) bool { return e.Err != nil || e.Manifest.Stream.Name != id.Name })
	if slices.ContainsFunc(entries, func(e snapshot.Entry) bool { return e.Manifest.Stream.Equal(id) }) {
		return nil
	}
	for _, e := range entries {
		at, err := log.TimeOf(ctx, e.Seq)
		if err != nil {
			return err
		}
		if m := e.Manifest; !at.IsZero() && m.LogTime.Equal(at) {
			log.Adopt(m.Stream)
			return nil
		}
	}
	return nil
}

// DerivedFrom reports whether a snapshot is of the commands that the log has: not if
// another one is at its seq.
func DerivedFrom(ctx context.Context, log *log.Log, m *snapshot.Manifest) (bool, error) {
	at, err := log.TimeOf(ctx, m.Seq)
	if err != nil {
		return false, err
	}
	return m.LogTime.IsZero() || at.IsZero() || m.LogTime.Equal(at), nil
}

// Foreign are the snapshots of the log that are derived from other commands than it has,
// the newest first: its end, at last, is before them, or what it has at their seq was
// taken in at another time.
func Foreign(ctx context.Context, log *log.Log, repo *snapshot.Repository, last events.Seq) (foreign []snapshot.Entry, err error) {
	entries, err := repo.List(ctx)
	if err != nil {
		return nil, err
	}
	for _, e := range entries {
		if e.Err != nil || !e.Manifest.Stream.Equal(log.Identity()) {
			continue
		}
		derived := false
		if e.Seq <= last {
			if derived, err = DerivedFrom(ctx, log, e.Manifest); err != nil {
				return nil, err
			}
		}
		if !derived {
			foreign = append(foreign, e)
		}
	}
	return foreign, nil
}
