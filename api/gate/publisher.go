package gate

import (
	"context"
	"errors"
	"sync"
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
	conn  *nats.Conn
	acks  *acks
	hears func() error // has the acknowledgements heard; once
}

func newPublisher(conn *nats.Conn, stream string, most int) *publisher {
	p := &publisher{conn: conn, acks: newAcks(conn.NewInbox(), stream, most)}
	p.hears = sync.OnceValue(p.hear)
	return p
}

// hear has acknowledgements taken until the connection is closed. What is on its way
// when it is lost is not acknowledged any more.
func (p *publisher) hear() error {
	if _, err := p.conn.Subscribe(p.acks.inbox+"*", p.acks.take); err != nil {
		return err
	}
	lost := p.conn.StatusChanged(nats.RECONNECTING, nats.CLOSED)
	go func() {
		for status := range lost {
			p.acks.giveAll(nats.ErrDisconnected)
			if status == nats.CLOSED {
				return
			}
		}
	}()
	return nil
}

// send publishes the i-th command of a flight without waiting for its acknowledgement.
// It gives up when ctx ends. Nothing is sent twice: it would be stored behind what was
// sent after it.
func (p *publisher) send(ctx context.Context, f *flight, i int, o *Order) error {
	if err := p.hears(); err != nil {
		return failed(err)
	}
	reply, err := f.add(ctx, i)
	if err != nil {
		return err
	}
	// What is sent while the server is away lies in a buffer, perhaps for long
	// after the asker gave up: a read of everything must not arrive then.
	switch {
	case !p.conn.IsConnected():
		err = unavailable(nats.ErrDisconnected, "the NATS server is away; the command is not stored, ask again")
	case o.id != "":
		err = p.conn.PublishMsg(&nats.Msg{Subject: o.subject, Reply: reply, Data: o.payload, Header: nats.Header{jetstream.MsgIDHeader: []string{o.id}}})
	default:
		err = p.conn.PublishRequest(o.subject, reply, o.payload)
	}
	return failed(err)
}

// Pending is a command on its way to the stream.
type Pending struct{ flight *flight }

// Stored waits for the acknowledgement. An error says whether the command may be stored
// nevertheless.
func (p *Pending) Stored(ctx context.Context, o *Order) (events.DoReply, error) {
	ctx, cancel := context.WithDeadline(ctx, o.storeBy())
	defer cancel()
	got := p.flight.wait(ctx)[0]
	return events.DoReply{Seq: got.seq, Duplicate: got.duplicate}, failed(got.err)
}

// full says that as many commands as may are on their way.
func full(cause error) error {
	return unavailable(cause, "too many commands are on their way into the log; the command is not stored, ask again")
}

// failed says what became of a command that was not acknowledged.
func failed(err error) error {
	if err == nil {
		return nil
	}
	if _, said := errors.AsType[*events.Fault](err); said {
		return err
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
