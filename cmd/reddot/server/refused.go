package server

import (
	"context"
	"encoding/base64"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"reddot/api/rest"
	"reddot/events"
	"reddot/projector/log/pull"
)

// refusedLog finds the refused commands that are stored among the events.
type refusedLog struct {
	js       jetstream.JetStream
	subjects events.Subjects
}

// Of one page of refused commands: how long it may take to be read, and how many are looked at
// for those of a filter.
const (
	refusedTimeout = 10 * time.Second
	mostLooked     = 5_000
)

// probeLife is after how long a consumer is removed that nobody uses.
const probeLife = 10 * time.Second

// Refused implements rest.Live. The cursor is the place in the event stream.
func (l *refusedLog) Refused(ctx context.Context, limit int, after string, of rest.RefusedFilter) (reply rest.RefusedReply, err error) {
	ctx, cancel := context.WithTimeout(ctx, refusedTimeout)
	defer cancel()
	reply.Refused = []events.Rejected{}
	if !of.All() {
		reply.Looked = new(rest.RefusedLooked)
	}
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
	most := limit
	if !of.All() {
		most = mostLooked
	}
	found, err := l.newest(ctx, stream, state.FirstSeq, end, most+1)
	if err != nil {
		return reply, err
	}
	whole := len(found) <= most
	if !whole {
		found = found[len(found)-most:]
	}
	for i, f := range slices.Backward(found) {
		if reply.Looked != nil && f.rejected.Seq > 0 {
			reply.Looked.Seq, reply.Looked.At = f.rejected.Seq, f.rejected.At
			reply.Looked.Count++
		}
		if f.rejected.Seq > 0 && of.Fits(&f.rejected) {
			reply.Refused = append(reply.Refused, f.rejected)
		}
		if i == 0 && whole {
			break
		}
		if i == 0 || len(reply.Refused) == limit {
			reply.Next = placeCursor(f.place)
			break
		}
	}
	return reply, nil
}

// stored is a refused command, and where the event stream has it. One that reddot did not
// write is zero.
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
	enough := func(from uint64) (bool, error) {
		n, err := l.count(ctx, stream, from)
		return n-min(n, behind) >= uint64(most), err
	}
	// The largest place with enough of them from there on is looked for ever further from the
	// end, as it is mostly near, and then by halving. No place holds two.
	lo, hi := first, end-min(end-first, uint64(most))
	for step := uint64(0); lo < hi; step = max(2*step, uint64(most)) {
		at := hi - min(hi-lo, step)
		ok, err := enough(at)
		if err != nil {
			return nil, err
		}
		if ok {
			lo = at
			break
		}
		hi = max(at, lo+1) - 1
	}
	for lo < hi {
		mid := lo + (hi-lo+1)/2
		ok, err := enough(mid)
		if err != nil {
			return nil, err
		}
		if ok {
			lo = mid
		} else {
			hi = mid - 1
		}
	}
	return l.read(ctx, lo, end)
}

// count is how many refused commands there are from a place on.
func (l *refusedLog) count(ctx context.Context, stream jetstream.Stream, from uint64) (uint64, error) {
	c, err := stream.CreateConsumer(ctx, jetstream.ConsumerConfig{
		DeliverPolicy: jetstream.DeliverByStartSequencePolicy, OptStartSeq: from, FilterSubject: l.subjects.StoredRejected(),
		AckPolicy: jetstream.AckNonePolicy, InactiveThreshold: probeLife, MemoryStorage: true, Replicas: 1,
	})
	if err != nil {
		return 0, fmt.Errorf("count refused commands: %w", err)
	}
	tidy, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
	defer cancel()
	_ = stream.DeleteConsumer(tidy, c.CachedInfo().Name) // what is left the server removes by itself
	return c.CachedInfo().NumPending, nil
}

// Of refused commands that are on their way.
const (
	refusedBatch = 1_000
	refusedBytes = 1 << 20
)

// read reads those from a place on and before an end.
func (l *refusedLog) read(ctx context.Context, from, end uint64) (all []stored, err error) {
	o := pull.Options{From: from, Upto: end - 1, Subject: l.subjects.StoredRejected(), Batch: refusedBatch, Bytes: refusedBytes}
	err = pull.New(l.js, l.subjects.EventStream()).Read(ctx, o, func(m *pull.Message) error {
		f := stored{place: m.Seq}
		if err := events.Unmarshal(nats.Header(m.Header).Get(events.HeaderContentType), m.Data, &f.rejected); err != nil {
			f.rejected = events.Rejected{}
		}
		all = append(all, f)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read refused commands: %w", err)
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
