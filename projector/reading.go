package projector

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"reddot/events"
	"reddot/projector/log/pull"
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

// maxReads is how often the stream is read anew from a place where a command
// is missing, before the reader gives up.
const maxReads = 3

// Read calls fn with the commands after a seq, in batches, in order and
// without a gap, until ctx ends or fn returns an error; it returns that. A
// batch is fn's until it returns. Where a command is missing, the stream is
// read anew, maybe from another replica; if it stays missing: an ErrLog.
func (l *Log) Read(ctx context.Context, after events.Seq, fn func([]store.Entry) error) error {
	return l.read(ctx, after, newReport(l.logger), fn)
}

// report is what a reading tells of itself.
type report struct {
	lost  *complaint // why it had to begin again
	stuck *complaint // why the next command does not come
	heard *instant   // when it last heard of the server

	began func(consumer string) // told of each consumer, see pull.Options; nil: nobody
	ended func()
}

func newReport(logger *slog.Logger) report {
	return report{
		lost:  newComplaint("reading the command stream", logger),
		stuck: newComplaint("the next command does not come", logger),
		heard: new(instant),
	}
}

// hear notes that the server sends.
func (r *report) hear() {
	now := time.Now()
	r.heard.set(now)
	r.lost.over(now)
}

func (l *Log) read(ctx context.Context, after events.Seq, r report, fn func([]store.Entry) error) error {
	reads, at := 0, events.Seq(0)
	for {
		err := l.readOn(ctx, &after, r, fn)
		var gap errGap
		stalled := errors.Is(err, errStalled)
		if !stalled && !errors.As(err, &gap) {
			return err
		}
		passed, named := l.skips.find(after + 1)
		if !passed {
			r.stuck.is(fmt.Errorf("seq %d: %w", after+1, err), time.Now())
		}
		if reads++; after+1 != at {
			reads, at = 1, after+1
		}
		if reads < maxReads && !named {
			continue
		}
		before := after
		if err := l.readOne(ctx, &after, err, reads, fn); err != nil {
			return err
		}
		if after > before {
			r.stuck.over(time.Now())
		}
	}
}

// incomplete is the error of a command that stays missing.
func incomplete(err error, seq events.Seq, reads int) error {
	return fmt.Errorf("%w: %w, %d times: it is missing or damaged; restore the stream, or a replica of it. "+
		"To go on without this one command, whatever it did, name it with --skip-seq %d; a store that is built anew needs that again", ErrLog, err, reads, seq)
}

// readOn reads the stream once, and moves after along.
func (l *Log) readOn(ctx context.Context, after *events.Seq, r report, fn func([]store.Entry) error) error {
	ctx, cancel := context.WithCancel(ctx)
	in := newIntake(l.subjects, *after)
	var reading sync.WaitGroup
	defer func() {
		cancel()
		in.close() // the reader may be waiting for room
		reading.Wait()
	}()
	defer context.AfterFunc(ctx, in.close)()
	from := uint64(*after) + 1
	reading.Go(func() {
		err := l.stream.Read(ctx, pull.Options{From: from, Lost: func(err error) { r.lost.is(err, time.Now()) }, Heard: r.hear, Began: r.began, Ended: r.ended}, in.put)
		if errors.Is(err, jetstream.ErrStreamNotFound) {
			err = fmt.Errorf("%w: stream %s is gone", ErrLog, l.identity.Name)
		}
		in.fail(err)
	})
	reading.Go(func() { l.watchIntake(ctx, in, r.stuck) })
	for {
		batch := in.take()
		if batch == nil {
			return cmp.Or(in.why(), ctx.Err())
		}
		if err := l.pass(batch); err != nil {
			return err
		}
		n := 0
		for n < len(batch) && batch[n].Seq == *after+1 {
			n++
			*after++
		}
		if n > 0 {
			r.stuck.over(time.Now())
			if err := fn(batch[:n]); err != nil {
				return err
			}
		}
		if n < len(batch) {
			return errGap{want: *after + 1, got: batch[n].Seq}
		}
	}
}

// askAgain is how long a server that can't be asked is let alone.
const askAgain = 500 * time.Millisecond

// patiently asks the server until it answers or ctx ends: a server that is away
// comes back. A stream that is gone does not.
func patiently[V any](ctx context.Context, l *Log, ask func() (V, error)) (V, error) {
	for {
		v, err := ask()
		switch {
		case err == nil:
			return v, nil
		case errors.Is(err, jetstream.ErrStreamNotFound):
			return v, fmt.Errorf("%w: stream %s is gone", ErrLog, l.identity.Name)
		case ctx.Err() != nil:
			return v, ctx.Err()
		}
		l.logger.Warn("waiting for the NATS server", "error", err)
		select {
		case <-ctx.Done():
			return v, ctx.Err()
		case <-time.After(askAgain):
		}
	}
}
