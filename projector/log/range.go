package log

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"reddot/events"
	"reddot/projector/log/pull"
)

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

// Opened is the range of the log when it was last asked for, at the latest when it was
// opened; see Range.
func (l *Log) Opened() (first, last events.Seq) { return bounds(l.stream.CachedInfo().State) }

// WaitRange is Range that asks until the server answers or ctx ends: a server that is
// away comes back. A stream that is gone does not.
func (l *Log) WaitRange(ctx context.Context) (first, last events.Seq, err error) {
	for {
		first, last, err = l.Range(ctx)
		switch {
		case err == nil:
			return first, last, nil
		case errors.Is(err, jetstream.ErrStreamNotFound):
			return 0, 0, l.gone()
		case ctx.Err() != nil:
			return 0, 0, ctx.Err()
		}
		l.logger.Warn("waiting for the NATS server", "error", err)
		if err := l.wait(ctx); err != nil {
			return 0, 0, err
		}
	}
}

// askAgain is how long a server that can't be asked is let alone.
const askAgain = 500 * time.Millisecond

// wait waits before a server is asked again.
func (l *Log) wait(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(askAgain):
		return nil
	}
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

// messagesWait is how long messages are waited for until one is asked for by itself.
const messagesWait = 2 * time.Second

// Messages calls fn with each command from a seq on, as far as upto, as the stream has it,
// whatever it holds; nil: it is not there, or can't be read. About so many bytes are on their
// way at a time. An fn that has enough returns pull.ErrEnough.
func (l *Log) Messages(ctx context.Context, from, upto events.Seq, bytes int, fn func(events.Seq, *pull.Message) error) error {
	next := from
	missing := func(until events.Seq) (err error) {
		for ; next < until && err == nil; next++ {
			err = fn(next, nil)
		}
		return err
	}
	var over error // what fn has returned
	each := func(m *pull.Message) error {
		if over = missing(events.Seq(m.Seq)); over == nil {
			over = fn(next, m)
			next++
		}
		return over
	}
	for next <= upto && over == nil {
		reading, end := context.WithTimeout(ctx, messagesWait)
		err := l.stream.Read(reading, pull.Options{From: uint64(next), Upto: uint64(upto), Batch: int(upto-next) + 1, Bytes: bytes}, each)
		end()
		switch {
		case over != nil:
		case err == nil:
			over = missing(upto + 1)
		case ctx.Err() != nil || !errors.Is(err, context.DeadlineExceeded):
			return fmt.Errorf("read command %d: %w", next, err)
		default: // maybe one that no consumer delivers
			if over, err = l.message(ctx, next, each, missing); err != nil {
				return err
			}
		}
	}
	if errors.Is(over, pull.ErrEnough) {
		return nil
	}
	return over
}

// message reads one command by itself.
func (l *Log) message(ctx context.Context, seq events.Seq, each func(*pull.Message) error, missing func(events.Seq) error) (over, err error) {
	msg, err := l.stream.GetMsg(ctx, uint64(seq))
	switch {
	case errors.Is(err, jetstream.ErrMsgNotFound):
		return missing(seq + 1), nil
	case err != nil:
		return nil, fmt.Errorf("read command %d: %w", seq, err)
	}
	return each(&pull.Message{Seq: msg.Sequence, At: msg.Time.UnixNano(), Subject: msg.Subject, Data: msg.Data}), nil
}
