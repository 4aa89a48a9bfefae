package projector

import (
	"context"
	"errors"
	"fmt"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"reddot/events"
	"reddot/projector/emit"
	"reddot/projector/store"
)

// CutError says that the log lacks commands of which something was made: it ends
// before them, or it was cut before them and then written further, so that other
// commands have their seqs. It is an ErrLog.
type CutError struct {
	Last events.Seq // of the log
	Made events.Seq // something was made of the commands up to here
	By   string     // what it is, such as "the store"

	store bool // made of commands that are gone
	told  bool // other commands may have the seqs of some that events were stored of
}

func (e *CutError) Error() string {
	const advice = `restore the stream, or go on with what is left with "reddot serve --accept-cut"`
	if e.Made > e.Last {
		return fmt.Sprintf("%v: it ends at seq %d, but %s was made of the commands up to seq %d: the stream was cut, as a power cut may do with --sync 1s; %s",
			ErrLog, e.Last, e.By, e.Made, advice)
	}
	return fmt.Sprintf("%v: seq %d is not the command of which %s was made: the stream was cut before it and then written further; %s",
		ErrLog, e.Made, e.By, advice)
}

func (e *CutError) Unwrap() error { return ErrLog }

// FindCut compares the log with what was made of it: the store in use in a
// folder of stores, and the newest stored event. Made is 0 if both are of this
// log; what else was made the caller may add.
//
// The log, the events and the store reach the disk each for itself, so after a
// power cut any of them may be ahead.
func (l *Log) FindCut(ctx context.Context, js jetstream.JetStream, dir string) (*CutError, error) {
	if err := l.recognise(ctx, dir); err != nil {
		return nil, err
	}
	applied, err := appliedIn(dir, l.identity)
	if err != nil {
		return nil, err
	}
	newest, err := emit.FindNewest(ctx, js, l.subjects, l.identity.String())
	if err != nil {
		return nil, err
	}
	_, last, err := l.Range(ctx) // after what was made of it, which may go on
	if err != nil {
		return nil, err
	}
	cut := &CutError{Last: last}
	return cut, errors.Join(cut.addStore(ctx, l, applied), cut.addEvents(ctx, l, newest))
}

// Add adds what else was made of commands that the log lacks.
func (e *CutError) Add(by string, made events.Seq) {
	if made > e.Made {
		e.Made, e.By = made, by
	}
}

func (e *CutError) addStore(ctx context.Context, log *Log, at store.Position) (err error) {
	if e.store = at.Applied > e.Last; !e.store {
		e.store, _, err = log.replaced(ctx, at.Applied, at.Last)
	}
	if e.store {
		e.Add("the store", at.Applied)
	}
	return err
}

func (e *CutError) addEvents(ctx context.Context, log *Log, newest emit.Newest) error {
	if newest.At > e.Last {
		e.Add("the newest event", newest.At)
		// A command that is younger than the event took a lost one's seq.
		youngest, err := log.TimeOf(ctx, e.Last)
		e.told = youngest.After(newest.Time)
		return err
	}
	other, lost, err := log.replaced(ctx, newest.At, newest.Sum)
	if e.told = other && !lost; e.told {
		e.Add("the newest event", newest.At)
	}
	return err
}

// appliedIn is the position of the store in use in a folder, zero if it is of
// another log or can't be read: Open sees to that.
func appliedIn(dir string, id store.Identity) (store.Position, error) {
	info, err := inspectCurrent(dir)
	if err != nil || info.Identity.Stream != id.Stream || !info.Identity.Created.Equal(id.Created) {
		return store.Position{}, err
	}
	return info.Position, nil
}

// AcceptCut makes it possible to go on with the log as it is. What was made of
// commands that are gone is forgotten: the store, and the stored events if other
// commands are in their place. A log that ends too early is filled up with
// commands that change nothing, so that no seq, which is a version, is ever
// given twice. Where a crash cuts it short, a further FindCut finds the rest.
//
// Listeners who were told of a command that is gone keep what they were told
// until the conversation changes again, or they ask.
func (l *Log) AcceptCut(ctx context.Context, js jetstream.JetStream, dir string, cut *CutError) error {
	l.logger.Error("going on with a log that was cut", "last", cut.Last, "made", cut.Made, "by", cut.By)
	if cut.store {
		folder, err := store.OpenFolder(nil, dir)
		if err == nil {
			err = folder.Drop()
		}
		if err != nil {
			return err
		}
	}
	if cut.told {
		if err := emit.Forget(ctx, js, l.subjects); err != nil {
			return err
		}
	}
	if cut.Made <= cut.Last {
		return nil
	}
	return l.fill(ctx, js, cut.Last, cut.Made)
}

// fill publishes commands that change nothing at the seqs after last up to upto.
func (l *Log) fill(ctx context.Context, js jetstream.JetStream, last, upto events.Seq) error {
	var newest jetstream.PubAckFuture
	for seq := last; seq < upto; seq++ {
		msg := &nats.Msg{
			Subject: l.subjects.Command(events.Target{Verb: events.PolicySet}), Data: []byte("{}"), Header: nats.Header{headerLost: {"1"}},
		}
		// Each is chained to the one before, so the last one answers for all.
		future, err := js.PublishMsgAsync(msg, jetstream.WithExpectLastSequence(uint64(seq)),
			jetstream.WithRetryAttempts(0), jetstream.WithStallWait(openTimeout))
		if err != nil {
			return fmt.Errorf("fill the log at seq %d: %w", seq+1, err)
		}
		newest = future
	}
	select {
	case <-newest.Ok():
		return nil
	case err := <-newest.Err():
		return fmt.Errorf("fill the log up to seq %d, in which nobody else may publish meanwhile: %w", upto, err)
	case <-ctx.Done():
		return ctx.Err()
	}
}
