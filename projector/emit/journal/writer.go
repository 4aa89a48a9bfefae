package journal

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// Bounds of what is sent and not yet acknowledged: in messages, of which a
// writer that takes over has to write as many first (see fence), and in bytes, to
// keep memory bounded when events are large.
const (
	Window          = 512
	maxPendingBytes = 8 << 20
)

// AckTimeout is how long a message may wait for its acknowledgement; the
// JetStream context that a writer is given should let go of it then. Long
// before, after ackPatience, the writer looks whether the message is stored, and
// sends it again: what a server had that is gone is not answered. retryWait is how
// long the writer rests before it looks again.
const (
	AckTimeout  = 5 * time.Second
	ackPatience = time.Second
	retryWait   = 100 * time.Millisecond
)

// ErrFenced says that another writer has written to the event stream.
var ErrFenced = errors.New("another emitter has written to the event stream")

// ErrLost says that nobody knows which of the messages on their way are
// stored.
var ErrLost = errors.New("it is not known what is stored")

// Parcel is what a message carries.
type Parcel interface {
	// Landed is called when the message is stored.
	Landed()
}

// sent is a message on its way. It may be sent again: to the same place in the
// stream, or to a later one if another message was seen in that place.
type sent struct {
	msg    *nats.Msg
	seq    uint64 // its place in the event stream
	future Future // nil: it could not be sent
	parcel Parcel // nil: none
	blank  bool   // it only keeps the place before another one
}

// Writer appends to the event stream. Each message names the sequence that must
// be the last one when it comes, and is sealed for the place behind that. No two
// messages of a writer ever have the same place: so it does not matter in which
// order what was sent arrives, how often, or how late. It is for one goroutine.
//
// Invariant: every place after the stream's end and before next is that of a
// message in pending, of which there are at most window. So no message of the
// writer can be stored once the stream has grown by window messages of others.
type Writer struct {
	j       *Journal
	sealer  *sealer
	stored  func()
	restate func(*nats.Msg)

	next    uint64 // the first place that no message has had
	pending []sent // not yet known to be stored, by place
	bytes   int    // of pending
	stuck   bool   // what is pending was sent again, and nothing was stored since
	driven  int    // how often in a row all that was sent has lost its places

	patience time.Duration // with an acknowledgement that does not come; 0: ackPatience
}

// Writer returns a writer behind the end that Claim has returned. stored is called
// after parcels have landed; restate brings up to date what the headers of a message
// say that is sent again behind others.
func (j *Journal) Writer(end Tail, stored func(), restate func(*nats.Msg)) *Writer {
	return &Writer{j: j, sealer: j.ends.sealer, stored: stored, restate: restate, next: end.Last + 1}
}

// Next is the first place that no message has had.
func (w *Writer) Next() uint64 { return w.next }

// Pending is how many messages are not yet known to be stored; the window bounds it.
func (w *Writer) Pending() int { return len(w.pending) }

// Send appends a message, of which parcel learns when it is stored (nil: nobody). It
// blocks while too much is unacknowledged. Errors: ErrFenced, ErrLost, ErrTooLarge,
// ErrGone, ErrKey.
func (w *Writer) Send(ctx context.Context, msg *nats.Msg, parcel Parcel) error {
	for len(w.pending) > 0 && (len(w.pending) >= w.j.cfg.Window || w.bytes+len(msg.Data) > maxPendingBytes) {
		if err := w.settle(ctx, 1); err != nil {
			return err
		}
	}
	w.pending = append(w.pending, sent{msg: msg, parcel: parcel})
	s := &w.pending[len(w.pending)-1]
	w.place(s)
	w.bytes += len(msg.Data)
	return w.publish(ctx, s)
}

