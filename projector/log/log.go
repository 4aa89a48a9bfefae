package log

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"reddot/events"
	"reddot/projector/store"
)

// Log is the command stream as a projection reads it: whole and in order, or
// not at all. Safe for concurrent use.
type Log struct {
	stream   Stream
	files    Files // nil: none can be read
	far      uint64
	subjects events.Subjects
	identity events.StreamID
	cut      string    // what the metadata says of a cut; empty: there was none
	created  time.Time // the stream: another one has another time
	logger   *slog.Logger
	skips    skips
}

// Identity distinguishes this log from any other, also from one of the same name.
func (l *Log) Identity() events.StreamID { return l.identity }

// Subjects are those of the log's commands, and of what is derived from them.
func (l *Log) Subjects() events.Subjects { return l.subjects }

// Consumers is how many consumers the readings of the log have at the server for
// sure; changes says whether that is another number than before, or other ones.
func (l *Log) Consumers() (n int, changes uint64) { return l.stream.Consumers() }

// RemoveConsumer removes a consumer that an earlier reading has left behind.
func (l *Log) RemoveConsumer(ctx context.Context, name string) error {
	return l.stream.Remove(ctx, name)
}

// Trim removes the commands up to a seq from the stream, for ever.
func (l *Log) Trim(ctx context.Context, upto events.Seq) error {
	if err := l.stream.Purge(ctx, jetstream.WithPurgeSequence(uint64(upto)+1)); err != nil {
		return fmt.Errorf("trim %s up to seq %d: %w", l.identity.Name, upto, err)
	}
	return nil
}

// Check says what is wrong with the stream for a store at a position: it is
// gone or another one, its configuration has drifted, it ends before the
// position or begins after it, or holds another command there. An error that is
// no ErrNotWhole says that it can't be asked: whoever reads waits for it.
func (l *Log) Check(ctx context.Context, at store.Position) error {
	info, err := l.stream.Info(ctx)
	switch {
	case errors.Is(err, jetstream.ErrStreamNotFound):
		return l.gone()
	case err != nil:
		return err
	}
	if !info.Created.Equal(l.created) {
		return fmt.Errorf("%w: stream %s was deleted and made again", ErrNotWhole, l.identity.Name)
	}
	first, last := bounds(info.State)
	if err := errors.Join(checkStream(l.subjects, info.Config), CheckRange(at.Applied, first, last)); err != nil {
		return err
	}
	return l.CheckLast(ctx, at)
}

// gone says that there is no stream any more.
func (l *Log) gone() error {
	return fmt.Errorf("%w: stream %s is gone", ErrNotWhole, l.identity.Name)
}

// CheckLast compares the command at a store's position with the one that it
// applied: a log that was restored from a backup and then written further may
// have the same seqs and other commands.
func (l *Log) CheckLast(ctx context.Context, at store.Position) error {
	other, _, err := l.replaced(ctx, at.Applied, at.Last)
	if err == nil && other {
		err = &TruncatedError{Last: at.Applied, Derived: at.Applied, By: "the store"}
	}
	return err
}

// errEnough ends a reading that has come to its end.
var errEnough = errors.New("enough")

// ReadTo calls fn with the commands after a seq up to another, in order and
// without a gap. The log must hold them.
func (l *Log) ReadTo(ctx context.Context, after, upto events.Seq, fn func(*store.Entry) error) error {
	if after >= upto {
		return nil
	}
	err := l.Read(ctx, after, func(batch []store.Entry) error {
		for i := range batch {
			if err := ctx.Err(); err != nil {
				return err
			}
			if err := fn(&batch[i]); err != nil {
				return err
			}
			if batch[i].Seq == upto {
				return errEnough
			}
		}
		return nil
	})
	if errors.Is(err, errEnough) {
		return nil
	}
	return err
}
