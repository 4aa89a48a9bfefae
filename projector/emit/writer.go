package emit

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"reddot/events"
)

// Bounds of what is sent and not yet acknowledged: in messages, to keep the
// server's answer in sight, and in bytes, to keep memory bounded when events
// are large.
const (
	DefaultWindow   = 2_048
	maxPendingBytes = 8 << 20
)

// AckTimeout is how long a message may wait for its acknowledgement; the
// JetStream context that an emitter is given should let go of it then.
// retryWait is how long the writer rests before it looks again.
const (
	AckTimeout = 5 * time.Second
	retryWait  = 200 * time.Millisecond
)

// errFenced says that another writer has written to the event stream.
var errFenced = errors.New("another emitter has written to the event stream")

// sent is a message on its way. It may be sent again, but only to the same
// place in the stream.
type sent struct {
	msg    *nats.Msg
	seq    uint64 // its place in the event stream
	future Future
	done   events.Seq // all events up to here are stored with it; 0: nothing new
}

// writer appends to the event stream, each message chained to the one before
// it: by the sequence that must be the stream's last, and, as further messages
// are on their way by then, by the id of the message that must be there. It is
// for one goroutine.
type writer struct {
	log    *slog.Logger
	id     string
	window int // how many messages may be pending
	stream Stream
	stored func(events.Seq) // told when all events up to a seq are stored

	next    uint64 // place of the next message
	refused uint64 // place of the message that was refused last
	last    string // id of the message before it, if this writer wrote that
	pending []sent // not yet acknowledged, oldest first
	bytes   int    // of pending
	stuck   bool   // nothing was acknowledged since the last recovery
}

// send appends a message. done says which events are complete with it. It
// blocks while too much is unacknowledged.
func (w *writer) send(ctx context.Context, msg *nats.Msg, done events.Seq) error {
	for len(w.pending) > 0 && (len(w.pending) >= w.window || w.bytes+len(msg.Data) > maxPendingBytes) {
		if err := w.settle(ctx, 1); err != nil {
			return err
		}
	}
	msg.Header.Set(jetstream.ExpectedLastSeqHeader, strconv.FormatUint(w.next-1, 10))
	if w.last != "" {
		msg.Header.Set(jetstream.ExpectedLastMsgIDHeader, w.last)
	}
	w.last = w.id + "." + strconv.FormatUint(w.next, 10)
	msg.Header.Set(jetstream.MsgIDHeader, w.last)
	w.pending = append(w.pending, sent{msg: msg, seq: w.next, done: done})
	w.next++
	w.bytes += len(msg.Data)
	return w.publish(ctx, &w.pending[len(w.pending)-1])
}

func (w *writer) publish(ctx context.Context, s *sent) error {
	var err error
	s.future, err = w.stream.Append(s.msg)
	if errors.Is(err, ErrTooLarge) {
		return fmt.Errorf("store an event of %d bytes: raise the server's max_payload: %w", len(s.msg.Data), err)
	}
	if err != nil {
		return w.recover(ctx, err)
	}
	return nil
}

// complete says that all events up to a seq are in what was sent.
func (w *writer) complete(done events.Seq) {
	if n := len(w.pending); n > 0 {
		w.pending[n-1].done = done
	} else {
		w.stored(done)
	}
}

// poll takes the acknowledgements that are there.
func (w *writer) poll(ctx context.Context) error {
	for len(w.pending) > 0 {
		select {
		case <-w.pending[0].future.Ok():
			w.acked()
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

// settle waits for the acknowledgement of the n oldest messages.
func (w *writer) settle(ctx context.Context, n int) error {
	timeout := time.NewTimer(AckTimeout)
	defer timeout.Stop()
	for target := len(w.pending) - n; len(w.pending) > max(target, 0); {
		var err error
		select {
		case <-w.pending[0].future.Ok():
			w.acked()
			continue
		case err = <-w.pending[0].future.Err():
		case <-timeout.C:
			err = errors.New("no acknowledgement in time")
		case <-ctx.Done():
			return ctx.Err()
		}
		timeout.Reset(AckTimeout)
		if err := w.recover(ctx, err); err != nil {
			return err
		}
	}
	return nil
}

// acked takes the oldest message off: it is stored.
func (w *writer) acked() {
	s := w.pending[0]
	w.pending = w.pending[1:]
	w.stuck = false
	w.bytes -= len(s.msg.Data)
	if s.done > 0 {
		w.stored(s.done)
	}
}

// recover finds out what became of the messages on their way and sends those
// again that are not stored. It ends with errFenced if another writer has
// written, and tries on for as long as the server can't be asked.
func (w *writer) recover(ctx context.Context, cause error) error {
	w.log.Warn("event stream: a message was not acknowledged", "error", cause)
	if w.stuck { // sending at once did not help
		if err := rest(ctx); err != nil {
			return err
		}
	}
	w.stuck = true
	for {
		t, err := readTail(ctx, w.stream)
		if err == nil {
			if t.last >= w.next || t.last >= w.pending[0].seq && t.writer != w.id {
				return fmt.Errorf("%w: sequence %d is by %q", errFenced, t.last, t.writer)
			}
			if t.last+1 < w.pending[0].seq {
				return fmt.Errorf("%w: the stream ends at %d, before %d, which was stored", errFenced, t.last, w.pending[0].seq-1)
			}
			for len(w.pending) > 0 && w.pending[0].seq <= t.last {
				w.acked()
			}
			if len(w.pending) == 0 {
				return nil
			}
			if again := w.refused == w.pending[0].seq; again {
				w.refused, err = 0, cause // rest first
			} else if err = w.resend(); err == nil {
				w.refused = w.pending[0].seq
				return nil
			}
		}
		if errors.Is(err, ErrGone) {
			return fmt.Errorf("the event stream was deleted: start again to make a new one: %w", err)
		}
		w.log.Warn("event stream: waiting for the server", "error", err)
		if err := rest(ctx); err != nil {
			return err
		}
	}
}

// rest waits for retryWait.
func rest(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(retryWait):
		return nil
	}
}

// resend sends what is pending again. The tail was just read: the first message
// needs no more than the sequence to be in its place, and a server that has
// restarted may not know the id of the last message any more.
func (w *writer) resend() error {
	if len(w.pending) > 0 {
		w.pending[0].msg.Header.Del(jetstream.ExpectedLastMsgIDHeader)
	}
	for i := range w.pending {
		s := &w.pending[i]
		var err error
		s.future, err = w.stream.Append(s.msg)
		if err != nil {
			return err
		}
	}
	return nil
}
