package store

import (
	"errors"
	"fmt"
	"log/slog"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"

	"reddot/events"
	"reddot/projector/fold"
	"reddot/projector/store/internal/corrupt"
	"reddot/projector/store/row"
)

// Config configures a Store.
type Config struct {
	Dir      string
	FS       vfs.FS          // nil: the operating system's
	Identity events.StreamID // of the log whose commands the store holds
	Logger   *slog.Logger    // nil: none
	Shards   int             // that fold many commands, 8 at most; 0: as many as there are processors
	Pace     fold.Pace       // zero: fold.DefaultPace. Every store of a log has the same, or other rows and another digest.
}

// Open opens or creates a store. What the error wraps says what to do: with
// ErrCorrupt and ErrFormat, build the store from scratch in another folder; with
// ErrForeign, ErrNewer or an error of the operating system, report it to the operator.
// A corrupt row may be met only by whoever reads it; see package inspect.
func Open(cfg Config) (*Store, error) {
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	if cfg.FS == nil {
		cfg.FS = vfs.Default
	}
	background := newBackground()
	db, err := openPebble(cfg.Dir, options(cfg, background))
	if err != nil {
		return nil, withNext(err)
	}
	s := &Store{db: db, fs: cfg.FS, dir: cfg.Dir, log: cfg.Logger, background: background, hidden: hidden{newTables(shardsOf(cfg))}}
	s.filter = tablesOf(s.hidden).filterOf(db)
	if cfg.Pace == (fold.Pace{}) {
		cfg.Pace = fold.DefaultPace()
	}
	s.rows = rows{reader: reader{hidden: s.hidden, db: db, part: whole}, store: s, pace: cfg.Pace}
	s.share()
	if err := s.claim(cfg.Identity); err != nil {
		return nil, errors.Join(withNext(corrupt.Wrap(err)), db.Close())
	}
	commands := uint64(0) // one key each, about
	for _, n := range s.position.Accepted {
		commands += n
	}
	s.filter.Start(commands)
	return s, nil
}

// withNext says of an error of Open what comes next.
func withNext(err error) error {
	if errors.Is(err, row.ErrCorrupt) || errors.Is(err, row.ErrFormat) {
		return rebuilt(err)
	}
	return err
}

// claim binds a new store to its stream, or checks the one it is bound to.
func (s *Store) claim(id events.StreamID) error {
	owner, found, err := findIdentity(s.db)
	if err != nil {
		return err
	}
	if !found {
		if err := checkFloor(s.fs, s.dir, Position{}); err != nil {
			return err
		}
		if err := s.db.Set(keyIdentity, encodeIdentity(id), pebble.NoSync); err != nil {
			return fmt.Errorf("bind the store to its stream: %w", err)
		}
		s.position.Policies = fold.DefaultPolicies()
		return s.Flush()
	}
	if !owner.Equal(id) {
		return fmt.Errorf("%w: it holds %s, the server has %s; use another data folder, or the server whose stream this is",
			ErrForeign, owner, id)
	}
	if s.position, err = findPosition(s.db); err != nil {
		return err
	}
	if err := checkFloor(s.fs, s.dir, s.position); err != nil {
		return err
	}
	if s.rows.left, err = findSweeps(s.db); err != nil {
		return err
	}
	s.writers[0].digest = s.position.rows
	s.flushedAt = s.position.Applied
	s.settle()
	return s.findKept()
}
