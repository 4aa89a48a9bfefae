package emit

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// Bounds of what is sent and not yet acknowledged: in messages, of which an
// emitter that takes over has to write as many first (see fence), and in bytes, to
// keep memory bounded when events are large.
const (
	Window          = 512
	maxPendingBytes = 8 << 20
)

// AckTimeout is how long a message may wait for its acknowledgement; the
// JetStream context that an emitter is given should let go of it then. Long
// before, after ackPatience, the writer looks whether the message is stored, and
// sends it again: what a server had that is gone is not answered. retryWait is how
// long the writer rests before it looks again.
const (
	AckTimeout  = 5 * time.Second
	ackPatience = time.Second
	retryWait   = 100 * time.Millisecond
)

// errFenced says that another writer has written to the event stream.
var errFenced = errors.New("another emitter has written to the event stream")

// errLost says that nobody can tell which of the messages on their way are
// stored.
var errLost = errors.New("it is not known what is stored")

// parcel is what a message tells.
type parcel interface {
	// landed is called when the message is stored.
	landed()
	// last is the round of which nothing more of the parcel is on its way when
	// this message has landed; nil if there is.
	last() *round
}

// sent is a message on its way. It may be sent again: to the same place in the
// stream, or to a later one if another message was seen in that place.
type sent struct {
	msg    *nats.Msg
	seq    uint64 // its place in the event stream
	future Future // nil: it could not be sent
	parcel parcel // nil: it tells nothing
	blank  bool   // it only keeps the place before another one
}

// writer appends to the event stream. Each message names the sequence that must
// be the last one when it comes, and is sealed for the place behind that. No two
// messages of a writer ever have the same place: so it does not matter in which
// order what was sent arrives, how often, or how late. It is for one goroutine.
//
// Invariant: every place after the stream's end and before next is that of a
// message in pending, of which there are at most window. So no message of the
// writer can be stored once the stream has grown by window messages of others.
type writer struct {
	log    *slog.Logger
	away   *outages
	id     string
	window int // how many messages may be pending
	stream Stream
	ends   *lookout
	sealer *sealer
	stored func()           // told after parcels have landed
	update func(*nats.Msg)  // brings up to date what a message says that is sent again behind others
	blank  func() *nats.Msg // a message that tells nothing

	next    uint64 // the first place that no message has had
	pending []sent // not yet known to be stored, by place
	bytes   int    // of pending
	stuck   bool   // what is pending was sent again, and nothing was stored since
	driven  int    // how often in a row all that was sent has lost its places

	patience time.Duration // with an acknowledgement that does not come; 0: ackPatience
}

// send appends a message. It blocks while too much is unacknowledged.
func (w *writer) send(ctx context.Context, msg *nats.Msg, p parcel) error {
	for len(w.pending) > 0 && (len(w.pending) >= w.window || w.bytes+len(msg.Data) > maxPendingBytes) {
		if err := w.settle(ctx, 1); err != nil {
			return err
		}
	}
	w.pending = append(w.pending, sent{msg: msg, parcel: p})
	s := &w.pending[len(w.pending)-1]
	w.place(s)
	w.bytes += len(msg.Data)
	return w.publish(ctx, s)
}

