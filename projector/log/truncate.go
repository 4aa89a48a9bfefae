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

// TruncatedError says that the log lacks commands from which something is derived: it
// ends before them, or it was truncated before them and then written further, so that
// other commands have their seqs. It is an ErrNotWhole.
type TruncatedError struct {
	Last    events.Seq // of the log
	Derived events.Seq // something is derived from the commands up to here; 0: from none that is missing
	By      string     // what it is, such as "the store"

	Store  bool // the store is derived from commands that are gone
	Events bool // other commands may have the seqs of some that events are derived from
}

func (e *TruncatedError) Error() string {
	advice := `restore the stream, or go on with what is left with "reddot serve --accept-truncation"`
	if n := e.Missing(); n > MostMissing {
		advice = fmt.Sprintf(`restore the stream, or, if it is true that %d commands are missing, go on with what is left with "reddot serve --accept-truncation=%d"`, n, n)
	}
	if e.Derived > e.Last {
		return fmt.Sprintf("%v: it ends at seq %d, but %s was made of the commands up to seq %d: the stream was cut, as a power cut may do with --sync 1s; %s",
			ErrNotWhole, e.Last, e.By, e.Derived, advice)
	}
	return fmt.Sprintf("%v: seq %d is not the command of which %s was made: the stream was cut before it and then written further; %s",
		ErrNotWhole, e.Derived, e.By, advice)
}

func (e *TruncatedError) Unwrap() error { return ErrNotWhole }

// Missing is how many commands are missing at the end of the log, whose seqs
// must not be given again.
func (e *TruncatedError) Missing() uint64 {
	if e.Derived <= e.Last {
		return 0
	}
	return uint64(e.Derived - e.Last)
}

// Add adds what else is derived from commands that the log lacks.
func (e *TruncatedError) Add(by string, derived events.Seq) {
	if derived > e.Derived {
		e.Derived, e.By = derived, by
	}
}

// Derived is what is derived from a log; the zero value is nothing.
type Derived struct {
	Store store.Position
	Event Event
}

// Event is the newest stored event.
type Event struct {
	Place uint64     // sequence of the event in its stream
	At    events.Seq // of the command that it shows; 0: no event is stored
	Sum   uint64     // store.Entry.Sum of that command; 0: not known
	Time  time.Time  // at which the stream took the event in
}

// FindTruncation compares the log with what is derived from it. Derived of what it
// returns is 0 if the log has all of that; what else is derived the caller may add.
//
// The log, the events and the store reach the disk each for itself, so after a
// power cut any of them may be ahead.
func (l *Log) FindTruncation(ctx context.Context, d Derived) (*TruncatedError, error) {
	_, last, err := l.Range(ctx) // after d was found, which may go on
	if err != nil {
		return nil, err
	}
	t := &TruncatedError{Last: last}
	return t, errors.Join(l.compareStore(ctx, t, d.Store), l.compareEvent(ctx, t, d.Event))
}

func (l *Log) compareStore(ctx context.Context, t *TruncatedError, at store.Position) (err error) {
	if t.Store = at.Applied > t.Last; !t.Store {
		t.Store, _, err = l.replaced(ctx, at.Applied, at.Last)
	}
	if t.Store {
		t.Add("the store", at.Applied)
	}
	return err
}

func (l *Log) compareEvent(ctx context.Context, t *TruncatedError, newest Event) error {
	by := fmt.Sprintf("the newest event, %d of %s,", newest.Place, l.subjects.EventStream())
	if newest.At > t.Last {
		t.Add(by, newest.At)
		var err error
		t.Events, err = l.writtenOn(ctx, t.Last, newest.Time)
		return err
	}
	other, lost, err := l.replaced(ctx, newest.At, newest.Sum)
	if t.Events = other && lost != lostUnseen; t.Events {
		t.Add(by, newest.At)
	}
	return err
}

// writtenOn reports whether the log was written further after it was truncated: its
// last command, as it was found, is younger than an event of one that is gone, so
// it took a lost one's seq. Where Fill has begun to fill the log up, it has noted
// that.
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
		return lost == lostSeen, nil
	}
	return msg.Time.After(event), nil
}

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
