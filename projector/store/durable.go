package store

import (
	"errors"
	"fmt"

	"github.com/cockroachdb/pebble/v2"

	"reddot/events"
	"reddot/projector/store/internal/corrupt"
	"reddot/projector/store/row"
)

// Flush makes what is committed durable.
func (s *Store) Flush() error {
	if err := s.flush(); err != nil {
		return err
	}
	s.flushedAt = s.position.Applied
	return nil
}

// flush makes what is committed durable. Safe for concurrent use.
func (s *Store) flush() error {
	done, err := s.db.AsyncFlush()
	if err != nil {
		return fmt.Errorf("flush store: %w", corrupt.Wrap(err))
	}
	select {
	case <-done:
		return nil
	case <-s.background.failed:
		return s.background.err
	}
}

// FlushSoon begins to make durable what is committed. Safe for concurrent use.
func (s *Store) FlushSoon() error {
	if err := s.hold(); err != nil {
		return err
	}
	defer s.release()
	if _, err := s.db.AsyncFlush(); err != nil {
		return fmt.Errorf("flush store: %w", corrupt.Wrap(err))
	}
	return nil
}

// Durable is the applied seq that a crash of the machine leaves at least.
// Safe for concurrent use.
func (s *Store) Durable() (seq events.Seq, err error) {
	if err := s.hold(); err != nil {
		return 0, err
	}
	defer s.release()
	defer func() { err = corrupt.Wrap(err) }()
	it, err := s.db.NewIter(&pebble.IterOptions{
		LowerBound: keyPosition, UpperBound: row.PrefixEnd(keyPosition), OnlyReadGuaranteedDurable: true,
	})
	if err != nil {
		return 0, fmt.Errorf("read durable position: %w", err)
	}
	p := Position{}
	if it.First() {
		if p, err = decodePosition(it.Value()); err != nil {
			return 0, errors.Join(err, it.Close())
		}
	}
	return p.Applied, errors.Join(it.Error(), it.Close())
}

// Metrics returns Pebble's figures, or ErrClosed. Safe for concurrent use.
func (s *Store) Metrics() (*pebble.Metrics, error) {
	if err := s.hold(); err != nil {
		return nil, err
	}
	defer s.release()
	return s.db.Metrics(), nil
}

// hold keeps the store open until release. It fails once the store is being
// closed.
func (s *Store) hold() error {
	if !s.life.TryRLock() {
		return ErrClosed
	}
	if s.closed.Load() {
		s.life.RUnlock()
		return ErrClosed
	}
	return nil
}

func (s *Store) release() { s.life.RUnlock() }

// Close drops what is not committed, makes the rest durable and closes the
// store, once all snapshots are closed.
func (s *Store) Close() error {
	s.life.Lock()
	defer s.life.Unlock()
	s.closed.Store(true)
	s.filter.Close()
	if err := errors.Join(s.Flush(), corrupt.Wrap(errors.Join(s.moments.pass(), s.db.Close()))); err != nil || s.committed == 0 {
		return err
	}
	return writeFloor(s.fs, s.dir, s.committed, s.digest)
}
