package log

import (
	"context"
	"errors"
	"fmt"

	"reddot/events"
	"reddot/projector/fold"
	"reddot/projector/store"
)

// Build folds the log into a store, from the store's position up to a seq that
// the log has, and tells nobody. It commits as it goes: a building that was cut
// short goes on from where it was. progress, unless nil, is told the position
// after each commit.
func (l *Log) Build(ctx context.Context, s *store.Store, upto events.Seq, progress func(events.Seq)) error {
	if s.Position().Applied >= upto {
		return nil
	}
	var fx fold.Effects
	err := l.Read(ctx, s.Position().Applied, func(batch []store.Entry) error {
		for i := range batch {
			if batch[i].Seq > upto {
				break
			}
			if err := s.Apply(&batch[i], &fx); err != nil {
				return fmt.Errorf("seq %d: %w", batch[i].Seq, err)
			}
		}
		if _, err := s.Commit(); err != nil {
			return err
		}
		if progress != nil {
			progress(s.Position().Applied)
		}
		if s.Position().Applied >= upto {
			return errEnough
		}
		return ctx.Err()
	})
	if errors.Is(err, errEnough) {
		return nil
	}
	return err
}
