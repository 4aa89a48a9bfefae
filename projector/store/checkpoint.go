package store

import (
	"errors"
	"fmt"

	"reddot/projector/disk"
	"reddot/projector/store/internal/corrupt"
)

// Checkpoint writes the store's files as of one commit, the last before the
// call or a later one, into a new folder dir of the same file system, as hard
// links where it has them. The fold and the readers go on meanwhile. Safe for
// concurrent use; the store is kept open until the end.
//
// A folder that a crash has left behind may lack files. What is there when
// Checkpoint has returned is durable.
func (s *Store) Checkpoint(dir string) (err error) {
	if err := s.hold(); err != nil {
		return err
	}
	defer s.release()
	// Without a write-ahead log only flushed commits are in files: Pebble flushes
	// them in their order, each of them whole.
	if err := s.flush(); err != nil {
		return err
	}
	if _, err := s.fs.Stat(dir); err == nil {
		return fmt.Errorf("write checkpoint: %s is there already", dir)
	}
	if err := s.checkpoint(dir); err != nil {
		return fmt.Errorf("write checkpoint to %s: %w", dir, errors.Join(corrupt.Wrap(err), s.fs.RemoveAll(dir)))
	}
	return nil
}

func (s *Store) checkpoint(dir string) error {
	if err := disk.Unpanicked(func() error { return s.db.Checkpoint(dir) }); err != nil {
		return err
	}
	info, err := Inspect(s.fs, dir)
	if err != nil {
		return err
	}
	return writeFloor(s.fs, dir, info.Position.Applied, info.Position.Digest())
}
