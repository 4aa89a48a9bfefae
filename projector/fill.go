package projector

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"reddot/events"
	"reddot/projector/emit"
	"reddot/projector/store/generation"
)

// MostMissing is how many commands may be missing at the end of a log that is
// filled up without anybody confirming the number: what a power cut takes is
// seconds of commands. So many take some 100 MB.
const MostMissing = 1_000_000

// fillPiece is how many commands are on their way at a time while a log is
// filled up: enough that little is waited for, and few enough that one who ends
// it does not wait.
const fillPiece = 1_000

// fillEvery is how often it is logged how far that has come.
const fillEvery = 10 * time.Second

// AcceptCut makes it possible to go on with the log as it is. A log that ends
// too early is filled up with commands that change nothing, so that no seq, which
// is a version, is ever given twice; progress, unless nil, is told how many there
// are. Then what was made of commands that are gone is forgotten: the stored
// events, if other commands are in their place, and the store. So if a crash, or
// the end of ctx, cuts it short, a further FindCut finds the rest.
//
// Listeners who were told of a command that is gone keep what they were told
// until the conversation changes again, or they ask.
func (l *Log) AcceptCut(ctx context.Context, js jetstream.JetStream, dir string, cut *CutError, progress func(done uint64)) error {
	l.logger.Error("going on with a log that was cut", "last", cut.Last, "made", cut.Made, "by", cut.By, "missing", cut.Missing())
	if err := l.fill(ctx, js, cut, progress); err != nil {
		return err
	}
	if cut.told {
		if err := emit.Forget(ctx, js, l.subjects); err != nil {
			return err
		}
	}
	if !cut.store {
		return nil
	}
	folder, err := generation.Open(nil, dir)
	if err == nil {
		err = folder.Drop()
	}
	return err
}

// fill publishes commands that change nothing at the seqs that are missing.
func (l *Log) fill(ctx context.Context, js jetstream.JetStream, cut *CutError, progress func(uint64)) error {
	told := lostUntold
	if cut.told {
		told = lostTold
	}
	logged := time.Now()
	for last := cut.Last; last < cut.Made; {
		upto := min(last+fillPiece, cut.Made)
		err := l.fillUp(ctx, js, last, upto, told)
		if ctx.Err() != nil {
			l.logger.Warn("the log is not filled up yet: the next start with --accept-cut goes on", "missing", cut.Made-last)
			return ctx.Err()
		}
		if err != nil {
			return fmt.Errorf("fill the log after seq %d up to seq %d, in which nobody else may publish meanwhile: %w", last, cut.Made, err)
		}
		last = upto
		if progress != nil {
			progress(uint64(last - cut.Last))
		}
		if time.Since(logged) >= fillEvery || last == cut.Made {
			l.logger.Info("filling the log up", "done", last-cut.Last, "missing", cut.Made-last)
			logged = time.Now()
		}
	}
	return nil
}

// fillUp publishes one piece and waits until it is stored.
func (l *Log) fillUp(ctx context.Context, js jetstream.JetStream, last, upto events.Seq, told string) error {
	ctx, cancel := context.WithTimeoutCause(ctx, openTimeout, errors.New("no acknowledgement in time"))
	defer cancel()
	if ctx.Err() != nil {
		return ctx.Err()
	}
	var newest jetstream.PubAckFuture
	for seq := last; seq < upto; seq++ {
		msg := &nats.Msg{
			Subject: l.subjects.Command(events.Target{Verb: events.PolicySet}), Data: []byte("{}"), Header: nats.Header{headerLost: {told}},
		}
		// Each is chained to the one before, so the last one answers for all.
		future, err := js.PublishMsgAsync(msg, jetstream.WithExpectLastSequence(uint64(seq)),
			jetstream.WithRetryAttempts(0), jetstream.WithStallWait(openTimeout))
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
