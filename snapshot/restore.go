package snapshot

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"reddot/events"
	"reddot/snapshot/storage"
)

// ErrNone is wrapped by an UnusableError.
var ErrNone = errors.New("no snapshot can be used")

// Want says which snapshots will do.
type Want struct {
	Stream      events.StreamID
	AtMost      events.Seq // its seq is at most this; 0: any
	First       events.Seq // the first seq that the stream still has, so that its seq is at least First-1; 0: any
	StoreFormat uint64     // that the program reads; 0: any
	ID          string     // that one only; "": the newest that will do
	Oldest      bool       // the oldest that will do instead
}

// Reason is why a snapshot will not do.
type Reason struct {
	ID  string
	Why error
}

// UnusableError is returned where no snapshot will do, and says for each why.
// It wraps ErrNone and the reasons.
type UnusableError struct {
	Want    Want
	Reasons []Reason // newest first; empty: there are no snapshots
}

// Error implements error.
func (e *UnusableError) Error() string {
	if len(e.Reasons) == 0 {
		return ErrNone.Error() + ": there are none"
	}
	var texts []string
	for _, r := range e.Reasons[:min(len(e.Reasons), listedIDs)] {
		texts = append(texts, fmt.Sprintf("%s: %v", r.ID, r.Why))
	}
	if more := len(e.Reasons) - listedIDs; more > 0 {
		texts = append(texts, fmt.Sprintf("and %d more", more))
	}
	return ErrNone.Error() + ": " + strings.Join(texts, "; ")
}

// Unwrap returns ErrNone and the reasons.
func (e *UnusableError) Unwrap() []error {
	errs := []error{ErrNone}
	for _, r := range e.Reasons {
		errs = append(errs, r.Why)
	}
	return errs
}

// Restore writes the files of the newest snapshot that will do, or the oldest,
// into dir, which must be empty or not exist. When it returns, they are durable
// and have the hashes of the manifest, and the store in them has passed its
// check and holds what the manifest says. A corrupt snapshot is named in the
// log, and the next that will do is taken. Nothing else is touched: to use the
// store is up to the caller. After an error dir is gone. Errors:
// *UnusableError.
func (r *Repository) Restore(ctx context.Context, want Want, dir string, progress func(Progress)) (*Manifest, error) {
	if err := emptyDir(r.fs, dir); err != nil {
		return nil, fmt.Errorf("restore: %w", err)
	}
	m, err := r.restore(ctx, want, dir, orNothing(progress))
	if err != nil {
		return nil, fmt.Errorf("restore from %v: %w", r.storage, errors.Join(err, r.fs.RemoveAll(dir)))
	}
	r.log.Info("snapshot restored", "id", m.ID(), "bytes", m.Bytes, "dir", dir)
	return m, nil
}

func (r *Repository) restore(ctx context.Context, want Want, dir string, progress func(Progress)) (*Manifest, error) {
	blobs, err := r.storage.List(ctx, manifestsFolder)
	if err != nil {
		return nil, fmt.Errorf("list snapshots: %w", err)
	}
	candidates, unusable := want.candidates(blobs)
	if want.Oldest {
		slices.Reverse(candidates)
	}
	if len(candidates) == 0 {
		return nil, unusable
	}
	l, err := r.acquire(ctx, pinRead, candidates...)
	if err != nil {
		return nil, err
	}
	defer l.release(ctx)
	if _, err := r.settle(ctx, l); err != nil {
		return nil, err
	}
	for _, id := range candidates {
		m, err := r.restoreOne(ctx, want, id, dir, progress)
		if err == nil {
			return m, nil
		}
		var corrupt *CorruptError
		if !errors.As(err, &corrupt) && !errors.Is(err, ErrNotFound) && !errors.Is(err, ErrNewer) && !errors.Is(err, errFormat) {
			return nil, err
		}
		r.log.Warn("a snapshot cannot be restored; trying the next one", "id", id, "error", err)
		unusable.Reasons = append(unusable.Reasons, Reason{id, err})
		if err := r.fs.RemoveAll(dir); err != nil {
			return nil, fmt.Errorf("remove a half restored folder: %w", err)
		}
	}
	slices.SortStableFunc(unusable.Reasons, func(a, b Reason) int { return strings.Compare(b.ID, a.ID) })
	return nil, unusable
}

// errFormat is the reason of a snapshot in another store format.
var errFormat = errors.New("another store format")

func (r *Repository) restoreOne(ctx context.Context, want Want, id, dir string, progress func(Progress)) (*Manifest, error) {
	m, err := r.manifest(ctx, id)
	if err != nil {
		return nil, asCorrupt(id, err)
	}
	if want.StoreFormat != 0 && m.StoreFormat != want.StoreFormat {
		return nil, fmt.Errorf("%w: it has format %d, this program reads %d", errFormat, m.StoreFormat, want.StoreFormat)
	}
	return m, r.rebuild(ctx, reading{m: m, dir: dir, first: true, progress: progress})
}

// candidates returns the ids of the snapshots that will do by their name,
// newest first, and the reasons why others won't.
func (w Want) candidates(blobs []storage.Blob) ([]string, *UnusableError) {
	var ids []string
	unusable := &UnusableError{Want: w}
	for _, b := range slices.Backward(blobs) {
		id := strings.TrimPrefix(b.Name, manifestsFolder)
		if why := w.refuses(id); why != nil {
			unusable.Reasons = append(unusable.Reasons, Reason{id, why})
			continue
		}
		ids = append(ids, id)
	}
	return ids, unusable
}

// refuses says why a snapshot won't do, as far as its name shows.
func (w Want) refuses(id string) error {
	seq, stream, err := parseID(id)
	switch {
	case err != nil:
		return err
	case w.ID != "" && w.ID != id:
		return fmt.Errorf("snapshot %s is asked for", w.ID)
	case stream != streamKey(w.Stream):
		return fmt.Errorf("it belongs to another stream than %s", w.Stream)
	case w.AtMost != 0 && seq > w.AtMost:
		return fmt.Errorf("it is after seq %d", w.AtMost)
	case w.First > 0 && seq+1 < w.First:
		return fmt.Errorf("commands %d to %d that follow it are gone from the stream", seq+1, w.First-1)
	}
	return nil
}
