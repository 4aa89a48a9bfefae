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

// errLost says that nobody can tell which of the messages on their way are
// stored: the end of the stream has left it.
var errLost = errors.New("the newest events have left the event stream")

// sent is a message on its way. It may be sent again: to the same place in the
// stream, or to a later one if another message was seen in that place.
type sent struct {
	msg    *nats.Msg
	seq    uint64 // its place in the event stream
	future Future
	done   events.Seq // all events up to here are stored with it; 0: nothing new
}

// writer appends to the event stream, each message chained to the one before
// it: by the sequence that must be the stream's last, and, as further messages
// are on their way by then, by the id of the message that must be there. A
// message's id is its seal, which nobody can guess. It is for one goroutine.
type writer struct {
	log    *slog.Logger
	id     string
	window int // how many messages may be pending
	stream Stream
	ends   *lookout
	sealer *sealer
	stored func(events.Seq) // told when all events up to a seq are stored

	next    uint64 // place of the next message
	last    string // id of the message before it, if this writer wrote that
	pending []sent // not yet acknowledged, oldest first
	bytes   int    // of pending
	stuck   bool   // what is pending was sent again, and nothing was stored since
}

// send appends a message. done says which events are complete with it. It
// blocks while too much is unacknowledged.
func (w *writer) send(ctx context.Context, msg *nats.Msg, done events.Seq) error {
	for len(w.pending) > 0 && (len(w.pending) >= w.window || w.bytes+len(msg.Data) > maxPendingBytes) {
		if err := w.settle(ctx, 1); err != nil {
			return err
		}
	}
	w.pending = append(w.pending, sent{msg: msg, done: done})
	s := &w.pending[len(w.pending)-1]
	w.place(s)
	w.bytes += len(msg.Data)
	return w.publish(ctx, s)
}

// place gives a message the next place, and seals it there.
func (w *writer) place(s *sent) {
	h := s.msg.Header
	h.Set(jetstream.ExpectedLastSeqHeader, strconv.FormatUint(w.next-1, 10))
	if w.last != "" {
		h.Set(jetstream.ExpectedLastMsgIDHeader, w.last)
	} else {
		h.Del(jetstream.ExpectedLastMsgIDHeader)
	}
	w.last = w.sealer.seal(w.next, s.msg)
	h.Set(jetstream.MsgIDHeader, w.last)
	s.seq = w.next
	w.next++
}

func (w *writer) publish(ctx context.Context, s *sent) error {
	var err error
	s.future, err = w.stream.Append(s.msg)
	if errors.Is(err, ErrTooLarge) {
		return fmt.Errorf("store an event of %d bytes: set the server's max_payload to %d or more: %w", len(s.msg.Data), LeastPayload, err)
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

// settle waits for the acknowledgement of the n oldest messages.
func (w *writer) settle(ctx context.Context, n int) error {
	timeout := time.NewTimer(AckTimeout)
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

// confirm takes the acknowledgement of the oldest message.
func (w *writer) confirm(ctx context.Context, ack *jetstream.PubAck) error {
	if seq := w.pending[0].seq; ack.Sequence != seq {
		return w.recover(ctx, fmt.Errorf("message %d was acknowledged as %d", seq, ack.Sequence))
	}
	w.acked()
	return nil
}

// acked takes the oldest message off: it is stored.
func (w *writer) acked() {
	s := w.pending[0]
	w.pending = w.pending[1:]
	w.stuck = false
	w.bytes -= len(s.msg.Data)
	w.ends.wrote(s.seq, s.msg)
	if s.done > 0 {
		w.stored(s.done)
	}
}

// recover finds out what became of the messages on their way and sends those
// again that are not stored. It ends with errFenced if another writer has
// written, and tries on for as long as the server can't be asked.
func (w *writer) recover(ctx context.Context, cause error) error {
	for {
		moved, err := w.find(ctx)
		if cause != nil && !moved {
			w.log.Warn("event stream: a message was not acknowledged", "error", cause)
		}
		cause = nil
		switch {
		case errors.Is(err, ErrGone):
			return fmt.Errorf("the event stream was deleted: start again to make a new one: %w", err)
		case errors.Is(err, errFenced) || errors.Is(err, errLost) || errors.Is(err, ErrKey):
			return err
		case err == nil && len(w.pending) == 0:
			return nil
		case err == nil && (moved || !w.stuck):
			w.stuck = !moved
			if err = w.resend(); err == nil {
				return nil
			}
		}
		if err != nil {
			w.log.Warn("event stream: waiting for the server", "error", err)
		}
		w.stuck = false // for a while
		if err := rest(ctx); err != nil {
			return err
		}
	}
}

// find takes off what is stored. Foreign messages may have come instead of what
// was due: what is pending then moves to the places behind them.
func (w *writer) find(ctx context.Context) (moved bool, err error) {
	t, err := w.ends.look(ctx)
	if err != nil {
		return false, err
	}
	first := w.pending[0].seq
	rekeyed := w.sealer != w.ends.sealer
	w.sealer = w.ends.sealer
	switch {
	case t.last+1 < first:
		return false, fmt.Errorf("%w: the stream ends at %d, before %d, which was stored", errFenced, t.last, first-1)
	case t.last < first && !rekeyed:
		return false, nil
	case t.last < first:
	case !t.there:
		return false, fmt.Errorf("%w: what was at %d and before", errLost, t.last)
	case t.place >= first && t.writer != w.id:
		return false, fmt.Errorf("%w: sequence %d is by %q", errFenced, t.place, t.writer)
	case t.place >= w.next || t.place >= first && t.id != w.pending[t.place-first].msg.Header.Get(jetstream.MsgIDHeader):
		return false, fmt.Errorf("%w: sequence %d is not what was sent there", errFenced, t.place)
	}
	for len(w.pending) > 0 && w.pending[0].seq <= t.place { // the chain: if one is stored, so are those before it
		w.acked()
	}
	if t.place == t.last && !rekeyed {
		return false, nil
	}
	w.next, w.last = t.last+1, ""
	for i := range w.pending {
		w.place(&w.pending[i])
	}
	return true, nil
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
