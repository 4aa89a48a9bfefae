package store

import (
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"

	"reddot/events"
	"reddot/projector/fold"
	"reddot/projector/store/cache"
	"reddot/projector/store/internal/corrupt"
)

// FlushEvery is the number of applied commands after which the store is made
// durable: a crash costs at most that many commands folded again.
const FlushEvery = 200_000

// Store is the projection's rows and the position they stand for. Only one
// goroutine may use it, but for Snapshot, Durable, FlushSoon,
// Checkpoint, Metrics, Emitted and SetEmitted.
type Store struct {
	db         *pebble.DB
	fs         vfs.FS
	dir        string
	log        *slog.Logger
	background *background
	life       sync.RWMutex // held shared by who reads, so that Close waits
	closed     atomic.Bool

	position  Position      // of the rows as changed so far
	committed events.Seq    // of the last commit
	digest    events.Digest // after it
	flushedAt events.Seq
	bytesEach int          // of the last commit's batch, per command: that of the next is as large, about
	writers   []writer     // by part
	unfit     bool         // a command was left half applied
	outbox    []Out        // entries to write in the next commit
	kept      []events.Seq // entries in the store

	// For Snapshot: while a commit becomes visible, commits is odd; else latest is
	// the position that the rows show.
	commits atomic.Uint64
	latest  atomic.Pointer[latest]
	moments moments

	emitted atomic.Uint64
	trimmed events.Seq // the outbox is empty up to here

	hidden
	rows       rows    // of all parts
	shards     []shard // by part
	rounds     int     // that shards have folded
	roundLeast int     // see the constant
	processors int     // that may fold
	due        due
	filter     *cache.Filter

	// Turn, unless nil, is called now and then while many commands are folded or many
	// rows are written, so that others get a turn; by several goroutines at once.
	Turn func()

	// Yield leaves one processor to others meanwhile, if there is more than one.
	Yield bool
}

// writer is the state of one commit, of one part of the tables.
type writer struct {
	key, value []byte // scratch
	digest     uint64 // of the rows that have changed, since the store was opened
	rows       int    // written or deleted
	give       func() // see Store.Turn
	soon       cache.Prefetch
}

// turnRows is after how many rows that are written others get a turn.
const turnRows = 256

func (w *writer) turn() {
	if w.give != nil && w.rows%turnRows == turnRows-1 {
		w.give()
	}
}

// Position is what the rows stand for, as changed so far.
func (s *Store) Position() Position { return s.position }

// Entry is a command as it stands in the stream.
type Entry struct {
	Seq     events.Seq
	Time    events.Time // the stream's
	Subject string
	Sum     uint64 // of the stored bytes; see Sum
	Invalid string // why Command could not be read; "" if it could
	Command events.Command

	// Skipped says that the stream can't give the command, and that the operator
	// has named it: it is passed over. Sum is 0 then, and Invalid says so.
	Skipped bool
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
	if err := e.comesAfter(s.position.Applied); err != nil {
		return err
	}
	if e.Skipped {
		fx.Reset()
		s.position.Skipped = append(slices.Clip(s.position.Skipped), e.Seq)
		s.position.follow(e)
		return nil
	}
	s.rows.sweepFrom()
	if e.Invalid != "" {
		fx.Reset()
		fx.Refused = e.Invalid
	} else {
		fold.Apply(&s.rows, e.Seq, e.Time, &e.Command, fx)
	}
	s.follow(e, fx)
	return nil
}

// comesAfter reports that a command is not the one after another.
func (e *Entry) comesAfter(seq events.Seq) error {
	if e.Seq != seq+1 {
		return fmt.Errorf("apply seq %d: %d is next", e.Seq, seq+1)
	}
	return nil
}

// follow brings position and outbox up to a command whose rows are changed.
func (s *Store) follow(e *Entry, fx *fold.Effects) {
	s.note(e, fx)
	s.position.count(e.Command.Verb, fx)
	s.position.follow(e)
}

// Read calls fn with the rows as changed so far. A row that can't be read ends fn
// with an error.
func (s *Store) Read(fn func(fold.Reader) error) (err error) {
	defer catch(&err)
	return fn(&s.rows)
}

// Commit writes every change since the last one, and the position they make
// up, in one batch. It returns the number of rows written.
func (s *Store) Commit() (rows int, err error) {
	if s.unfit {
		return 0, errors.New("commit: a command was left half applied")
	}
	commands := int(s.position.Applied - s.committed)
	b := s.newBatch(commands * s.bytesEach)
	defer func() { err = corrupt.Wrap(errors.Join(err, b.Close())) }()
	if rows, err = s.commitRows(b); err != nil {
		return 0, fmt.Errorf("write rows: %w", err)
	}
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
	s.bytesEach = b.Len() / max(commands, 1)
	s.commits.Add(1)
	if err := b.Commit(pebble.NoSync); err != nil {
		return 0, fmt.Errorf("commit: %w", err)
	}
	s.settle()
	s.commits.Add(1)
	if err := s.moments.pass(); err != nil {
		return 0, err
	}
	if err := s.filter.Poll(); err != nil {
		return 0, err
	}
	if s.position.Applied-s.flushedAt >= FlushEvery {
		s.flushedAt = s.position.Applied
		if _, err := s.db.AsyncFlush(); err != nil {
			return 0, fmt.Errorf("flush: %w", err)
		}
	}
	return rows, nil
}

// newBatch returns a batch with room for so many bytes, which it may have from one before:
// those are megabytes, several times a second, of a fold that is behind.
func (s *Store) newBatch(size int) *pebble.Batch {
	return s.db.NewBatchWithSize(size, pebble.WithMaxRetainedSizeBytes(memTable/2)) // larger ones become memtables themselves
}

// commitRows writes the changed rows of all parts into a batch: if they are many by several
// goroutines, each into a batch of its own first. It returns how many.
func (s *Store) commitRows(b *pebble.Batch) (rows int, err error) {
	commands := int(s.position.Applied - s.committed)
	batches := make([]*pebble.Batch, len(s.shards))
	errs := make([]error, len(s.shards))
	write := func(i int) {
		w := &s.writers[i]
		w.rows, w.give = 0, s.Turn
		errs[i] = tablesOf(s.hidden).commit(i, batches[i], w)
	}
	if commands >= s.roundLeast && s.workers() > 1 {
		for i := range batches {
			if batches[i] = b; i > 0 {
				batches[i] = s.newBatch(commands * s.bytesEach / len(batches))
			}
		}
		s.eachShard(write)
	} else {
		for i := range batches {
			batches[i] = b
			write(i)
		}
	}
	err = errors.Join(errs...)
	s.position.rows = 0
	for i := range s.shards {
		rows += s.writers[i].rows
		s.position.rows += s.writers[i].digest
		if batches[i] != b {
			if err == nil {
				err = b.Apply(batches[i], nil)
			}
			err = errors.Join(err, batches[i].Close())
		}
	}
	return rows, err
}

// settle brings the caches up to the commit.
func (s *Store) settle() {
	s.committed, s.digest = s.position.Applied, s.position.Digest()
	tablesOf(s.hidden).settle(s.position.Applied)
	s.due.settle()
	s.latest.Store(&latest{s.position.clone(), s.rows.left, s.due.from})
}

// latest is what the rows of a commit stand for, what is left to be swept, and where
// what expires begins.
type latest struct {
	position Position
	left     *fold.Sweeps
	due      string
}
