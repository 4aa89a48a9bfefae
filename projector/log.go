package projector

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"reddot/events"
	"reddot/projector/log/pull"
	"reddot/projector/store"
)

// Log is the command stream as a projection reads it: whole and in order, or
// not at all. Safe for concurrent use.
type Log struct {
	stream   Stream
	subjects events.Subjects
	identity events.StreamID
	created  time.Time // the stream: another one has another time
	logger   *slog.Logger
	skips    skips
}

// Identity tells this log from any other, also from one of the same name.
func (l *Log) Identity() events.StreamID { return l.identity }

// Range asks for the seqs of the first and the last command. A log from which
// everything was trimmed, or which is still empty, has first = last+1.
func (l *Log) Range(ctx context.Context) (first, last events.Seq, err error) {
	info, err := l.stream.Info(ctx)
	if err != nil {
		return 0, 0, fmt.Errorf("ask for the range of %s: %w", l.identity.Name, err)
	}
	first, last = bounds(info.State)
	return first, last, nil
}

func bounds(state jetstream.StreamState) (first, last events.Seq) {
	last = events.Seq(state.LastSeq)
	if state.Msgs == 0 {
		return last + 1, last
	}
	return events.Seq(state.FirstSeq), last
}

// TimeOf is when the stream took a command in; zero for seq 0, and for one that
// was trimmed.
func (l *Log) TimeOf(ctx context.Context, seq events.Seq) (time.Time, error) {
	if seq == 0 {
		return time.Time{}, nil
	}
	msg, err := l.stream.GetMsg(ctx, uint64(seq))
	if errors.Is(err, jetstream.ErrMsgNotFound) {
		return time.Time{}, nil
	}
	if err != nil {
		return time.Time{}, fmt.Errorf("read command %d: %w", seq, err)
	}
	return msg.Time, nil
}

// Trim removes the commands up to a seq from the stream, for ever.
func (l *Log) Trim(ctx context.Context, upto events.Seq) error {
	if err := l.stream.Purge(ctx, jetstream.WithPurgeSequence(uint64(upto)+1)); err != nil {
		return fmt.Errorf("trim %s up to seq %d: %w", l.identity.Name, upto, err)
	}
	return nil
}

// Before is the seq of the last command that the stream took in before a time.
func (l *Log) Before(ctx context.Context, at time.Time) (events.Seq, error) {
	first, last, err := l.Range(ctx)
	if err != nil || first > last {
		return last, err
	}
	newest, err := l.TimeOf(ctx, last)
	if err != nil || newest.Before(at) {
		return last, err
	}
	ctx, cancel := context.WithTimeout(ctx, beforeWait)
	defer cancel()
	var found events.Seq
	err = l.stream.Read(ctx, pull.Options{Since: at, HeadersOnly: true, Batch: 1}, func(m *pull.Message) error {
		found = events.Seq(m.Seq)
		return pull.ErrEnough
	})
	if err != nil {
		return 0, fmt.Errorf("find the command at %s: %w", at, err)
	}
	return found - 1, nil
}

// beforeWait is how long the first command at or after a time is waited for,
// which is there.
const beforeWait = 5 * time.Second

// check says what is wrong with the stream for a store at a position: it is
// gone or another one, its configuration has drifted, it ends before the
// position or begins after it, or holds another command there. An error that is
// no ErrLog says that it can't be asked: whoever reads waits for it.
func (l *Log) check(ctx context.Context, at store.Position) error {
	info, err := l.stream.Info(ctx)
	switch {
	case errors.Is(err, jetstream.ErrStreamNotFound):
		return fmt.Errorf("%w: stream %s is gone", ErrLog, l.identity.Name)
	case err != nil:
		return err
	}
	if !info.Created.Equal(l.created) {
		return fmt.Errorf("%w: stream %s was deleted and made again", ErrLog, l.identity.Name)
	}
	first, last := bounds(info.State)
	if err := errors.Join(checkStream(l.subjects, info.Config), checkRange(at.Applied, first, last)); err != nil {
		return err
	}
	return l.checkLast(ctx, at)
}

// checkLast compares the command at a store's position with the one that it
// applied: a log that was restored from a backup and then written further may
// have the same seqs and other commands.
func (l *Log) checkLast(ctx context.Context, at store.Position) error {
	other, _, err := l.replaced(ctx, at.Applied, at.Last)
	if err == nil && other {
		err = &CutError{Last: at.Applied, Made: at.Applied, By: "the store"}
	}
	return err
}

// headerLost marks a command that changes nothing and stands where AcceptCut
// found one lost. It says whether events may tell of other commands at such seqs.
const (
	headerLost = "Reddot-Lost"
	lostUntold = "1"
	lostTold   = "told"
)

// replaced reports whether another command is at a seq than that with a sum, and
// what its headerLost says. Not if that is not known: the sum is 0, or the command
// was trimmed.
func (l *Log) replaced(ctx context.Context, seq events.Seq, sum uint64) (other bool, lost string, err error) {
	if seq == 0 || sum == 0 {
		return false, "", nil
	}
	msg, err := l.stream.GetMsg(ctx, uint64(seq))
	if errors.Is(err, jetstream.ErrMsgNotFound) {
		return false, "", nil
	}
	if err != nil {
		return false, "", fmt.Errorf("read command %d: %w", seq, err)
	}
	other = store.Sum(msg.Subject, events.Time(msg.Time.UnixMilli()), msg.Data) != sum
	return other, l.lostMark(msg), nil
}

// lostMark is what the headerLost of a command says; empty for one that AcceptCut
// can't have published.
func (l *Log) lostMark(msg *jetstream.RawStreamMsg) string {
	if msg.Subject != l.subjects.Command(events.Target{Verb: events.PolicySet}) {
		return ""
	}
	return msg.Header.Get(headerLost)
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
