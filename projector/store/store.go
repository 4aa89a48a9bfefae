package store

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"sync/atomic"
	"time"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"

	"reddot/events"
	"reddot/projector/fold"
)

// Bounds of the row caches, in rows. A row weighs some 300 to 500 bytes
// decoded. They cover what a batch touches many times over, and the working
// set of some tens of thousands of active users.
const (
	hotConversations = 65_536
	hotGroups        = 8_192
	hotIndexes       = 65_536
	hotOthers        = 8_192 // of each family that is rarely touched
)

// Bounds of the snapshots' caches, in rows. They hold what is shown: the users
// who are being told of changes or who ask, with all their conversations.
const (
	sharedUsers         = 32_768
	sharedConversations = 262_144
	sharedGroups        = 8_192
	sharedPages         = 8_192
)

// FlushEvery is the number of applied commands after which the store is made
// durable: a crash costs at most that many commands folded again.
const FlushEvery = 200_000

// ErrForeign is returned by Open for a store of another stream.
var ErrForeign = errors.New("the store belongs to another stream")

// Identity is the stream whose commands a store holds. A stream that was
// deleted and made again has the same name, but not the same identity.
type Identity struct {
	Stream  string
	Created time.Time
}

func (i Identity) String() string {
	return fmt.Sprintf("%s created %s", i.Stream, i.Created.UTC().Format(time.RFC3339Nano))
}

// Config configures a Store.
type Config struct {
	Dir      string
	FS       vfs.FS // nil: the operating system's
	Identity Identity
	Logger   *slog.Logger // nil: none
}

// Store is the projection's rows and the position they stand for. Only one
// goroutine may use it, but for Snapshot, Durable, FlushSoon, Metrics,
// Emitted and SetEmitted.
type Store struct {
	db         *pebble.DB
	log        *slog.Logger
	background *background

	position  Position              // of the rows as changed so far
	committed events.Seq            // of the last commit
	moved     map[string][]fold.Key // conversations created or deleted since, by user
	flushedAt events.Seq
	writer    writer
	unfit     bool         // a command was left half applied
	erase     [][]byte     // keys of an erased inbox, to delete in the next commit
	gone      []pageKey    // pages of it
	outbox    []Out        // entries to write in the next commit
	kept      []events.Seq // entries in the store

	emitted atomic.Uint64
	trimmed events.Seq // the outbox is empty up to here

	conversations *table[fold.Key, fold.Conversation]
	groups        *table[string, fold.Log]
	users         *table[string, events.Seq]
	members       *table[memberKey, present]
	indexes       *table[indexKey, fold.Index]
	blocks        *table[pageKey, events.Time]
	buckets       *table[bucketKey, fold.Bucket]
	directories   *table[fold.SetKey, fold.Directory]
	waiters       *table[waiterKey, present]

	filter   *keyFilter
	pages    map[pageKey]*pending // records appended since the last commit
	lastPage lastPage

	// For snapshots, beside the tables' own.
	lists     *shared[string, []fold.Key] // of users
	audiences *shared[string, []string]   // members of groups
	read      *shared[pageKey, page]      // pages only grow, so a short one is read again
}

// writer is the state of one commit.
type writer struct {
	key, value []byte // scratch
	digest     uint64 // of the rows
	rows       int    // written or deleted
}

