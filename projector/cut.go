package projector

import (
	"context"
	"errors"
	"fmt"
	"time"

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
	advice := `restore the stream, or go on with what is left with "reddot serve --accept-cut"`
	if n := e.Missing(); n > MostMissing {
		advice = fmt.Sprintf(`restore the stream, or, if it is true that %d commands are missing, go on with what is left with "reddot serve --accept-cut=%d"`, n, n)
	}
	if e.Made > e.Last {
		return fmt.Sprintf("%v: it ends at seq %d, but %s was made of the commands up to seq %d: the stream was cut, as a power cut may do with --sync 1s; %s",
			ErrLog, e.Last, e.By, e.Made, advice)
	}
	return fmt.Sprintf("%v: seq %d is not the command of which %s was made: the stream was cut before it and then written further; %s",
		ErrLog, e.Made, e.By, advice)
}

func (e *CutError) Unwrap() error { return ErrLog }

// Missing is how many commands are missing at the end of the log, whose seqs
// must not be given again.
func (e *CutError) Missing() uint64 {
	if e.Made <= e.Last {
		return 0
	}
	return uint64(e.Made - e.Last)
}

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
	by := fmt.Sprintf("the newest event, %d of %s,", newest.Place, log.subjects.EventStream())
	if newest.At > e.Last {
		e.Add(by, newest.At)
		var err error
		e.told, err = log.writtenOn(ctx, e.Last, newest.Time)
		return err
	}
	other, lost, err := log.replaced(ctx, newest.At, newest.Sum)
	if e.told = other && lost != lostUntold; e.told {
		e.Add(by, newest.At)
	}
	return err
}

// writtenOn reports whether the log was written further after it was cut: its
// last command, as it was found, is younger than an event of one that is gone, so
// it took a lost one's seq. Where AcceptCut has begun to fill the log up, it has
// noted that.
func (l *Log) writtenOn(ctx context.Context, last events.Seq, event time.Time) (bool, error) {
	if last == 0 {
		return false, nil
	}
	msg, err := l.stream.GetMsg(ctx, uint64(last))
	if errors.Is(err, jetstream.ErrMsgNotFound) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("read command %d: %w", last, err)
	}
	if lost := l.lostMark(msg); lost != "" {
		return lost == lostTold, nil
	}
	return msg.Time.After(event), nil
}

// appliedIn is the position of the store in use in a folder, zero if it is of
// another log or can't be read: Open sees to that.
func appliedIn(dir string, id events.StreamID) (store.Position, error) {
	info, err := inspectCurrent(dir)
	if err != nil || info.Identity.Name != id.Name || !info.Identity.Created.Equal(id.Created) {
		return store.Position{}, err
	}
	return info.Position, nil
}
