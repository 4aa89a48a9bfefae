package store

import (
	"errors"

	"github.com/cockroachdb/pebble/v2"

	"reddot/events"
	"reddot/projector/fold"
)

// Snapshot reads the rows at one position. It is for one goroutine and must
// be closed.
type Snapshot struct {
	store    *Store // its caches
	snap     *pebble.Snapshot
	position Position
}

// Snapshot returns a view of the last commit, or ErrClosed. The store is kept
// open until the view is closed. Safe for concurrent use.
func (s *Store) Snapshot() (*Snapshot, error) {
	if err := s.hold(); err != nil {
		return nil, err
	}
	snap := &Snapshot{store: s, snap: s.db.NewSnapshot()}
	var err error
	if snap.position, err = findPosition(snap.snap); err != nil {
		return nil, errors.Join(damaged(err), snap.Close())
	}
	return snap, nil
}

// Position is the position of the rows.
func (s *Snapshot) Position() Position { return s.position }

// Close releases the snapshot.
func (s *Snapshot) Close() error {
	defer s.store.release()
	return s.snap.Close()
}

// Members lists the members of a group. The list must not be changed.
func (s *Snapshot) Members(group string) (users []string, err error) {
	defer catch(&err)
	return *through(s, s.store.audiences, group, func() *[]string {
		users := membersOf(s.snap, group)
		return &users
	}), nil
}

// Read calls fn with the rows. A row that can't be read ends fn with an
// error.
func (s *Snapshot) Read(fn func(fold.Reader) error) (err error) {
	defer catch(&err)
	return fn(reader{s})
}

// reader implements fold.Reader within Read.
type reader struct{ *Snapshot }

// through reads through a cache.
func through[K comparable, R any](s *Snapshot, cache *shared[K, R], k K, find func() *R) *R {
	if row, ok := cache.get(k, s.position.Applied); ok {
		return row
	}
	row := find()
	cache.add(k, s.position.Applied, row)
	return row
}

// cached reads a row through its table's cache.
func cached[K comparable, R any](s *Snapshot, t *table[K, R], k K) *R {
	return through(s, t.shared, k, func() *R { return get(s, t.codec, k) })
}

func get[K comparable, R any](s *Snapshot, c codec[K, R], k K) *R {
	row, _, err := c.find(s.snap, k)
	check(err)
	return row
}

func (s reader) Conversation(k fold.Key) *fold.Conversation {
	return cached(s.Snapshot, s.store.conversations, k)
}

func (s reader) Conversations(user string) []fold.Key {
	return *through(s.Snapshot, s.store.lists, user, func() *[]fold.Key {
		keys := conversationsOf(s.snap, user)
		return &keys
	})
}

func (s reader) Group(group string) *fold.Log { return cached(s.Snapshot, s.store.groups, group) }

func (s reader) UserVersion(user string) events.Seq {
	return number(cached(s.Snapshot, s.store.users, user))
}

func (s reader) Index(log fold.Key, id string) (fold.Index, bool) {
	i := get(s.Snapshot, indexRows, indexKey{log, id})
	if i == nil {
		return fold.Index{}, false
	}
	return *i, true
}

// page returns the page of a position, with the message there.
func (s reader) page(log fold.Key, pos fold.Pos) *page {
	k := pageKey{log, pageNo(pos)}
	p, ok := s.store.read.get(k, s.position.Applied)
	if !ok || !p.holds(pos) {
		p = findPage(s.snap, k, nil)
		s.store.read.add(k, s.position.Applied, p)
	}
	return p
}

func (s reader) Message(log fold.Key, pos fold.Pos) fold.Message {
	m, err := s.page(log, pos).message(log, pos)
	check(err)
	return m
}

func (s reader) PageBase(log fold.Key, no uint64) fold.Ord {
	return s.page(log, fold.Pos(no*fold.PageSize)+1).base
}

func (s reader) TimeBlock(log fold.Key, block uint64) events.Time {
	return number(get(s.Snapshot, blockRows, pageKey{log, block}))
}

func (s reader) Bucket(k fold.SetKey, no uint64) *fold.Bucket {
	return cached(s.Snapshot, s.store.buckets, bucketKey{k, no})
}

func (s reader) Directory(k fold.SetKey) fold.Directory {
	if d := cached(s.Snapshot, s.store.directories, k); d != nil {
		return *d
	}
	return nil
}
