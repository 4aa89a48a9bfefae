package snapshot

import (
	"context"
	"errors"
	"fmt"

	"reddot/events"
)

// ErrTooFew is wrapped by TrimBound where fewer than two snapshots are valid.
var ErrTooFew = errors.New("fewer than two sound snapshots")

// TrimBound returns the seq up to which commands may be removed from the
// stream: that of the older of its two newest snapshots that pass a full
// Verify. So the newest may be lost, and the one before with the rest of the
// stream still makes the whole state. Errors: ErrTooFew.
func (r *Repository) TrimBound(ctx context.Context, stream events.StreamID, progress func(Progress)) (events.Seq, error) {
	entries, err := r.List(ctx)
	if err != nil {
		return 0, err
	}
	valid := 0
	var faults []error
	for _, e := range entries {
		if _, key, err := parseID(e.ID); err != nil || key != streamKey(stream) {
			continue
		}
		_, err := r.Verify(ctx, e.ID, VerifyOptions{}, progress)
		switch {
		case err == nil:
			valid++
		case errors.Is(err, ErrCorrupt), errors.Is(err, ErrNewer), errors.Is(err, ErrNotFound):
			r.log.Warn("a snapshot is not sound; it does not count for trimming", "id", e.ID, "error", err)
			faults = append(faults, err)
		default:
			return 0, err
		}
		if valid == MinKeep {
			return e.Seq, nil
		}
	}
	return 0, tooFew(stream, valid, faults)
}

// Log is a command stream from which a Scheduler removes what snapshots have.
type Log interface {
	// Trimmable returns the seq of the first command in the stream, and of the last
	// one up to which all events are stored: no command after that is removed.
	Trimmable(ctx context.Context) (first, upto events.Seq, err error)
	// Trim removes the commands up to a seq.
	Trim(ctx context.Context, upto events.Seq) error
}

// trim removes from a log what is in two snapshots, as TrimBound says. Where there
// are too few, nothing is removed until there are.
func (r *Repository) trim(ctx context.Context, stream events.StreamID, log Log) error {
	first, upto, err := log.Trimmable(ctx)
	if err != nil {
		return err
	}
	bound, err := r.TrimBound(ctx, stream, nil)
	if errors.Is(err, ErrTooFew) {
		return nil
	}
	if bound = min(bound, upto); err != nil || bound < first {
		return err
	}
	if err := log.Trim(ctx, bound); err != nil {
		return err
	}
	r.log.Info("the log was trimmed", "first", bound+1, "removed", bound+1-first)
	return nil
}

func tooFew(stream events.StreamID, valid int, faults []error) error {
	err := fmt.Errorf("%w of %s: %d; commands may be removed once two are there", ErrTooFew, stream, valid)
	for _, fault := range faults[:min(len(faults), listedIDs)] {
		err = fmt.Errorf("%w; %w", err, fault)
	}
	return err
}
