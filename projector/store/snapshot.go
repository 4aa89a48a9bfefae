package store

import (
	"errors"

	"reddot/projector/fold"
	"reddot/projector/store/internal/corrupt"
	"reddot/projector/store/row"
)

// Snapshot reads the rows at one position. It is for one goroutine and must
// be closed.
type Snapshot struct {
	*moment
	store *Store
	rows  reader

	many                 bool         // see Many
	wanted               func() error // see Until; nil: it is
	bound                int          // see Bound; 0: none
	conversations, users walk
	senders, timelines   walk
	listUser             string // whose list was read last
	list                 *userList
	listHint, senderHint int                      // which of its rows may be asked for next
	written              map[string][]fold.Writer // by group, of whom the user blocks; nil: not looked for yet
}

// Snapshot returns a view of the last commit, or ErrClosed. The store is kept
// open until the view is closed. Safe for concurrent use.
func (s *Store) Snapshot() (*Snapshot, error) {
	if err := s.hold(); err != nil {
		return nil, err
	}
	now, err := s.moments.take(s)
	if err != nil {
		s.release()
		return nil, corrupt.Wrap(err)
	}
	snap := &Snapshot{
		moment: now, store: s, conversations: walk{family: row.Conversations}, users: walk{family: row.Users},
		senders: walk{family: row.Senders}, timelines: walk{family: row.Timelines},
	}
	snap.rows = reader{hidden: s.hidden, db: now.snap, snap: snap, left: now.left}
	return snap, nil
}

// Position is the position of the rows.
func (s *Snapshot) Position() Position { return s.position }

// Close releases the snapshot.
func (s *Snapshot) Close() error {
	defer s.store.release()
	return errors.Join(s.conversations.close(), s.users.close(), s.senders.close(), s.timelines.close(), s.store.moments.give(s.moment))
}

// Many says that many users' lists are going to be read, by name: in that order
// the rows follow each other, and the caches are left to others.
func (s *Snapshot) Many() { s.many = true }

// Until has what reads the snapshot ask now and then, at each row that is not in a
// cache and every few hundred rows of a list, whether it is still wanted. An error
// ends the reading.
func (s *Snapshot) Until(wanted func() error) { s.wanted = wanted }

// Bound has what reads a user's list of more than so many rows end with
// ErrLongList; not of rows in a list that was read already.
func (s *Snapshot) Bound(rows int) { s.bound = rows }

// ErrLongList says that a user's list is longer than Snapshot.Bound said.
var ErrLongList = errors.New("the user's list is long")

// readsOn ends a reading that is not wanted any more.
func (s *Snapshot) readsOn() {
	if s.wanted != nil {
		check(s.wanted())
	}
}

// readsOnEvery is after how many rows a reading looks whether it is still wanted.
const readsOnEvery = 256

// scan calls fn with every stored key that begins with a prefix, without it, and
// its value.
func (s *Snapshot) scan(prefix []byte, fn func(rest, value []byte)) {
	n := 0
	scan(s.snap, prefix, func(rest, value []byte) {
		if n++; n%readsOnEvery == 0 {
			s.readsOn()
		}
		fn(rest, value)
	})
}

// Read calls fn with the rows. A row that can't be read ends fn with an
// error.
func (s *Snapshot) Read(fn func(fold.Reader) error) (err error) {
	defer catch(&err)
	return fn(&s.rows)
}

// shownTo reads a row for a snapshot, through the cache of the table, if it has one.
func (t *table[R]) shownTo(s *Snapshot, key []byte) *R {
	if t.known != nil {
		if r, ok := t.known.Get(key, s.position.Applied); ok {
			return r
		}
	}
	s.readsOn()
	f, err := t.find(s.snap, key)
	check(err)
	if t.known != nil {
		t.known.Add(s.position.Applied, f.key, f.row, size(f.key, len(f.value))+t.weight)
	}
	return f.row
}
