package emit

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/nats-io/nats.go"
)

// fenceSubject is where emitters write what is for each other. It is stored with
// the events, and not republished.
func (cfg *Config) fenceSubject() string {
	return cfg.Subjects.Prefix() + "-out.fence-" + strconv.Itoa(cfg.Partition)
}

// fence is the beginning of a writer: messages that tell nothing and lengthen the
// stream until no message of a writer before can be stored any more, wherever on
// its way that is.
//
// A writer has window messages on their way at most, the first of them behind all
// that was stored when it was sent (see writer). So window messages are enough, if
// none of a writer before came in between. Where nobody has anything on its way,
// as in an empty stream or after one that has ended, one message is enough: of
// several emitters that begin there, one has it stored.
//
// What foreign messages take of its places lengthens the stream as well.
type fence struct {
	*Emitter
	from, upto uint64          // the fence is behind from, up to upto
	own        map[uint64]bool // places in which no other emitter's message is
}

// claim writes a fence behind the end of the stream, and returns the end as it is
// then. It fails with errFenced if another emitter has written meanwhile.
func (e *Emitter) claim(ctx context.Context, t tail) (tail, error) {
	f := &fence{Emitter: e, from: t.last, own: map[uint64]bool{}}
	alone := t.free()
	if f.upto = t.last + uint64(e.cfg.Window); alone {
		f.upto = t.last + 1
	}
	for {
		before := t.last
		err := f.extend(ctx, before)
		if err == nil {
			t, err = e.awaitTail(ctx)
		}
		switch {
		case err != nil:
			return t, err
		case t.place > f.from && t.writer != e.cfg.ID:
			return t, fmt.Errorf("%w: sequence %d is by %q", errFenced, t.place, t.writer)
		case t.last < f.from:
			return t, fmt.Errorf("%w: the stream ends at %d, and had %d", errLost, t.last, f.from)
		case alone && t.place <= f.from && len(f.own) == 0: // who comes first is open as long as none of mine is stored
			f.upto = t.last + 1
		case t.last >= f.upto:
			return t, f.check(ctx)
		}
		if t.last == before {
			err = rest(ctx)
		}
		if err != nil {
			return t, err
		}
	}
}

// extend writes what is missing of the fence behind the stream's end, and waits
// until that is stored or is not.
func (f *fence) extend(ctx context.Context, last uint64) error {
	var pending []sent
	for place := last + 1; place <= f.upto; place++ {
		msg := nats.NewMsg(f.cfg.fenceSubject())
		msg.Header.Set(headerWriter, f.cfg.ID)
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
			f.own[ack.Sequence] = true
		case <-s.future.Err(): // the next look tells
		case <-timeout.C:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

// check fails if another emitter's message is in the fence.
func (f *fence) check(ctx context.Context) error {
	for uint64(len(f.own)) < f.upto-f.from {
		err := f.stream.Read(ctx, f.from+1, f.upto, func(seq uint64, msg *nats.Msg) error {
			if writer := msg.Header.Get(headerWriter); !f.own[seq] && writer != f.cfg.ID && f.ends.sealer.genuine(seq, msg) {
				return fmt.Errorf("%w: sequence %d is by %q", errFenced, seq, writer)
			}
			f.own[seq] = true
			return nil
		})
		switch {
		case err == nil && uint64(len(f.own)) < f.upto-f.from:
			return fmt.Errorf("%w: who has written up to %d", errLost, f.upto)
		case err == nil:
			return nil
		case errors.Is(err, errFenced) || errors.Is(err, ErrGone):
			return err
		}
		f.away.say("take over", err)
		if err := rest(ctx); err != nil {
			return err
		}
	}
	return nil
}