// Wait waits until wake gives something, or a message is stored, while there are
// messages that are Pending. It takes the acknowledgements that are there.
func (w *Writer) Wait(ctx context.Context, wake <-chan struct{}) error {
	future := w.pending[0].future
	select {
	case <-wake:
		return w.Poll(ctx)
	case ack := <-future.Ok():
		if err := w.confirm(ctx, ack); err != nil {
			return err
		}
		return w.Poll(ctx)
	case err := <-future.Err():
		return w.recover(ctx, err)
	case <-time.After(w.wait()):
		return w.recover(ctx, w.unanswered())
	case <-ctx.Done():
		return ctx.Err()
	}
}

// place gives a message the next place.
func (w *Writer) place(s *sent) {
	s.seq = w.next
	w.sealer.bind(s.seq, s.msg)
	w.next++
}

func (w *Writer) publish(ctx context.Context, s *sent) error {
	var err error
	s.future, err = w.j.stream.Append(s.msg)
	if errors.Is(err, ErrTooLarge) {
		return fmt.Errorf("store an event of %d bytes: set the server's max_payload to %d or more: %w", len(s.msg.Data), LeastPayload, err)
	}
	if err != nil {
		return w.recover(ctx, err)
	}
	return nil
}

// Poll takes the acknowledgements that are there.
func (w *Writer) Poll(ctx context.Context) error {
	for len(w.pending) > 0 {
		select {
		case ack := <-w.pending[0].future.Ok():
			if err := w.confirm(ctx, ack); err != nil {
				return err
			}
		case err := <-w.pending[0].future.Err():
			if err := w.recover(ctx, err); err != nil {
				return err
			}
		default:
			return nil
		}
	}
	return nil
}

// errUnanswered says that an acknowledgement has not come.
var errUnanswered = errors.New("no acknowledgement in time")

// wait is how long the oldest message may go unanswered.
func (w *Writer) wait() time.Duration { return max(w.patience, ackPatience) }

// unanswered has the writer wait longer the next time, until something is stored.
func (w *Writer) unanswered() error {
	w.patience = min(2*w.wait(), AckTimeout)
	return errUnanswered
}

// settle waits for the acknowledgement of the n oldest messages.
func (w *Writer) settle(ctx context.Context, n int) error {
	timeout := time.NewTimer(w.wait())
	defer timeout.Stop()
	for target := len(w.pending) - n; len(w.pending) > max(target, 0); {
		var err error
		select {
		case ack := <-w.pending[0].future.Ok():
			if err := w.confirm(ctx, ack); err != nil {
				return err
			}
			continue
		case err = <-w.pending[0].future.Err():
		case <-timeout.C:
			err = w.unanswered()
		case <-ctx.Done():
			return ctx.Err()
		}
		timeout.Reset(w.wait())
		if err := w.recover(ctx, err); err != nil {
			return err
		}
	}
	return nil
}

// Finish waits until all is stored, also what could not be sent when the writer was
// interrupted.
func (w *Writer) Finish(ctx context.Context) error {
	if slices.ContainsFunc(w.pending, func(s sent) bool { return s.future == nil }) {
		if err := w.recover(ctx, nil); err != nil {
			return err
		}
	}
	return w.settle(ctx, len(w.pending))
}

// confirm takes the acknowledgement of the oldest message.
func (w *Writer) confirm(ctx context.Context, ack *jetstream.PubAck) error {
	if seq := w.pending[0].seq; ack.Sequence != seq {
		return w.recover(ctx, fmt.Errorf("message %d was acknowledged as %d", seq, ack.Sequence))
	}
	s := w.pending[0]
	w.pending = w.pending[1:]
	w.land(s)
	return nil
}

// land notes that a message is stored.
func (w *Writer) land(s sent) {
	w.stuck, w.patience = false, 0
	if !s.blank {
		w.driven = 0
	}
	w.bytes -= len(s.msg.Data)
	w.j.ends.wrote(s.seq, s.msg)
	if s.parcel != nil {
		s.parcel.Landed()
	}
	w.stored()
}