// Open opens or creates a store.
func Open(cfg Config) (*Store, error) {
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	if cfg.FS == nil {
		cfg.FS = vfs.Default
		if err := os.MkdirAll(filepath.Dir(cfg.Dir), 0o755); err != nil {
			return nil, fmt.Errorf("create the store's folder: %w", err)
		}
	}
	background := &background{failed: make(chan struct{})}
	db, err := pebble.Open(cfg.Dir, options(cfg, background))
	if err != nil {
		return nil, fmt.Errorf("open store in %s (if it is damaged, delete that folder: it is folded again from the stream): %w", cfg.Dir, err)
	}
	s := &Store{
		db: db, log: cfg.Logger, background: background,
		lists:         newShared[string, []fold.Key](sharedUsers),
		audiences:     newShared[string, []string](sharedGroups),
		conversations: newTable(conversationRows, hotConversations, newShared[fold.Key, fold.Conversation](sharedConversations)),
		groups:        newTable(groupRows, hotGroups, newShared[string, fold.Log](sharedGroups)),
		users:         newTable(userRows, hotOthers, newShared[string, events.Seq](sharedUsers)),
		members:       newTable(memberRows, hotOthers, nil),
		indexes:       newTable(indexRows, hotIndexes, nil),
		blocks:        newTable(blockRows, hotOthers, nil),
		buckets:       newTable(bucketRows, hotOthers, newShared[bucketKey, fold.Bucket](hotOthers)),
		directories:   newTable(directoryRows, hotOthers, newShared[fold.SetKey, fold.Directory](hotOthers)),
		waiters:       newTable(waiterRows, hotOthers, nil),
		read:          newShared[pageKey, page](sharedPages),
		moved:         make(map[string][]fold.Key),
		pages:         make(map[pageKey]*pending),
	}
	if err := s.claim(cfg.Identity); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	s.filter = &keyFilter{db: db, families: []byte{famConversation, famIndex}}
	s.conversations.filter, s.indexes.filter = s.filter, s.filter
	for _, n := range s.position.Accepted {
		s.filter.count += uint(n)
	}
	s.filter.grow()
	return s, nil
}

// claim binds a new store to its stream, or checks the one it is bound to.
func (s *Store) claim(id Identity) error {
	owner, found, err := findIdentity(s.db)
	if err != nil {
		return err
	}
	if !found {
		if err := s.db.Set(keyIdentity, encodeIdentity(id), pebble.NoSync); err != nil {
			return fmt.Errorf("bind the store to its stream: %w", err)
		}
		s.position.Policy = events.OwnKeep
		return s.Flush()
	}
	if owner.Stream != id.Stream || !owner.Created.Equal(id.Created) {
		return fmt.Errorf("%w: it holds %s, the server has %s; use another data folder, or the server whose stream this is",
			ErrForeign, owner, id)
	}
	s.position, err = findPosition(s.db)
	s.writer.digest = s.position.rows
	s.flushedAt = s.position.Applied
	s.settle()
	return errors.Join(err, s.findKept())
}

// Position is what the rows stand for, as changed so far.
func (s *Store) Position() Position { return s.position }

// Entry is a command as it stands in the stream.
type Entry struct {
	Seq     events.Seq
	Time    events.Time // the stream's
	Subject string
	Invalid string // why Command could not be read; "" if it could
	Command events.Command
}

// At is the command's own time, or the stream's if it has none.
func (e *Entry) At() events.Time {
	if e.Invalid == "" && e.Command.HasAt {
		return e.Command.At
	}
	return e.Time
}

// Apply folds the command with the next seq. What it did is in fx. An error
// leaves the store unfit for use: close it, and open it again.
func (s *Store) Apply(e *Entry, fx *fold.Effects) (err error) {
	defer func() { s.unfit = s.unfit || err != nil }()
	defer catch(&err)
	if e.Seq != s.position.Applied+1 {
		return fmt.Errorf("apply seq %d: %d is next", e.Seq, s.position.Applied+1)
	}
	if e.Invalid != "" {
		fx.Reset()
		fx.Refused = e.Invalid
	} else {
		fold.Apply(s, e.Seq, e.Time, &e.Command, fx)
	}
	s.note(e, fx)
	s.position.count(e.Command.Verb, fx)
	s.position.Applied = e.Seq
	if s.erase != nil {
		// Rows of an erased inbox must not be read before they are deleted.
		_, err = s.Commit()
	}
	return err
}

