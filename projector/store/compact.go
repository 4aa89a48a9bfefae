package store

import (
	"context"
	"fmt"
)

// Compact makes what is committed durable and merges all tables into one
// level, which is as small as the store gets. It takes as long as reading and
// writing the whole store. Safe for concurrent use.
func (s *Store) Compact(ctx context.Context) error {
	if err := s.db.Flush(); err != nil {
		return fmt.Errorf("flush store: %w", err)
	}
	if err := s.db.Compact(ctx, []byte{0}, []byte{0xff}, true); err != nil {
		return fmt.Errorf("compact store: %w", err)
	}
	return nil
}
