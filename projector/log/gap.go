package log

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"reddot/events"
	"reddot/projector/store"
)

// errGap says that the stream went on with another seq than the next one, or
// with none (0).
type errGap struct{ want, got events.Seq }

func (e errGap) Error() string {
	switch {
	case e.got == 0:
		return fmt.Sprintf("seq %d is in the stream, and can't be read", e.want)
	case e.got < e.want:
		return fmt.Sprintf("seq %d came again where seq %d was due", e.got, e.want)
	}
	return fmt.Sprintf("seq %d came where seq %d was due", e.got, e.want)
}

// incomplete is the error of a command that stays missing.
func incomplete(err error, seq events.Seq, reads int) error {
	return fmt.Errorf("%w: %w, %d times: it is missing or damaged; restore the stream, or a replica of it. "+
		"To go on without this one command, whatever it did, name it with --skip-seq %d; a store that is built anew needs that again", ErrNotWhole, err, reads, seq)
}

// readOne reads the command after a seq by itself, which did not come in some
// readings, and why: no consumer delivers it, or the stream can't read it. One that
// can't be read is passed over if that is wanted; else it is an ErrNotWhole.
func (l *Log) readOne(ctx context.Context, after *events.Seq, why error, reads int, fn func([]store.Entry) error) error {
	seq := *after + 1
	entry, err := l.get(ctx, seq)
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case errors.Is(err, jetstream.ErrMsgNotFound):
		first, last, err := l.Range(ctx)
		if err != nil {
			return l.wait(ctx) // it is read again
		}
		passed, named := l.skips.find(seq)
		if !named || seq < first || seq > last {
			return incomplete(why, seq, reads)
		}
		entry = skipped(seq, events.Time(time.Now().UnixMilli()))
		if !passed {
			l.logger.Error("command passed over, as --skip-seq says: whatever it did is lost", "seq", seq, "reason", why)
			l.Passed(seq)
		}
	case err != nil:
		return l.wait(ctx)
	}
	batch := []store.Entry{entry}
	if err := l.pass(batch); err != nil {
		return err
	}
	if err := fn(batch); err != nil {
		return err
	}
	*after = seq
	return nil
}

// get reads one command.
func (l *Log) get(ctx context.Context, seq events.Seq) (e store.Entry, err error) {
	msg, err := l.stream.GetMsg(ctx, uint64(seq))
	if err != nil {
		return e, err
	}
	newIntake(l.subjects, seq-1).decode(&e, seq, events.Time(msg.Time.UnixMilli()), msg.Subject, msg.Data)
	return e, nil
}
