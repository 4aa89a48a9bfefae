package store

import (
	"github.com/cockroachdb/pebble/v2"

	"reddot/events"
	"reddot/projector/fold"
)

// Snapshot reads the rows at one position. It is for one goroutine and must
// be closed.
type Snapshot struct {
	snap     *pebble.Snapshot
	position Position
	page     lastPage
}

// Snapshot returns a view of the last commit. Safe for concurrent use.
func (s *Store) Snapshot() (*Snapshot, error) {
	snap := &Snapshot{snap: s.db.NewSnapshot()}
	var err error
	if snap.position, err = findPosition(snap.snap); err != nil {
		_ = snap.Close()
		return nil, err
	}
	return snap, nil
}

// Position is the position of the rows.
func (s *Snapshot) Position() Position { return s.position }

// Close releases the snapshot.
func (s *Snapshot) Close() error { return s.snap.Close() }

// Read calls fn with the rows. A row that can't be read ends fn with an
// error.
func (s *Snapshot) Read(fn func(fold.Reader) error) (err error) {
	defer catch(&err)
	return fn(reader{s})
}

// Members lists the members of a group.
func (s *Snapshot) Members(group string) (users []string, err error) {
	defer catch(&err)
	return membersOf(s.snap, group), nil
}

// reader implements fold.Reader within Read.
type reader struct{ *Snapshot }

func get[K comparable, R any](s *Snapshot, c codec[K, R], k K) *R {
	row, _, err := c.find(s.snap, k)
	check(err)
	return row
}

func (s reader) Conversation(k fold.Key) *fold.Conversation {
	return get(s.Snapshot, conversationRows, k)
}

func (s reader) Conversations(user string) []fold.Key { return conversationsOf(s.snap, user) }

func (s reader) Group(group string) *fold.Log { return get(s.Snapshot, groupRows, group) }

func (s reader) UserVersion(user string) events.Seq { return number(get(s.Snapshot, userRows, user)) }

func (s reader) Index(log fold.Key, id string) (fold.Index, bool) {
	i := get(s.Snapshot, indexRows, indexKey{log, id})
	if i == nil {
		return fold.Index{}, false
	}
	return *i, true
}

func (s reader) pageAt(k pageKey) *page {
	if s.page.page == nil || s.page.key != k {
		s.page = lastPage{key: k, page: findPage(s.snap, k, nil)}
	}
	return s.page.page
}

func (s reader) Message(log fold.Key, pos fold.Pos) fold.Message {
	m, err := s.pageAt(pageKey{log, pageNo(pos)}).message(log, pos)
	check(err)
	return m
}

func (s reader) PageBase(log fold.Key, no uint64) fold.Ord { return s.pageAt(pageKey{log, no}).base }

func (s reader) TimeBlock(log fold.Key, block uint64) events.Time {
	return number(get(s.Snapshot, blockRows, pageKey{log, block}))
}

func (s reader) Bucket(k fold.SetKey, no uint64) *fold.Bucket {
	return get(s.Snapshot, bucketRows, bucketKey{k, no})
}

func (s reader) Directory(k fold.SetKey) fold.Directory {
	if d := get(s.Snapshot, directoryRows, k); d != nil {
		return *d
	}
	return nil
}
