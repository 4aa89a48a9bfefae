package server

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"reddot/api/rest"
	"reddot/events"
)

// refusedLog finds the refused commands that are stored among the events.
type refusedLog struct {
	js       jetstream.JetStream
	subjects events.Subjects
}

// probeLife is after how long a consumer is removed that nobody uses.
const probeLife = 10 * time.Second

// Refused implements rest.Live. The cursor is the place in the event stream.
func (l *refusedLog) Refused(ctx context.Context, limit int, after string) (reply rest.RefusedReply, err error) {
	reply.Refused = []events.Rejected{}
	stream, err := l.js.Stream(ctx, l.subjects.EventStream())
	if err != nil {
		return reply, err
	}
	state := stream.CachedInfo().State
	end := state.LastSeq + 1 // those before it are wanted
	if after != "" {
		place, err := parsePlace(after)
		if err != nil {
			return reply, err
		}
		end = min(end, place)
	}
	if state.Msgs == 0 || end <= state.FirstSeq {
		return reply, nil
	}
	found, err := l.newest(ctx, stream, state.FirstSeq, end, limit+1)
	if err != nil {
		return reply, err
	}
	if len(found) > limit {
		found = found[len(found)-limit:]
		reply.Next = placeCursor(found[0].place)
	}
	for _, f := range slices.Backward(found) {
		reply.Refused = append(reply.Refused, f.rejected)
	}
	return reply, nil
}

// stored is a refused command, and where the event stream has it.
type stored struct {
	place    uint64
	rejected events.Rejected
}

// newest finds the newest ones before an end, at most so many, the oldest first. How many
// there are from some place on a consumer says when it is made.
func (l *refusedLog) newest(ctx context.Context, stream jetstream.Stream, first, end uint64, most int) ([]stored, error) {
	behind, err := l.count(ctx, stream, end)
	if err != nil {
		return nil, err
	}
	// The largest place with enough of them from there on, found by halving.
	lo, hi := first, end
	for lo < hi {
		mid := lo + (hi-lo+1)/2
		n, err := l.count(ctx, stream, mid)
		if err != nil {
			return nil, err
		}
		if n-min(n, behind) >= uint64(most) {
			lo = mid
		} else {
			hi = mid - 1
		}
	}
	return l.read(ctx, stream, lo, end)
}

// consumer is a new one of the refused commands from a place on.
func (l *refusedLog) consumer(ctx context.Context, stream jetstream.Stream, from uint64) (jetstream.Consumer, error) {
	return stream.CreateConsumer(ctx, jetstream.ConsumerConfig{
		DeliverPolicy: jetstream.DeliverByStartSequencePolicy, OptStartSeq: from, FilterSubject: l.subjects.StoredRejected(),
		AckPolicy: jetstream.AckNonePolicy, InactiveThreshold: probeLife, MemoryStorage: true, Replicas: 1,
	})
}

func (l *refusedLog) count(ctx context.Context, stream jetstream.Stream, from uint64) (uint64, error) {
	c, err := l.consumer(ctx, stream, from)
	if err != nil {
		return 0, fmt.Errorf("count refused commands: %w", err)
	}
	defer l.remove(ctx, stream, c)
	return c.CachedInfo().NumPending, nil
}

// remove tidies up; what is left the server removes by itself.
func (l *refusedLog) remove(ctx context.Context, stream jetstream.Stream, c jetstream.Consumer) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
	defer cancel()
	_ = stream.DeleteConsumer(ctx, c.CachedInfo().Name)
}

// read reads those from a place on and before an end.
func (l *refusedLog) read(ctx context.Context, stream jetstream.Stream, from, end uint64) (all []stored, err error) {
	c, err := l.consumer(ctx, stream, from)
	if err != nil {
		return nil, fmt.Errorf("read refused commands: %w", err)
	}
	defer l.remove(ctx, stream, c)
	for left := c.CachedInfo().NumPending; left > 0; {
		batch, err := c.FetchNoWait(int(min(left, events.MaxLimit+1)))
		if err != nil {
			return nil, fmt.Errorf("read refused commands: %w", err)
		}
		got := uint64(0)
		for m := range batch.Messages() {
			got++
			at, err := m.Metadata()
			if err != nil {
				return nil, err
			}
			if at.Sequence.Stream >= end {
				return all, nil
			}
			one := stored{place: at.Sequence.Stream}
			if err := events.Unmarshal(m.Headers().Get(events.HeaderContentType), m.Data(), &one.rejected); err != nil {
				continue // foreign
			}
			all = append(all, one)
		}
		if err := errors.Join(batch.Error(), ctx.Err()); err != nil {
			return nil, err
		}
		if got == 0 { // what was counted is gone meanwhile
			return all, nil
		}
		left -= min(left, got)
	}
	return all, nil
}

func placeCursor(place uint64) string {
	return base64.RawURLEncoding.EncodeToString(strconv.AppendUint(nil, place, 10))
}

func parsePlace(cursor string) (uint64, error) {
	digits, err := base64.RawURLEncoding.DecodeString(cursor)
	if err != nil {
		return 0, events.ErrCursor
	}
	place, err := strconv.ParseUint(string(digits), 10, 64)
	if err != nil {
		return 0, events.ErrCursor
	}
	return place, nil
}