// place gives a message the next place.
func (w *writer) place(s *sent) {
	s.seq = w.next
	w.sealer.bind(s.seq, s.msg)
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

// errUnanswered says that an acknowledgement has not come.
var errUnanswered = errors.New("no acknowledgement in time")

// wait is how long the oldest message may go unanswered.
func (w *writer) wait() time.Duration { return max(w.patience, ackPatience) }

// unanswered has the writer wait longer the next time, until something is stored.
func (w *writer) unanswered() error {
	w.patience = min(2*w.wait(), AckTimeout)
	return errUnanswered
}

// settle waits for the acknowledgement of the n oldest messages.
func (w *writer) settle(ctx context.Context, n int) error {
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

// finish waits until all is stored, also what could not be sent when the writer was
// interrupted.
func (w *writer) finish(ctx context.Context) error {
	if slices.ContainsFunc(w.pending, func(s sent) bool { return s.future == nil }) {
		if err := w.recover(ctx, nil); err != nil {
			return err
		}
	}
	return w.settle(ctx, len(w.pending))
}

// confirm takes the acknowledgement of the oldest message.
func (w *writer) confirm(ctx context.Context, ack *jetstream.PubAck) error {
	if seq := w.pending[0].seq; ack.Sequence != seq {
		return w.recover(ctx, fmt.Errorf("message %d was acknowledged as %d", seq, ack.Sequence))
	}
	s := w.pending[0]
	w.pending = w.pending[1:]
	w.land(s)
	return nil
}

// land notes that a message is stored.
func (w *writer) land(s sent) {
	w.stuck, w.patience = false, 0
	if !s.blank {
		w.driven = 0
	}
	w.bytes -= len(s.msg.Data)
	w.ends.wrote(s.seq, s.msg)
	if s.parcel != nil {
		s.parcel.landed()
	}
	w.stored()
}

// recover finds out what became of the messages on their way and sends those
// again that are not stored. It ends with errFenced if another writer has
// written, and tries on for as long as the server can't be asked.
func (w *writer) recover(ctx context.Context, cause error) error {
	for {
		moved, err := w.find(ctx)
		if !moved && cause != nil && !errors.Is(cause, errUnanswered) {
			w.log.Warn("event stream: a message was not acknowledged", "error", cause)
		}
		cause = nil
		switch {
		case errors.Is(err, ErrGone):
			return fmt.Errorf("the event stream was deleted: start again to make a new one: %w", err)
		case slices.ContainsFunc([]error{errFenced, errLost, ErrKey, nats.ErrConnectionClosed}, func(e error) bool { return errors.Is(err, e) }):
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
			w.away.say("store events", err)
		}
		w.stuck = false // for a while
		if err := rest(ctx); err != nil {
			return err
		}
	}
}

// find takes off what is stored. A message in whose place another one is stored
// gets a place behind all others. It says whether anything has changed.
func (w *writer) find(ctx context.Context) (moved bool, err error) {
	t, err := w.ends.look(ctx)
	if err != nil {
		return false, err
	}
	first := w.pending[0].seq
	switch {
	case w.sealer != w.ends.sealer:
		return false, fmt.Errorf("%w: the event stream has another key", errLost)
	case t.last+1 < first:
		return false, fmt.Errorf("%w: the stream ends at %d, before %d, which was stored", errFenced, t.last, first-1)
	case t.place >= first && t.writer != w.id:
		return false, fmt.Errorf("%w: sequence %d is by %q", errFenced, t.place, t.writer)
	case t.last < first:
		return false, nil
	}
	there := map[uint64]string{} // seals by place
	err = w.stream.Read(ctx, first, min(t.last, w.next-1), func(seq uint64, msg *nats.Msg) error {
		there[seq] = msg.Header.Get(jetstream.MsgIDHeader)
		return nil
	})
	if err != nil {
		return false, fmt.Errorf("look for what was sent: %w", err)
	}
	return true, w.sort(t.last, there)
}

// sort tells what is stored, by what is in its place up to the stream's end, from
// what is not.
func (w *writer) sort(last uint64, there map[uint64]string) error {
	var waiting, homeless []sent
	lost := int(last + 1 - w.pending[0].seq) // places
	for _, s := range w.pending {
		id, found := there[s.seq]
		switch {
		case s.seq > last:
			waiting = append(waiting, s)
		case !found:
			return fmt.Errorf("%w: sequence %d has left the event stream", errLost, s.seq)
		case id == s.msg.Header.Get(jetstream.MsgIDHeader):
			w.land(s)
			lost--
		case s.blank:
		default:
			homeless = append(homeless, s)
		}
	}
	w.next = max(w.next, last+1)
	w.pending = waiting
	if len(homeless) == 0 {
		return nil
	}
	if w.driven++; w.driven > 1 {
		w.keep(min(2*lost-len(waiting), w.window-len(waiting)-len(homeless)))
	}
	for i := range homeless {
		w.update(homeless[i].msg)
		w.place(&homeless[i])
	}
	w.pending = append(w.pending, homeless...)
	return nil
}

// keep has some blank messages before what is sent next. Where foreign messages come
// so fast that the place behind the end is always lost, they take the places of
// blank ones, and the others of these lead up to the place of what comes behind.
func (w *writer) keep(n int) {
	for range n {
		s := sent{msg: w.blank(), blank: true}
		w.place(&s)
		w.pending = append(w.pending, s)
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

// resend sends what is pending again.
func (w *writer) resend() error {
	for i := range w.pending {
		s := &w.pending[i]
		s.future = nil
		var err error
		if s.future, err = w.stream.Append(s.msg); err != nil {
			return err
		}
	}
	return nil
}
