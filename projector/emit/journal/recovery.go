package journal

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// recover finds out what became of the messages on their way and sends those
// again that are not stored. It ends with ErrFenced if another writer has
// written, and tries on for as long as the server can't be asked.
func (w *Writer) recover(ctx context.Context, cause error) error {
	for {
		moved, err := w.find(ctx)
		if !moved && cause != nil && !errors.Is(cause, errUnanswered) {
			w.j.cfg.Logger.Warn("event stream: a message was not acknowledged", "error", cause)
		}
		cause = nil
		switch {
		case errors.Is(err, ErrGone):
			return fmt.Errorf("the event stream was deleted: start again to make a new one: %w", err)
		case slices.ContainsFunc([]error{ErrFenced, ErrLost, ErrKey, nats.ErrConnectionClosed}, func(e error) bool { return errors.Is(err, e) }):
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
			w.j.away.say("store events", err)
		}
		w.stuck = false // for a while
		if err := rest(ctx); err != nil {
			return err
		}
	}
}

// find takes off what is stored. A message in whose place another one is stored
// gets a place behind all others. It says whether anything has changed.
func (w *Writer) find(ctx context.Context) (moved bool, err error) {
	t, err := w.j.ends.look(ctx)
	if err != nil {
		return false, err
	}
	first := w.pending[0].seq
	switch {
	case w.sealer != w.j.ends.sealer:
		return false, fmt.Errorf("%w: the event stream has another key", ErrLost)
	case t.Last+1 < first:
		return false, fmt.Errorf("%w: the stream ends at %d, before %d, which was stored", ErrFenced, t.Last, first-1)
	case t.Place >= first && t.Writer != w.j.cfg.ID:
		return false, fmt.Errorf("%w: sequence %d is by %q", ErrFenced, t.Place, t.Writer)
	case t.Last < first:
		return false, nil
	}
	there := map[uint64]string{} // seals by place
	var unknown strangers
	err = w.j.stream.Read(ctx, first, min(t.Last, w.next-1), func(seq uint64, msg *nats.Msg) error {
		there[seq] = msg.Header.Get(jetstream.MsgIDHeader)
		if seq > w.j.ends.read && !w.sealer.genuine(seq, msg) {
			unknown.add(seq, msg.Subject)
		}
		return nil
	})
	if err != nil {
		return false, fmt.Errorf("look for what was sent: %w", err)
	}
	w.j.foreign.add(unknown)
	return true, w.sort(t.Last, there)
}

// sort separates what is stored, by what is in its place up to the stream's end,
// from what is not.
func (w *Writer) sort(last uint64, there map[uint64]string) error {
	var waiting, homeless []sent
	lost := int(last + 1 - w.pending[0].seq) // places
	for _, s := range w.pending {
		id, found := there[s.seq]
		switch {
		case s.seq > last:
			waiting = append(waiting, s)
		case !found:
			return fmt.Errorf("%w: sequence %d has left the event stream", ErrLost, s.seq)
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
		w.keep(min(2*lost-len(waiting), w.j.cfg.Window-len(waiting)-len(homeless)))
	}
	for i := range homeless {
		w.restate(homeless[i].msg)
		w.place(&homeless[i])
	}
	w.pending = append(w.pending, homeless...)
	return nil
}

// keep has some blank messages before what is sent next. Where foreign messages come
// so fast that the place behind the end is always lost, they take the places of
// blank ones, and the others of these lead up to the place of what comes behind.
func (w *Writer) keep(n int) {
	for range n {
		s := sent{msg: w.j.Message(), blank: true}
		w.place(&s)
		w.pending = append(w.pending, s)
	}
}

// resend sends what is pending again.
func (w *Writer) resend() error {
	for i := range w.pending {
		s := &w.pending[i]
		s.future = nil
		var err error
		if s.future, err = w.j.stream.Append(s.msg); err != nil {
			return err
		}
	}
	return nil
}
