package asof

import (
	"context"
	"fmt"
	"slices"
	"time"

	"reddot/events"
	"reddot/snapshot"
)

// Point is a place in the log: a seq, or a time.
type Point struct {
	Seq   events.Seq
	At    time.Time // zero: Seq says it
	Text  string    // as the user wrote it, for errors
	Named string    // what the user wrote it behind: a flag or a parameter
}

// OutsideError says that no state of the log is meant.
type OutsideError struct{ text string }

func (e *OutsideError) Error() string { return e.text }

// Resolve returns the seq of the last command that had been taken in at a point.
func (s *Source) Resolve(ctx context.Context, p Point) (events.Seq, error) {
	first, last, err := s.Log.Range(ctx)
	switch {
	case err != nil:
		return 0, err
	case p.At.IsZero() && p.Seq > last:
		return 0, &OutsideError{fmt.Sprintf("%s %d: the log ends at seq %d", p.Named, p.Seq, last)}
	case p.At.IsZero():
		return p.Seq, nil
	}
	// What the stream took in at that very moment belongs to it.
	seq, err := s.Log.Before(ctx, p.At.Add(time.Nanosecond))
	if err != nil || first == 1 || seq >= first {
		return seq, err
	}
	if known, err := s.isKnownAt(ctx, seq, p.At); err != nil || known {
		return seq, err
	}
	return 0, &OutsideError{fmt.Sprintf("%s %s: that is before seq %d, at which the log begins now: ask for the seq of a snapshot", p.Named, p.Text, first)}
}

// isKnownAt reports whether the last command that was trimmed, with a seq, had been
// taken in at a time already, as a snapshot says.
func (s *Source) isKnownAt(ctx context.Context, seq events.Seq, at time.Time) (bool, error) {
	if s.Snapshots == nil {
		return false, nil
	}
	entries, err := s.Snapshots.List(ctx)
	if err != nil {
		return false, err
	}
	return slices.ContainsFunc(entries, func(e snapshot.Entry) bool {
		return e.Err == nil && e.Seq == seq && e.Manifest.Stream.Equal(s.Log.Identity()) &&
			!e.Manifest.LogTime.IsZero() && !e.Manifest.LogTime.After(at)
	}), nil
}
