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

	key     []byte   // scratch
	lastLog fold.Key // the log read last
	last    *fold.Log

	many                 bool // see Many
	conversations, users walk
	listUser             string // whose list was read last
	list                 *userList
	listHint             int // which of its rows may be asked for next
}

// Snapshot returns a view of the last commit, or ErrClosed. The store is kept
// open until the view is closed. Safe for concurrent use.
func (s *Store) Snapshot() (*Snapshot, error) {
	if err := s.hold(); err != nil {
		return nil, err
	}
	commits, latest := s.commits.Load(), s.latest.Load()
	snap := &Snapshot{store: s, snap: s.db.NewSnapshot(), conversations: walk{family: famConversation}, users: walk{family: famUser}}
	if latest != nil && commits%2 == 0 && commits == s.commits.Load() {
		snap.position = *latest
		return snap, nil
	}
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
	return errors.Join(s.conversations.close(), s.users.close(), s.snap.Close())
}

// Many says that many users' lists are going to be read, by name: in that order
// the rows follow each other, and the caches are left to others.
func (s *Snapshot) Many() { s.many = true }

// Members lists the members of a group. The list must not be changed.
func (s *Snapshot) Members(group string) (users []string, err error) {
	defer catch(&err)
	s.key = append(s.key[:0], group...)
	if list, ok := s.store.audiences.get(s.key, s.position.Applied); ok {
		return *list, nil
	}
	users = membersOf(s.snap, group)
	s.store.audiences.add(s.position.Applied, &entry[[]string]{key: group, row: &users, size: entryWeight + len(group) + listWeight*len(users)})
	return users, nil
}

// Read calls fn with the rows. A row that can't be read ends fn with an
// error.
func (s *Snapshot) Read(fn func(fold.Reader) error) (err error) {
	defer catch(&err)
	return fn(reader{s})
}

// reader implements fold.Reader within Read.
type reader struct{ *Snapshot }

// listWeight is about what an entry of a list takes: bytes.
const listWeight = 64

// cached reads a row through its table's cache, if it has one.
func cached[R any](s *Snapshot, t *table[R], key []byte) *R {
	s.key = key
	if t.shared != nil {
		if row, ok := t.shared.get(key, s.position.Applied); ok {
			return row
		}
	}
	e, err := t.find(s.snap, key)
	check(err)
	row := e.row // from here on a commit may give the entry another one
	if t.shared != nil {
		e.size += t.weight
		t.shared.add(s.position.Applied, &e)
	}
	return row
}

func (s reader) Conversation(k fold.Key) *fold.Conversation {
	if s.list == nil || s.listUser != k.User {
		s.key = append(s.key[:0], k.User...)
		if l, ok := s.store.lists.get(s.key, s.position.Applied); ok {
			row, _ := l.find(k, 0)
			return row
		}
		return cached(s.Snapshot, s.store.conversations[k.Kind], appendConversation(s.key[:0], k))
	}
	row, at := s.list.find(k, s.listHint)
	s.listHint = at + 1
	return row
}

func (s reader) Conversations(user string) []fold.Key { return s.listOf(user).keys }

func (s reader) Group(group string) *fold.Log {
	return cached(s.Snapshot, s.store.groups, appendGroup(s.key[:0], group))
}

func (s reader) UserVersion(user string) events.Seq {
	return s.listOf(user).version
}

func (s reader) Index(log fold.Key, id string) (fold.Index, bool) {
	if l := s.logOf(log); l != nil && l.Tail != "" {
		if i, ok := findInTail(l, id); ok {
			return i, true
		}
	}
	i := cached(s.Snapshot, s.store.indexes, appendIndex(s.key[:0], indexKey{log, id}))
	if i == nil {
		return fold.Index{}, false
	}
	return *i, true
}

// logOf returns a log, nil if there is none. Who reads a message mostly reads
// others of the same log.
func (s reader) logOf(lk fold.Key) *fold.Log {
	if s.last != nil && s.lastLog == lk {
		return s.last
	}
	if lk.Kind == events.Group {
		s.last = s.Group(lk.ID)
	} else if c := s.Conversation(lk); c != nil {
		s.last = &c.Log
	} else {
		s.last = nil
	}
	s.lastLog = lk
	return s.last
}

func (s reader) page(lk fold.Key, no uint64) page {
	if l := s.logOf(lk); l != nil && l.Tail != "" && no == pageNo(l.Head.Pos) {
		return tailOf(l)
	}
	key := appendPage(s.key[:0], pageKey{lk, no})
	return *there(cached(s.Snapshot, s.store.pages, key), key)
}

func (s reader) Message(log fold.Key, pos fold.Pos) fold.Message {
	return s.page(log, pageNo(pos)).mustMessage(log, pos)
}

func (s reader) PageBase(log fold.Key, no uint64) fold.Ord { return s.page(log, no).base }

func (s reader) TimeBlock(log fold.Key, block uint64) fold.Span {
	key := appendBlock(s.key[:0], pageKey{log, block})
	return *there(cached(s.Snapshot, s.store.blocks, key), key)
}

func (s reader) Bucket(k fold.SetKey, no uint64) *fold.Bucket {
	return cached(s.Snapshot, s.store.buckets, appendBucket(s.key[:0], bucketKey{k, no}))
}

func (s reader) Directory(k fold.SetKey) fold.Directory {
	if d := cached(s.Snapshot, s.store.directories, appendDirectory(s.key[:0], k)); d != nil {
		return *d
	}
	return nil
}