// Commit writes every change since the last one, and the position they make
// up, in one batch. It returns the number of rows written.
func (s *Store) Commit() (rows int, err error) {
	if s.unfit {
		return 0, errors.New("commit: a command was left half applied")
	}
	b := s.db.NewBatch()
	defer func() { err = errors.Join(err, b.Close()) }()
	s.writer.rows = 0
	for _, key := range s.erase {
		if err := b.Delete(key, nil); err != nil {
			return 0, err
		}
	}
	if err := s.commitTables(b); err != nil {
		return 0, fmt.Errorf("write rows: %w", err)
	}
	if err := s.commitPages(b); err != nil {
		return 0, fmt.Errorf("write messages: %w", err)
	}
	s.position.rows = s.writer.digest
	if err := s.commitOutbox(b); err != nil {
		return 0, fmt.Errorf("write outbox: %w", err)
	}
	if err := b.Set(keyPosition, s.position.encode(), nil); err != nil {
		return 0, fmt.Errorf("write position: %w", err)
	}
	select {
	case <-s.background.failed:
		return 0, s.background.err
	default:
	}
	if err := b.Commit(pebble.NoSync); err != nil {
		return 0, fmt.Errorf("commit: %w", err)
	}
	s.settle()
	if err := s.filter.poll(); err != nil {
		return 0, err
	}
	if s.position.Applied-s.flushedAt >= FlushEvery {
		s.flushedAt = s.position.Applied
		if _, err := s.db.AsyncFlush(); err != nil {
			return 0, fmt.Errorf("flush: %w", err)
		}
	}
	return s.writer.rows, nil
}

// tables are the tables of all families.
func (s *Store) tables() []interface {
	commit(*pebble.Batch, *writer) error
	committed(to events.Seq)
} {
	return []interface {
		commit(*pebble.Batch, *writer) error
		committed(to events.Seq)
	}{s.conversations, s.groups, s.users, s.members, s.indexes, s.blocks, s.buckets, s.directories, s.waiters}
}

func (s *Store) commitTables(b *pebble.Batch) error {
	for _, t := range s.tables() {
		if err := t.commit(b, &s.writer); err != nil {
			return err
		}
	}
	return nil
}

// settle brings the caches up to the commit.
func (s *Store) settle() {
	to := s.position.Applied
	s.committed = to
	s.erase = nil
	s.moved = emptied(s.moved)
	s.lists.advance(to, func(_ func(string, func() *[]fold.Key), drop func(string)) {
		for _, k := range slices.Concat(s.conversations.moved, s.conversations.gone) {
			drop(k.User)
		}
	})
	s.audiences.advance(to, func(_ func(string, func() *[]string), drop func(string)) {
		for _, k := range s.members.moved {
			drop(k.group)
		}
	})
	s.read.advance(to, func(_ func(pageKey, func() *page), drop func(pageKey)) {
		for _, k := range s.gone {
			drop(k)
		}
	})
	s.gone = nil
	for _, t := range s.tables() {
		t.committed(to)
	}
}

// Flush makes what is committed durable.
func (s *Store) Flush() error {
	done, err := s.db.AsyncFlush()
	if err != nil {
		return fmt.Errorf("flush store: %w", err)
	}
	select {
	case <-done:
		s.flushedAt = s.position.Applied
		return nil
	case <-s.background.failed:
		return s.background.err
	}
}

// FlushSoon begins to make durable what is committed. Safe for concurrent use.
func (s *Store) FlushSoon() error {
	if _, err := s.db.AsyncFlush(); err != nil {
		return fmt.Errorf("flush store: %w", err)
	}
	return nil
}

// Durable is the applied seq that a crash of the machine leaves at least.
// Safe for concurrent use.
func (s *Store) Durable() (events.Seq, error) {
	it, err := s.db.NewIter(&pebble.IterOptions{
		LowerBound: keyPosition, UpperBound: prefixEnd(keyPosition), OnlyReadGuaranteedDurable: true,
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
	return p.Applied, it.Close()
}

// Metrics returns Pebble's figures. Safe for concurrent use.
func (s *Store) Metrics() *pebble.Metrics { return s.db.Metrics() }

// Close drops what is not committed, makes the rest durable and closes the
// store.
func (s *Store) Close() error {
	s.filter.close()
	return errors.Join(s.Flush(), s.db.Close())
}
