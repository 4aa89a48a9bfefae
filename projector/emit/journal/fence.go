package journal

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"
)

// fence is the beginning of a writer: messages without an event that lengthen
// the stream until no message of a writer before can be stored any more, wherever on
// its way that is.
//
// A writer has window messages on their way at most, for places behind all that it
// knew to be stored (see Writer). Whoever knows the first message of the fence to be
// stored writes no more. So window messages are enough, the first one of the fence
// and what follows it, if none of a writer before came in between. What foreign
// messages take of the places behind the first one lengthens the stream as well;
// those before it a writer may have seen and have gone behind them.
//
// Where nobody has anything on its way, as in an empty stream or after one that has
// ended, one message is enough: of several writers that begin there, one has it
// stored first.
type fence struct {
	*Journal
	need       uint64          // messages from the first one on
	from, upto uint64          // the fence is behind from, up to upto
	first      uint64          // its first message that is stored; 0: none is known
	own        map[uint64]bool // places in which no other writer's message is
}

// Claim takes the stream over: it writes a fence behind its end, and returns the end
// as it is then. Errors: ErrFenced, if another writer has written meanwhile; ErrLost,
// ErrGone, ErrKey.
func (j *Journal) Claim(ctx context.Context, t Tail) (Tail, error) {
	f := &fence{Journal: j, need: uint64(j.cfg.Window), from: t.Last, own: map[uint64]bool{}}
	if t.Free() {
		f.need = 1
	}
	f.upto = f.from + f.need
	for {
		before := t.Last
		err := f.extend(ctx, before)
		if err == nil {
			t, err = j.End(ctx)
		}
		switch {
		case err != nil:
			return t, err
		case t.Place > f.from && t.Writer != j.cfg.ID:
			return t, fmt.Errorf("%w: sequence %d is by %q", ErrFenced, t.Place, t.Writer)
		case t.Last < f.from:
			return t, fmt.Errorf("%w: the stream ends at %d, and had %d", ErrLost, t.Last, f.from)
		case t.Last >= f.upto:
			if err = f.check(ctx); err == nil && f.long(t.Last, t.Last-before) {
				return t, nil
			}
		case t.Last == before:
			err = rest(ctx)
		}
		if err != nil {
			return t, err
		}
	}
}

// long says whether the fence is long enough in a stream that has just grown to its
// end, or else makes it longer. As long as all of its places were taken by foreign
// messages, it begins once more behind them, with more messages than there came: those
// that are too late for their places leave the next ones theirs.
func (f *fence) long(last, grown uint64) bool {
	if f.first == 0 {
		f.upto = last + max(f.need, min(2*grown, uint64(f.cfg.Window)))
		return false
	}
	f.upto = max(f.upto, f.first-1+f.need)
	return last >= f.upto
}

// extend writes what is missing of the fence behind the stream's end, and waits
// until that is stored or is not.
func (f *fence) extend(ctx context.Context, last uint64) error {
	var pending []sent
	for place := last + 1; place <= f.upto; place++ {
		msg := f.Message()
		f.ends.sealer.bind(place, msg)
		future, err := f.stream.Append(msg)
		if err != nil {
			f.away.say("take over", err)
			if err := rest(ctx); err != nil {
				return err
			}
			break
		}
		pending = append(pending, sent{seq: place, future: future})
	}
	timeout := time.NewTimer(ackPatience)
	defer timeout.Stop()
	for _, s := range pending {
		select {
		case ack := <-s.future.Ok():
			f.mine(ack.Sequence)
		case <-s.future.Err(): // the next look shows
		case <-timeout.C:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

// mine notes that a message of the fence is stored.
func (f *fence) mine(seq uint64) {
	f.own[seq] = true
	if f.first == 0 || seq < f.first {
		f.first = seq
	}
}

// check fails if another writer's message is in the fence.
func (f *fence) check(ctx context.Context) error {
	for uint64(len(f.own)) < f.upto-f.from {
		err := f.stream.Read(ctx, f.from+1, f.upto, func(seq uint64, msg *nats.Msg) error {
			switch writer := msg.Header.Get(HeaderWriter); {
			case f.own[seq] || !f.ends.sealer.genuine(seq, msg):
				f.own[seq] = true
			case writer != f.cfg.ID:
				return fmt.Errorf("%w: sequence %d is by %q", ErrFenced, seq, writer)
			default:
				f.mine(seq)
			}
			return nil
		})
		switch {
		case err == nil && uint64(len(f.own)) < f.upto-f.from:
			return fmt.Errorf("%w: who has written up to %d", ErrLost, f.upto)
		case err == nil:
			return nil
		case errors.Is(err, ErrFenced) || errors.Is(err, ErrGone):
			return err
		}
		f.away.say("take over", err)
		if err := rest(ctx); err != nil {
			return err
		}
	}
	return nil
}
