package gate

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"reddot/events"
)

// ackTimeout is after how long an acknowledgement is not waited for any more:
// longer than any request waits, so that this alone bounds what is remembered.
const ackTimeout = events.MaxWaitMS*time.Millisecond + 5*time.Second

// publisher publishes to the command stream with reddot's own rights, and has
// the acknowledgements sent to reddot's own inbox.
type publisher struct {
	conn   *nats.Conn
	js     jetstream.JetStream
	stream string
	once   []jetstream.PublishOpt // nothing is sent twice: it would be stored behind what was sent after it
	slots  chan struct{}          // holds one element for each command whose acknowledgement is waited for
}

func newPublisher(conn *nats.Conn, stream string, most int) (*publisher, error) {
	js, err := jetstream.New(conn, jetstream.WithPublishAsyncMaxPending(most), jetstream.WithPublishAsyncTimeout(ackTimeout))
	if err != nil {
		return nil, err
	}
	return &publisher{conn: conn, js: js, stream: stream, once: []jetstream.PublishOpt{jetstream.WithRetryAttempts(0)}, slots: make(chan struct{}, most)}, nil
}

// Pending is a command on its way to the stream.
type Pending struct {
	log *publisher
	ack jetstream.PubAckFuture
}

// send publishes a command without waiting for its acknowledgement. It gives up when ctx
// ends.
func (p *publisher) send(ctx context.Context, o *Order) (Pending, error) {
	select {
	case p.slots <- struct{}{}:
	case <-ctx.Done():
		return Pending{}, full(ctx.Err())
	}
	// What is sent while the server is away lies in a buffer, perhaps for long
	// after the asker gave up: a read of everything must not arrive then.
	if !p.conn.IsConnected() {
		<-p.slots
		return Pending{}, unavailable(nats.ErrDisconnected, "the NATS server is away; the command is not stored, ask again")
	}
	m := &nats.Msg{Subject: o.subject, Data: o.payload}
	if o.id != "" {
		m.Header = nats.Header{jetstream.MsgIDHeader: []string{o.id}}
	}
	ack, err := p.js.PublishMsgAsync(m, p.once...)
	if err != nil {
		<-p.slots
		return Pending{}, p.failed(err)
	}
	return Pending{log: p, ack: ack}, nil
}

// Stored waits for the acknowledgement; it must be called once. An error says
// whether the command may be stored nevertheless.
func (p *Pending) Stored(ctx context.Context, o *Order) (events.DoReply, error) {
	ctx, cancel := context.WithDeadline(ctx, o.storeBy())
	defer cancel()
	return p.stored(ctx)
}

// stored is Stored until ctx ends.
func (p *Pending) stored(ctx context.Context) (events.DoReply, error) {
	defer func() { <-p.log.slots }()
	select {
	case ack := <-p.ack.Ok():
		if ack.Stream != p.log.stream {
			return events.DoReply{}, unavailable(fmt.Errorf("stream %s has taken a command of %s", ack.Stream, p.log.stream),
				"the command went into another stream; tell the operator")
		}
		return events.DoReply{Seq: events.Seq(ack.Sequence), Duplicate: ack.Duplicate}, nil
	case err := <-p.ack.Err():
		return events.DoReply{}, p.log.failed(err)
	case <-ctx.Done():
		return events.DoReply{}, p.log.failed(ctx.Err())
	}
}

// full says that as many commands as may are on their way.
func full(cause error) error {
	return unavailable(cause, "too many commands are on their way into the log; the command is not stored, ask again")
}

// failed says what became of a command that was not acknowledged.
func (p *publisher) failed(err error) error {
	if errors.Is(err, jetstream.ErrTooManyStalledMsgs) { // the asker of an earlier one has given up, the stream has not answered
		return full(err)
	}
	_, answered := errors.AsType[*jetstream.APIError](err)
	for _, unsent := range []error{
		jetstream.ErrNoStreamResponse, nats.ErrMaxPayload, nats.ErrReconnectBufExceeded,
		nats.ErrConnectionDraining, nats.ErrConnectionClosed, nats.ErrBadSubject,
	} {
		answered = answered || errors.Is(err, unsent)
	}
	if answered {
		return unavailable(err, "the log does not take the command now; it is not stored, ask again")
	}
	return &events.Fault{Code: events.ErrUnavailable, Cause: err, Uncertain: true,
		Message: "the log has not acknowledged the command: it may or may not be stored; ask again, with the same key if it had one"}
}
