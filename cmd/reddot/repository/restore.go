package repository

import (
	"context"
	"fmt"

	"reddot/cmd/reddot/datadir"
	"reddot/events"
	"reddot/projector/log"
	"reddot/projector/store"
	"reddot/projector/store/generation"
	"reddot/snapshot"
)

// Restoration puts a snapshot in the place of a data folder's store, which nobody uses
// meanwhile.
type Restoration struct {
	Snapshots *snapshot.Repository
	Log       *log.Log // whose snapshot it is to be; nil: not known
	Data      datadir.Dir
	Which     string                  // a seq or an id; empty: the newest that will do
	Progress  func(snapshot.Progress) // nil: nobody looks
}

// Run restores, and returns what of. A crash leaves the store that was there, or the
// snapshot, whole.
func (r *Restoration) Run(ctx context.Context) (*snapshot.Manifest, error) {
	if r.Log != nil {
		if err := Recognise(ctx, r.Log, r.Snapshots); err != nil {
			return nil, err
		}
	}
	folder, err := generation.Open(nil, r.Data.Store())
	if err != nil {
		return nil, err
	}
	want, err := r.want(ctx, folder)
	if err != nil {
		return nil, err
	}
	dir, err := folder.New()
	if err != nil {
		return nil, err
	}
	m, err := r.Snapshots.Restore(ctx, want, dir, r.Progress)
	if err != nil {
		return nil, err
	}
	// The store that it replaces is removed by the server, when it has found
	// this one to be of its log.
	return m, folder.Use(dir)
}

// want says what is to be restored: a snapshot of the log. If that is not known,
// it is the one whose store is there, or else the newest snapshot's.
func (r *Restoration) want(ctx context.Context, folder *generation.Folder) (want snapshot.Want, err error) {
	want.StoreFormat = store.Format
	switch {
	case r.Log != nil:
		want.Stream = r.Log.Identity()
		want.First, want.AtMost, err = r.Log.Range(ctx)
	default:
		want.Stream, err = r.stream(ctx, folder)
	}
	if err != nil || r.Which == "" {
		return want, err
	}
	e, err := r.Snapshots.Find(ctx, r.Which)
	if err != nil {
		return want, err
	}
	want.ID = e.ID
	if err := r.usable(ctx, e, want); err != nil {
		return want, fmt.Errorf("%w%s", err, r.instead(ctx, want))
	}
	return want, nil
}

// stream is the stream whose store is there, if it can be read, or else that of
// the newest snapshot.
func (r *Restoration) stream(ctx context.Context, folder *generation.Folder) (events.StreamID, error) {
	if dir, ok := folder.Current(); ok {
		if info, err := store.Inspect(nil, dir); err == nil {
			return info.Identity, nil
		}
	}
	e, err := r.Snapshots.Find(ctx, r.Which)
	if err == nil {
		err = e.Err
	}
	if err != nil {
		return events.StreamID{}, err
	}
	return e.Manifest.Stream, nil
}

// usable says why a snapshot can't be used.
func (r *Restoration) usable(ctx context.Context, e snapshot.Entry, want snapshot.Want) error {
	switch {
	case e.Err != nil:
		return e.Err
	case !e.Manifest.Stream.Equal(want.Stream):
		return fmt.Errorf("snapshot %s is of another log (%s, not %s): restore it into another data folder", e.ID, e.Manifest.Stream, want.Stream)
	case r.Log == nil:
		return nil
	case e.Seq > want.AtMost:
		return fmt.Errorf("snapshot %s is of seq %d, and the log ends at seq %d: it was cut", e.ID, e.Seq, want.AtMost)
	case e.Seq+1 < want.First:
		return fmt.Errorf("snapshot %s is of seq %d, and the log begins at seq %d: what comes between is gone", e.ID, e.Seq, want.First)
	}
	derived, err := DerivedFrom(ctx, r.Log, e.Manifest)
	if err == nil && !derived {
		err = fmt.Errorf("snapshot %s was made of other commands than the log has: the log was cut and written further", e.ID)
	}
	return err
}

// instead names the newest snapshot that can be used.
func (r *Restoration) instead(ctx context.Context, want snapshot.Want) string {
	entries, err := r.Snapshots.List(ctx)
	if err != nil {
		return ""
	}
	for _, e := range entries {
		if r.usable(ctx, e, want) == nil {
			return fmt.Sprintf("; %d can be used", e.Seq)
		}
	}
	return ""
}
