package store

import (
	"errors"
	"slices"

	"github.com/cockroachdb/pebble/v2"

	"reddot/events"
	"reddot/projector/fold"
	"reddot/projector/store/row"
)

// Snapshot reads the rows at one position. It is for one goroutine and must
// be closed.
type Snapshot struct {
	store    *Store // its caches
	snap     *pebble.Snapshot
	position Position
	pending  *fold.Sweeps

	key     []byte   // scratch
	lastLog fold.Key // the log read last
	last    *fold.Log

	many                 bool         // see Many
	wanted               func() error // see Until; nil: it is
	bound                int          // see Bound; 0: none
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
	snap := &Snapshot{store: s, snap: s.db.NewSnapshot(), conversations: walk{family: row.Conversations}, users: walk{family: row.Users}}
	if latest != nil && commits%2 == 0 && commits == s.commits.Load() {
		snap.position, snap.pending = latest.position, latest.pending
		return snap, nil
	}
	var err error
	if snap.position, err = findPosition(snap.snap); err == nil {
		snap.pending, err = findPending(snap.snap)
	}
	if err != nil {
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
		if row, ok := t.shared.Get(key, s.position.Applied); ok {
			return row
		}
	}
	s.readsOn()
	f, err := t.find(s.snap, key)
	check(err)
	if t.shared != nil {
		t.shared.Add(s.position.Applied, f.key, f.row, size(f.key, f.value)+t.weight)
	}
	return f.row
}

func (s reader) Conversation(k fold.Key) *fold.Conversation {
	c := s.stored(k)
	if s.pending != nil {
		c = s.pending.Now(k, c)
	}
	return c
}

// stored is a row as it is stored.
func (s reader) stored(k fold.Key) *fold.Conversation {
	if s.list == nil || s.listUser != k.User {
		s.key = append(s.key[:0], k.User...)
		if l, ok := s.store.lists.Get(s.key, s.position.Applied); ok {
			row, _ := l.find(k, 0)
			return row
		}
		return cached(s.Snapshot, s.store.conversations[k.Kind], row.AppendConversation(s.key[:0], k))
	}
	row, at := s.list.find(k, s.listHint)
	s.listHint = at + 1
	return row
}

func (s reader) Conversations(user string) []fold.Key {
	l := s.listOf(user)
	if s.pending == nil {
		return l.keys
	}
	keys := make([]fold.Key, 0, len(l.keys))
	for i, k := range l.keys {
		if s.pending.Now(k, l.rows[i]) != nil {
			keys = append(keys, k)
		}
	}
	for _, k := range s.pending.Joined(user) {
		at, found := slices.BinarySearchFunc(keys, k, func(a, b fold.Key) int { return compareConversations(a.ConversationID, b.ConversationID) })
		if !found && s.Conversation(k) != nil {
			keys = slices.Insert(keys, at, k)
		}
	}
	return keys
}

func (s reader) Group(group string) *fold.Log {
	return cached(s.Snapshot, s.store.groups, row.AppendGroup(s.key[:0], group))
}

func (s reader) UserVersion(user string) events.Seq {
	l := s.listOf(user)
	if s.pending == nil {
		return l.version
	}
	version := l.version
	for i, k := range l.keys {
		version = max(version, s.pending.Died(s, k, l.rows[i]))
	}
	for _, k := range s.pending.Joined(user) {
		version = max(version, s.pending.Died(s, k, s.stored(k)))
	}
	return version
}

func (s reader) Index(log fold.Key, id string) (fold.Index, bool) {
	if l := s.logOf(log); l != nil && l.Tail != "" {
		if i, ok := row.FindInTail(l, id); ok {
			return i, true
		}
	}
	log = s.rowsOf(log)
	i := cached(s.Snapshot, s.store.indexes, row.AppendIndex(s.key[:0], log, id))
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

// rowsOf is a log as it is named in the keys of the rows that it has beside its
// own.
func (s reader) rowsOf(lk fold.Key) fold.Key {
	if lk.Kind != events.C2C {
		return lk
	}
	era := events.Seq(0)
	if c := s.Conversation(lk); c != nil {
		era = c.Era
	} else if a := cached(s.Snapshot, s.store.users, row.AppendUser(s.key[:0], lk.User)); a != nil {
		era = a.Era
	}
	lk.User = row.InEra(lk.User, era)
	return lk
}

func (s reader) page(lk fold.Key, no uint64) row.Page {
	if l := s.logOf(lk); l != nil && l.Tail != "" && no == row.PageNo(l.Head.Pos) {
		return row.TailOf(l)
	}
	lk = s.rowsOf(lk)
	key := row.AppendPage(s.key[:0], lk, no)
	return *there(cached(s.Snapshot, s.store.pages, key), key)
}

func (s reader) Message(log fold.Key, pos fold.Pos) fold.Message {
	return message(s.page(log, row.PageNo(pos)), log, pos)
}

func (s reader) PageBase(log fold.Key, no uint64) fold.Ord { return s.page(log, no).Base }

func (s reader) TimeBlock(log fold.Key, block uint64) fold.Span {
	log = s.rowsOf(log)
	key := row.AppendBlock(s.key[:0], log, block)
	return *there(cached(s.Snapshot, s.store.blocks, key), key)
}

func (s reader) Chunk(k fold.SetKey, no uint64) *fold.Chunk {
	k = s.rowsOf(k.Owner).Set(k.Kind)
	return cached(s.Snapshot, s.store.buckets, row.AppendChunk(s.key[:0], k, no))
}

func (s reader) Directory(k fold.SetKey) fold.Directory {
	k = s.rowsOf(k.Owner).Set(k.Kind)
	if d := cached(s.Snapshot, s.store.directories, row.AppendDirectory(s.key[:0], k)); d != nil {
		return *d
	}
	return nil
}
