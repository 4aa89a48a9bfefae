package pull

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// Options say what a reading reads.
type Options struct {
	From uint64 // the first message is at this seq, or the first one behind it
	// Since, unless zero, is used instead of From: the first message is the first
	// one that the stream took in then or later.
	Since time.Time
	// Upto, unless 0, ends the reading with the message at that seq, or when the
	// stream holds none any more up to there.
	Upto        uint64
	Subject     string // unless empty, only messages of subjects that it matches
	HeadersOnly bool   // without payloads
	Batch       int    // messages asked for ahead; 0: many
	Bytes       int    // and their bytes; 0: many. A larger message comes alone

	// Lost, unless nil, is called with why the reading begins again. Not too often: the
	// pauses between grow.
	Lost func(error)
	// Heard, unless nil, is called from time to time when the server sends, be it
	// only heartbeats.
	Heard func()
	// Began, unless nil, is called with the name of each consumer of the reading before it
	// delivers; Ended, unless nil, is called before it is removed.
	Began func(consumer string)
	Ended func()
}

// ErrEnough is returned by a handler that wants no more: Read returns nil then.
var ErrEnough = errors.New("enough")

// A reading that was lost begins again at once if it got anywhere, else after
// pauseFirst, then after twice as long each time, up to pauseMost.
const (
	pauseFirst = 100 * time.Millisecond
	pauseMost  = 2 * time.Second
)

// Read calls fn with messages of the stream, in order and each once, until ctx
// ends, or fn returns an error, which it returns. A server that is away is
// waited for. It ends by itself only if the stream is gone
// (jetstream.ErrStreamNotFound) or the connection was closed
// (nats.ErrConnectionClosed).
//
// fn is called by one goroutine at a time, never after Read has returned, and
// must return when ctx ends. While it does not return, the server sends no more
// than what was asked for. The Message is good until it returns; what it points to
// is the handler's. Where the stream's seqs have a gap, the message behind it is
// simply the next one.
func (s *Stream) Read(ctx context.Context, o Options, fn func(*Message) error) error {
	r := &reading{Stream: s, Options: o, fn: fn, next: o.From}
	for pause := pauseFirst; ; {
		before := r.next
		err := r.session(ctx)
		switch {
		case r.over != nil:
			if errors.Is(r.over, ErrEnough) {
				return nil
			}
			return r.over
		case ctx.Err() != nil:
			return context.Cause(ctx)
		case errors.Is(err, jetstream.ErrStreamNotFound):
			return err
		case s.conn.IsClosed():
			return fmt.Errorf("read stream %s: %w", s.name, nats.ErrConnectionClosed)
		}
		if r.next != before {
			pause = pauseFirst
		}
		if o.Lost != nil {
			o.Lost(err)
		}
		if err := s.rest(ctx, pause); err != nil {
			return err
		}
		pause = min(2*pause, pauseMost)
	}
}

// rest waits for some time and for the connection.
func (s *Stream) rest(ctx context.Context, d time.Duration) error {
	connected := s.conn.StatusChanged(nats.CONNECTED, nats.CLOSED)
	defer s.conn.RemoveStatusListener(connected)
	timer := time.NewTimer(d)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-connected:
			return nil
		case <-timer.C:
			if s.conn.IsConnected() || s.conn.IsClosed() {
				return nil
			}
			timer.Reset(pauseMost)
		}
	}
}

// reading is one call of Read.
type reading struct {
	*Stream
	Options
	fn   func(*Message) error
	next uint64 // seq of what is wanted; 0: not known, by Since
	over error  // what fn has returned, or ErrEnough

	// alone has the next request ask for one message, of any size: the server has
	// refused to send the next one within a request's bound.
	alone bool
}

// config is the consumer's configuration.
func (r *reading) config() jetstream.ConsumerConfig {
	c := jetstream.ConsumerConfig{
		DeliverPolicy: jetstream.DeliverByStartSequencePolicy, OptStartSeq: max(r.next, 1),
		AckPolicy: jetstream.AckNonePolicy, MemoryStorage: true, Replicas: 1,
		InactiveThreshold: inactive, FilterSubject: r.Subject, HeadersOnly: r.HeadersOnly, MaxWaiting: maxWaiting,
	}
	if r.next == 0 && !r.Since.IsZero() {
		c.DeliverPolicy, c.OptStartSeq, c.OptStartTime = jetstream.DeliverByStartTimePolicy, 0, &r.Since
	}
	return c
}
