package log

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"

	"github.com/nats-io/nats.go/jetstream"

	"reddot/events"
	"reddot/projector/store"
)

// ErrSkip is wrapped by the error that says of a command named to be passed over
// why it is not.
var ErrSkip = errors.New("not passed over")

// skips are the commands that are passed over. Safe for concurrent use.
type skips struct {
	mu sync.Mutex
	// Of each: whether a store has passed it over. Then every other store of the
	// log does, even if it can be read again; else only if it can't be read.
	passed map[events.Seq]bool
}

func (s *skips) add(passed bool, seqs []events.Seq) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.passed == nil {
		s.passed = map[events.Seq]bool{}
	}
	for _, seq := range seqs {
		s.passed[seq] = s.passed[seq] || passed
	}
}

func (s *skips) find(seq events.Seq) (passed, named bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	passed, named = s.passed[seq]
	return passed, named
}

func (s *skips) none() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.passed) == 0
}

// Skip names commands that the log's readers pass over if the stream has them and
// nobody can read them. A reader that can read one ends with an ErrSkip.
func (l *Log) Skip(seqs ...events.Seq) { l.skips.add(false, seqs) }

// Passed says which commands a store of the log has passed over. The log's
// readers do the same, also if they could read them.
func (l *Log) Passed(seqs ...events.Seq) { l.skips.add(true, seqs) }

// SkipUnreadable checks the commands that the operator has named for a store, before
// it goes on, and has the log pass them over.
func (l *Log) SkipUnreadable(ctx context.Context, seqs []events.Seq, at store.Position) error {
	l.Passed(at.Skipped...)
	_, last, err := l.Range(ctx)
	if err != nil {
		return err
	}
	for _, seq := range seqs {
		switch {
		case slices.Contains(at.Skipped, seq):
			continue
		case seq <= at.Applied:
			return fmt.Errorf("%w: seq %d was applied: start without --skip-seq %d", ErrSkip, seq, seq)
		case seq > last:
			return fmt.Errorf("%w: the log ends at seq %d, there is no seq %d: start without --skip-seq %d", ErrSkip, last, seq, seq)
		}
		switch _, err := l.stream.GetMsg(ctx, uint64(seq)); {
		case err == nil:
			return readable(seq)
		case !errors.Is(err, jetstream.ErrMsgNotFound):
			return fmt.Errorf("see whether seq %d can be read: %w", seq, err)
		}
		l.Skip(seq)
	}
	return nil
}

func readable(seq events.Seq) error {
	return fmt.Errorf("%w: seq %d can be read: start without --skip-seq %d", ErrSkip, seq, seq)
}

// pass puts entries that are passed over in the place of commands that a store
// has passed over before, and that can be read again. One that can be read is
// passed over for no other reason.
func (l *Log) pass(batch []store.Entry) error {
	if l.skips.none() {
		return nil
	}
	for i := range batch {
		switch passed, named := l.skips.find(batch[i].Seq); {
		case passed:
			batch[i] = skipped(batch[i].Seq, batch[i].Time)
		case named:
			return readable(batch[i].Seq)
		}
	}
	return nil
}

func skipped(seq events.Seq, at events.Time) store.Entry {
	return store.Entry{Seq: seq, Time: at, Skipped: true, Invalid: "passed over: the stream could not give it"}
}
