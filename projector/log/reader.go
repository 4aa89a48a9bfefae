package log

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
	"reddot/projector/store"
)

// maxReads is how often the stream is read again from a place where a command
// is missing, before the reader gives up.
const maxReads = 3

// Read calls fn with the commands after a seq, in batches, in order and
// without a gap, until ctx ends or fn returns an error; it returns that. A
// batch is fn's until it returns. Where a command is missing, the stream is
// read again, maybe from another replica; if it stays missing: an ErrNotWhole.
func (l *Log) Read(ctx context.Context, after events.Seq, fn func([]store.Entry) error) error {
	return l.Follow(ctx, after, NewReport(l.logger), fn)
}

// Report is what a reading reports of itself. NewReport makes one.
type Report struct {
	Lost  *Complaint // why it had to begin again
	Stuck *Complaint // why the next command does not come

	// Each is called on the reading's goroutines; nil: nobody wants to know.
	Heard func(time.Time)       // the server has sent something, if no more than a heartbeat
	Began func(consumer string) // of each consumer, see pull.Options
	Ended func()
}

// NewReport returns a Report that is logged.
func NewReport(logger *slog.Logger) Report {
	return Report{
		Lost:  NewComplaint("reading the command stream", logger),
		Stuck: NewComplaint("the next command does not come", logger),
	}
}

// hear notes that the server sends.
func (r *Report) hear() {
	now := time.Now()
	if r.Heard != nil {
		r.Heard(now)
	}
	r.Lost.Over(now)
}

// Follow is Read for one who wants to know how the reading fares.
func (l *Log) Follow(ctx context.Context, after events.Seq, r Report, fn func([]store.Entry) error) error {
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
			r.Stuck.Is(fmt.Errorf("seq %d: %w", after+1, err), time.Now())
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
			r.Stuck.Over(time.Now())
		}
	}
}

// readOn reads the stream once, and moves after along.
func (l *Log) readOn(ctx context.Context, after *events.Seq, r Report, fn func([]store.Entry) error) error {
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
		err := l.messages(ctx, from, r, in.put)
		if errors.Is(err, jetstream.ErrStreamNotFound) {
			err = l.gone()
		}
		in.fail(err)
	})
	reading.Go(func() { l.watchIntake(ctx, in, r.Stuck) })
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
			r.Stuck.Over(time.Now())
			if err := fn(batch[:n]); err != nil {
				return err
			}
		}
		if n < len(batch) {
			return errGap{want: *after + 1, got: batch[n].Seq}
		}
	}
}
