package log

import (
	"errors"
	"slices"
	"sync"

	"reddot/events"
	"reddot/projector/log/pull"
	"reddot/projector/store"
)

// MaxBatch bounds the commands between the reader and the fold, and so those
// of one commit. A fold that keeps up takes what has come, which is few. One
// that is behind takes many at once, so that a row which many commands change is
// encoded and written once for all of them: 16,384 are folded a tenth faster
// than 4,096, and take some hundred milliseconds.
const MaxBatch = 16_384

// intake decodes commands on the reader's goroutine and hands them to the
// fold in batches: one is filled while the other is folded. A full batch
// holds the reader up, which makes JetStream hold back.
type intake struct {
	subjects events.Subjects
	decoder  events.Decoder

	mu             sync.Mutex
	ready          sync.Cond // filling has become non-empty, or non-full, or closed
	closed         bool
	err            error      // why it was closed; nil if by its user
	newest         events.Seq // of what came in
	filling, spare []store.Entry
}

// newIntake returns an intake of the commands after a seq.
func newIntake(s events.Subjects, after events.Seq) *intake {
	in := &intake{subjects: s, newest: after}
	in.ready.L = &in.mu
	return in
}

// put decodes one message of the stream. Once closed it says so.
func (in *intake) put(msg *pull.Message) error {
	in.mu.Lock()
	defer in.mu.Unlock()
	for len(in.filling) == MaxBatch && !in.closed {
		in.ready.Wait()
	}
	if in.closed {
		return errClosed
	}
	in.newest = events.Seq(msg.Seq)
	// The entry keeps the room of the one that stood there before.
	in.filling = slices.Grow(in.filling, 1)[:len(in.filling)+1]
	in.decode(&in.filling[len(in.filling)-1], in.newest, events.Time(msg.Time().UnixMilli()), msg.Subject, msg.Data)
	in.ready.Signal()
	return nil
}

// errClosed ends a reading that nobody wants any more.
var errClosed = errors.New("the intake is closed")

func (in *intake) decode(e *store.Entry, seq events.Seq, at events.Time, subject string, payload []byte) {
	e.Seq, e.Time, e.Subject = seq, at, subject
	e.Sum = store.Sum(subject, e.Time, payload)
	e.Invalid, e.Skipped = "", false
	target, err := in.subjects.ParseCommand(subject)
	if err == nil {
		err = in.decoder.Decode(target, payload, &e.Command)
	}
	if err != nil {
		e.Invalid = err.Error()
	}
}

// take waits for commands and returns them all; nil once closed. They are the
// caller's until the next take.
func (in *intake) take() []store.Entry {
	in.mu.Lock()
	defer in.mu.Unlock()
	for len(in.filling) == 0 && !in.closed {
		in.ready.Wait()
	}
	if in.closed {
		return nil
	}
	batch := in.filling
	in.filling, in.spare = in.spare[:0], batch
	in.ready.Broadcast()
	return batch
}

// last is the seq of the newest command that came in.
func (in *intake) last() events.Seq {
	in.mu.Lock()
	defer in.mu.Unlock()
	return in.newest
}

// full reports whether the reader waits for the fold.
func (in *intake) full() bool {
	in.mu.Lock()
	defer in.mu.Unlock()
	return len(in.filling) == MaxBatch
}

// close ends both sides.
func (in *intake) close() { in.fail(nil) }

// fail ends both sides, and says why.
func (in *intake) fail(err error) {
	in.mu.Lock()
	defer in.mu.Unlock()
	if !in.closed {
		in.closed, in.err = true, err
	}
	in.ready.Broadcast()
}

// why is what it was ended with.
func (in *intake) why() error {
	in.mu.Lock()
	defer in.mu.Unlock()
	return in.err
}
