package emit

import (
	"cmp"
	"context"
	"log/slog"
	"strconv"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/nats-io/nuid"

	"reddot/events"
	"reddot/projector/dirty"
	"reddot/projector/emit/journal"
	"reddot/projector/store"
)

// Config configures an Emitter.
type Config struct {
	JetStream   jetstream.JetStream // has the event stream; not used by New
	Subjects    events.Subjects
	Partition   int             // in the subjects of stored events
	Encoding    events.Encoding // of events
	FanoutLimit uint64          // members; in larger groups only watchers are notified of messages
	Window      int             // messages on their way at a time, the same for all emitters of a stream; journal.Window if zero
	Takeover    time.Duration   // how long another emitter may emit nothing although there is something; DefaultTakeover if zero
	MaxAge      time.Duration   // of stored events; journal.DefaultMaxAge if zero
	MaxBytes    int64           // of stored events; journal.DefaultMaxBytes if zero
	Replicas    int             // of an event stream that has to be made; 0: 1
	Log         string          // identity of the command stream
	ID          string          // names the emitter in what it writes; a new one if empty
	Instance    string          // what the ids begin with of those of whom one runs at a time, as they share a folder; empty: nothing is known
	Logger      *slog.Logger
	Bounds      Bounds // of what is done at a time; some default where zero

	// MaxPayload returns how large a message may be, headers included; the
	// default of a NATS server if nil. Open knows it.
	MaxPayload func() int64
	// Folding reports whether there is something to fold; nil: nothing is known of it. It is
	// called by the goroutine of Run.
	Folding func() bool
	// Aside runs work that takes long; a goroutine if nil.
	Aside func(work func())

	Store  Store
	Replay Replay // reads the log after a restart or a takeover
	// End returns the seq of the log's last command. It is asked if the last
	// event has left the event stream: then listeners may have been shown the
	// state at any command that there was. An error ends the emitter.
	End func(context.Context) (events.Seq, error)
}

// Bounds are how much an emitter does at a time. What is called rows are rows of
// users' lists that are looked at: each event takes a look at its user's.
type Bounds struct {
	Many   int // members or watchers: a message to so many is emitted in bulk
	Prompt int // rows in one round, for what is emitted promptly
	Bulk   int // rows in one round, for what is emitted in bulk
	Long   int // rows of a list that is read aside
	Aside  int // lists that are read aside at a time
}

// The usual bounds: a round takes some 20 ms, of which what is emitted in bulk gets a
// third at least if it needs it.
const (
	promptRows = 16_384
	bulkRows   = 8_192
	longList   = 1_000
	atATime    = 2
)

// Store is what an emitter needs of the projection's rows. It is called by one
// goroutine while another one commits. A *store.Store is one.
type Store interface {
	// Snapshot returns a view of the last commit.
	Snapshot() (*store.Snapshot, error)
	// Emitted is the seq up to which, as a commit has written down, the events
	// of all commands are stored.
	Emitted() (events.Seq, error)
}

// Replay calls fn with the stored commands in (after, upto], in order. They
// have been applied.
type Replay func(ctx context.Context, after, upto events.Seq, fn func(*store.Entry) error) error

// fenceSubject is where emitters write what is for each other. It is stored with
// the events, and not republished.
func (cfg *Config) fenceSubject() string {
	return cfg.Subjects.Prefix() + "-out.fence-" + strconv.Itoa(cfg.Partition)
}

// complete sets what is zero to its default.
func (cfg *Config) complete() {
	if cfg.ID == "" {
		cfg.ID = cfg.Instance + nuid.New().Next()[:idLen]
	}
	if cfg.Window == 0 {
		cfg.Window = journal.Window
	}
	cfg.Takeover = cmp.Or(cfg.Takeover, DefaultTakeover)
	b := &cfg.Bounds
	b.Many, b.Prompt, b.Bulk = cmp.Or(b.Many, dirty.DefaultMany), cmp.Or(b.Prompt, promptRows), cmp.Or(b.Bulk, bulkRows)
	b.Long, b.Aside = cmp.Or(b.Long, longList), cmp.Or(b.Aside, atATime)
	if cfg.Folding == nil {
		cfg.Folding = func() bool { return false }
	}
	if cfg.Aside == nil {
		cfg.Aside = func(work func()) { go work() }
	}
	if cfg.MaxPayload == nil {
		cfg.MaxPayload = func() int64 { return defaultPayload }
	}
}

// idLen is how long the part of an emitter's id is that is drawn: of a NUID, what
// each generator draws once more.
const idLen = 8
