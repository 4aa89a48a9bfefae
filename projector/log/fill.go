package log

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"reddot/events"
)

// MostMissing is how many commands may be missing at the end of a log that is
// filled up without anybody confirming the number: what a power cut takes is
// seconds of commands. So many take some 100 MB.
const MostMissing = 1_000_000

// fillPiece is how many commands are on their way at a time while a log is
// filled up: enough that little is waited for, and few enough that one who ends
// it does not wait.
const fillPiece = 1_000

// fillTimeout bounds how long one piece may take until it is stored.
const fillTimeout = 10 * time.Second

// fillEvery is how often it is logged how far that has come.
const fillEvery = 10 * time.Second

// Fill publishes commands that change nothing at the seqs that are missing, so that no
// seq, which is a version, is ever given twice; progress, unless nil, is called with
// how many there are. Nobody else may publish meanwhile. If a crash, or the end of ctx,
// interrupts it, a further FindTruncation finds the rest.
func (l *Log) Fill(ctx context.Context, js jetstream.JetStream, t *TruncatedError, progress func(done uint64)) error {
	if err := l.noteCut(ctx, js, t); err != nil {
		return err
	}
	l.logger.Error("going on with a log that was cut", "last", t.Last, "made", t.Derived, "by", t.By, "missing", t.Missing())
	seen := lostUnseen
	if t.Events {
		seen = lostSeen
	}
	logged := time.Now()
	for last := t.Last; last < t.Derived; {
		upto := min(last+fillPiece, t.Derived)
		err := l.fillUp(ctx, js, last, upto, seen)
		if ctx.Err() != nil {
			l.logger.Warn("the log is not filled up yet: the next start with --accept-truncation goes on", "missing", t.Derived-last)
			return ctx.Err()
		}
		if err != nil {
			return fmt.Errorf("fill the log after seq %d up to seq %d, in which nobody else may publish meanwhile: %w", last, t.Derived, err)
		}
		last = upto
		if progress != nil {
			progress(uint64(last - t.Last))
		}
		if time.Since(logged) >= fillEvery || last == t.Derived {
			l.logger.Info("filling the log up", "done", last-t.Last, "missing", t.Derived-last)
			logged = time.Now()
		}
	}
	return nil
}

// fillUp publishes one piece and waits until it is stored.
func (l *Log) fillUp(ctx context.Context, js jetstream.JetStream, last, upto events.Seq, seen string) error {
	ctx, cancel := context.WithTimeoutCause(ctx, fillTimeout, errors.New("no acknowledgement in time"))
	defer cancel()
	if ctx.Err() != nil {
		return ctx.Err()
	}
	var newest jetstream.PubAckFuture
	for seq := last; seq < upto; seq++ {
		msg := &nats.Msg{
			Subject: l.subjects.Command(events.Target{Verb: events.PolicySet}), Data: []byte("{}"), Header: nats.Header{headerLost: {seen}},
		}
		// Each is chained to the one before, so the last one answers for all.
		future, err := js.PublishMsgAsync(msg, jetstream.WithExpectLastSequence(uint64(seq)),
			jetstream.WithRetryAttempts(0), jetstream.WithStallWait(fillTimeout))
		if err != nil {
			return err
		}
		newest = future
	}
	select {
	case <-newest.Ok():
		return nil
	case err := <-newest.Err():
		return err
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// headerLost marks a command that changes nothing and stands where Fill
// found one lost. It says whether events may show other commands at such seqs.
const (
	headerLost = "Reddot-Lost"
	lostUnseen = "1"
	lostSeen   = "told"
)

// lostMark is what the headerLost of a command says; empty for one that Fill
// can't have published.
func (l *Log) lostMark(msg *jetstream.RawStreamMsg) string {
	if msg.Subject != l.subjects.Command(events.Target{Verb: events.PolicySet}) {
		return ""
	}
	return msg.Header.Get(headerLost)
}
