package journal

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/nats-io/nats.go"
)

// Config configures a Journal.
type Config struct {
	Stream  Stream
	Log     string // identity of the command stream
	ID      string // of this writer, unlike any other's
	Window  int    // messages on their way at a time, the same for all writers of a stream; Window if zero
	Subject string // of messages that are for writers only, which are not republished
	Logger  *slog.Logger
}

// Journal is the event stream as one of its writers sees it. It is for one
// goroutine, but for Foreign.
type Journal struct {
	cfg     Config
	stream  Stream
	ends    lookout
	foreign foreign
	away    outages
}

// New returns the journal of a stream that is there. Nothing is asked of it yet.
func New(cfg Config) *Journal {
	if cfg.Window == 0 {
		cfg.Window = Window
	}
	j := &Journal{cfg: cfg, stream: cfg.Stream}
	j.foreign.log, j.away.log = cfg.Logger, cfg.Logger
	j.ends = lookout{stream: cfg.Stream, log: cfg.Log, foreign: &j.foreign}
	return j
}

// Foreign returns how many messages in the stream were found that no writer has put
// there. Safe for concurrent use.
func (j *Journal) Foreign() uint64 { return j.foreign.count.Load() }

// End returns the end of the stream, as soon as the server can be asked. Errors:
// ErrGone, ErrKey.
func (j *Journal) End(ctx context.Context) (Tail, error) {
	for {
		t, err := j.ends.look(ctx)
		if err == nil || errors.Is(err, ErrGone) || errors.Is(err, ErrKey) {
			return t, err
		}
		j.away.say("look at its end", err)
		if err := rest(ctx); err != nil {
			return t, err
		}
	}
}

// Read calls fn with the events in some places that are still in the stream, in
// order, as soon as the server can be asked. It may begin again, so that fn meets an
// event twice. An error of fn ends it, and so does ErrGone.
func (j *Journal) Read(ctx context.Context, from, upto uint64, fn func(*nats.Msg) error) error {
	for {
		var failed error
		err := j.stream.Read(ctx, from, upto, func(seq uint64, msg *nats.Msg) error {
			if j.ends.sealer.genuine(seq, msg) && len(msg.Data) > 0 {
				failed = fn(msg)
			}
			return failed
		})
		switch {
		case err == nil:
			return nil
		case ctx.Err() != nil:
			return ctx.Err()
		case failed != nil || errors.Is(err, ErrGone):
			return err
		}
		j.away.say("read what was emitted last", err)
		if err := rest(ctx); err != nil {
			return err
		}
	}
}

// Message returns a message for writers only, which carries no event.
func (j *Journal) Message() *nats.Msg {
	msg := nats.NewMsg(j.cfg.Subject)
	msg.Header.Set(HeaderWriter, j.cfg.ID)
	return msg
}

// rest waits for retryWait.
func rest(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(retryWait):
		return nil
	}
}
