package store

import (
	"errors"
	"sync"

	"github.com/cockroachdb/pebble/v2"

	"reddot/projector/fold"
)

// moment is Pebble's state at one commit, and what its rows stand for. All snapshots of
// a commit read the same: opening and closing one of Pebble's costs more than most of what
// is read by it.
type moment struct {
	snap     *pebble.Snapshot
	commits  uint64 // Store.commits at the time
	position Position
	left     *fold.Sweeps
	due      string // no message that expires has a key before

	holders int // who reads it, and moments while it is the newest; guarded by their lock
}

// moments gives out the newest one.
type moments struct {
	mu     sync.Mutex
	newest *moment // nil: nobody has asked since the last commit
}

// take returns the moment of the last commit; give gives it back.
func (m *moments) take(s *Store) (*moment, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	commits := s.commits.Load()
	if m.newest != nil && m.newest.commits == commits {
		m.newest.holders++
		return m.newest, nil
	}
	latest := s.latest.Load()
	now := &moment{snap: s.db.NewSnapshot(), commits: commits, holders: 1}
	// While a commit becomes visible the snapshot may show it, or what was before.
	still := commits%2 == 0 && commits == s.commits.Load()
	if err := now.read(latest, still); err != nil {
		return nil, errors.Join(err, m.release(now))
	}
	if still {
		if err := m.replace(now); err != nil {
			return nil, errors.Join(err, m.release(now))
		}
	}
	return now, nil
}

// read reads what the rows stand for, or takes what the last commit has said.
func (m *moment) read(last *latest, still bool) (err error) {
	if last != nil && still {
		m.position, m.left, m.due = last.position, last.left, last.due
		return nil
	}
	if m.position, err = findPosition(m.snap); err == nil {
		m.left, err = findSweeps(m.snap)
	}
	return err
}

// replace makes a moment the newest; nil: none is.
func (m *moments) replace(now *moment) error {
	before := m.newest
	if m.newest = now; now != nil {
		now.holders++
	}
	if before == nil {
		return nil
	}
	return m.release(before)
}

func (m *moments) release(of *moment) error {
	if of.holders--; of.holders > 0 {
		return nil
	}
	return of.snap.Close()
}

// give gives back what take has returned.
func (m *moments) give(of *moment) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.release(of)
}

// pass lets go of the newest one, since there is a newer commit, or no more.
func (m *moments) pass() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.replace(nil)
}
