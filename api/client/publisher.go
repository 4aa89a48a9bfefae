package client

import (
	"context"
	"fmt"
	"math"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"reddot/events"
)

// Publisher stores many commands in the order in which they are added, with up
// to Options.MaxPending of them on their way. It is for one goroutine, but for
// Close; use several publishers for several independent streams of commands.
//
// # Order
//
// Nothing is ever sent twice, for what is sent again lands behind what was
// sent after it. The first command that is not acknowledged ends the
// publisher: Add and Flush return a [*PublishError] from then on, which says
// which one it was. To go on, make a new publisher and add again from there:
// messages count once (rule once).
//
// A publisher needs a NATS connection that does not reconnect. One that does
// would send what was in its buffer and leave out what was on the wire: a hole. As
// it is, when the connection breaks, a whole beginning of what was added is
// stored, and nothing behind it. If the client's connection reconnects, the
// publisher makes one of its own, with the same options. If it does not, the
// publisher uses that one and leaves it open.
//
// Only the server can still make a hole, when it refuses one command (its disk is
// full, a cluster changes its leader) and takes a later one that was already sent;
// the error's Pending bounds how many. With MaxPending 1 there is none.
type Publisher struct {
	client   *Client
	conn     *nats.Conn
	js       jetstream.JetStream
	isOwn    bool                  // conn is the publisher's own
	onStored func(int, events.Seq) // nil: nobody asks
	refusals *refusals             // nil: nobody asks
	lost     chan nats.Status      // has one, or is closed, once the connection has ended
	places   chan struct{}         // holds one element for each command on its way
	flight   chan flight           // in the order of Add
	quit     context.CancelFunc    // ends the collector
	ended    chan struct{}         // closed when the collector has ended

	mu struct {
		sync.Mutex
		added  uint64        // commands sent
		stored uint64        // of them known to be stored
		last   events.Seq    // of the last of these
		failed *PublishError // why the collector ended; nil: nothing was on its way
	}
}

// PublisherOption changes what a [Publisher] reports.
type PublisherOption func(*Publisher)

// OnStored has f called with the label and the seq of each command as it is known
// to be stored, in the order of Add, by one goroutine. f must not wait for the
// publisher.
func OnStored(f func(label int, seq events.Seq)) PublisherOption {
	return func(p *Publisher) { p.onStored = f }
}

// NewPublisher opens a publisher, which must be closed. ctx bounds the opening
// alone.
func (c *Client) NewPublisher(ctx context.Context, opts ...PublisherOption) (*Publisher, error) {
	ctx, cancel := c.bound(ctx)
	defer cancel()
	if err := c.connected(ctx); err != nil {
		return nil, fmt.Errorf("open a publisher: %w", err)
	}
	p := &Publisher{
		client: c, conn: c.conn, js: c.js, ended: make(chan struct{}),
		places: make(chan struct{}, c.opts.MaxPending), flight: make(chan flight, c.opts.MaxPending+1),
	}
	for _, o := range opts {
		o(p)
	}
	if p.refusals != nil {
		if err := p.refusals.open(ctx, c); err != nil {
			return nil, err
		}
	}
	if err := p.connect(ctx); err != nil {
		p.refusals.close()
		return nil, fmt.Errorf("open a publisher: %w", err)
	}
	collecting, quit := context.WithCancel(context.Background())
	p.quit = quit
	go p.collect(collecting)
	return p, nil
}

// connect gives the publisher its connection.
func (p *Publisher) connect(ctx context.Context) (err error) {
	if p.isOwn = p.conn.Opts.AllowReconnect; p.isOwn {
		if p.conn, err = p.client.dialAgain(ctx); err != nil {
			return fmt.Errorf("connect a second time: %w", err)
		}
		if p.js, err = newJetStream(p.conn); err != nil {
			p.conn.Close()
			return err
		}
	}
	p.lost = p.conn.StatusChanged(nats.CLOSED)
	if p.conn.IsClosed() { // before anybody listened
		p.conn.RemoveStatusListener(p.lost)
	}
	return nil
}

// newJetStream does not bound what is on its way: that is the publisher's places to
// do. What it has subscribed to stays until its connection is closed.
func newJetStream(conn *nats.Conn) (jetstream.JetStream, error) {
	return jetstream.New(conn, jetstream.WithPublishAsyncMaxPending(math.MaxInt))
}

// dialAgain opens a connection like the client's that doesn't reconnect.
func (c *Client) dialAgain(ctx context.Context) (*nats.Conn, error) {
	o := c.conn.Opts
	o.Servers = c.conn.Servers()
	o.Name += " publisher"
	o.AllowReconnect, o.RetryOnFailedConnect = false, false
	if deadline, ok := ctx.Deadline(); ok {
		o.Timeout = min(o.Timeout, max(time.Until(deadline), time.Millisecond))
	}
	// The caller's callbacks are about the caller's connection.
	o.ConnectedCB, o.ReconnectedCB, o.DisconnectedCB, o.DisconnectedErrCB, o.ClosedCB = nil, nil, nil, nil, nil
	o.DiscoveredServersCB, o.LameDuckModeHandler, o.AsyncErrorCB, o.ReconnectErrCB = nil, nil, nil, nil
	return o.Connect()
}

// disconnect closes the publisher's own connection. What is still in its buffers
// is not sent then.
func (p *Publisher) disconnect() {
	if p.isOwn {
		p.conn.Close()
	}
}

// Encoded is a command as [Publisher.AddEncoded] takes it.
type Encoded struct {
	Label   int    // what the caller knows it by, as the number of a line
	Subject string // of a command under the client's prefix
	Payload []byte // JSON or msgpack; not kept, and not checked: reddot refuses what it can't read
}

// Add sends one command behind those before it; Flush says whether it is
// stored. It waits while MaxPending commands are on their way. Its label is its
// number, from 0, in the order of Add.
//
// An [*events.Invalid] or a [*CommandError] is about this command alone, which
// was not sent, and the publisher goes on; so it does when ctx ends. After a
// [*PublishError] it does not.
func (p *Publisher) Add(ctx context.Context, command events.Command) error {
	payload, err := p.client.encode(&command)
	if err != nil {
		return err
	}
	p.mu.Lock()
	label := int(p.mu.added)
	p.mu.Unlock()
	subject := p.client.subjects.Command(events.Target{Verb: command.Verb, Inbox: command.Inbox})
	return p.add(ctx, Encoded{Label: label, Subject: subject, Payload: payload}, events.Target{Verb: command.Verb, Inbox: command.Inbox})
}

// AddEncoded is Add for a command that is encoded already. A subject that is not
// a command's is an [*events.Invalid].
func (p *Publisher) AddEncoded(ctx context.Context, e Encoded) error {
	target, err := p.client.subjects.ParseCommand(e.Subject)
	if err != nil {
		return err
	}
	return p.add(ctx, e, target)
}

func (p *Publisher) add(ctx context.Context, e Encoded, target events.Target) error {
	if most := p.conn.MaxPayload(); most > 0 && int64(len(e.Payload)) > most {
		return &CommandError{Verb: target.Verb, Inbox: target.Inbox,
			Err: fmt.Errorf("payload of %d bytes: %w (%d bytes)", len(e.Payload), nats.ErrMaxPayload, most)}
	}
	select {
	case <-p.ended:
		return p.failure()
	default:
	}
	select {
	case p.places <- struct{}{}:
	case <-p.ended:
		return p.failure()
	case <-ctx.Done():
		return fmt.Errorf("add a command: %w", ctx.Err())
	}
	f := flight{label: e.Label, target: target}
	// No retries: a command sent again would be stored behind later ones.
	f.ack, f.err = p.js.PublishAsync(e.Subject, e.Payload, jetstream.WithRetryAttempts(0))
	p.mu.Lock()
	p.mu.added++
	p.mu.Unlock()
	select {
	case p.flight <- f:
	case <-p.ended:
		return p.failure()
	}
	return nil
}

// Flush waits until every command added is stored and returns the seq of the
// last one, 0 if there is none. If ctx ends, they are still on their way. It has
// no timeout of its own: every acknowledgement has Options.Timeout.
func (p *Publisher) Flush(ctx context.Context) (events.Seq, error) {
	mark := flight{reached: make(chan struct{})}
	select {
	case p.flight <- mark:
	case <-p.ended:
		return p.stored(), p.failure()
	case <-ctx.Done():
		return p.stored(), fmt.Errorf("flush commands: %w", ctx.Err())
	}
	select {
	case <-mark.reached:
		return p.stored(), nil
	case <-p.ended:
		return p.stored(), p.failure()
	case <-ctx.Done():
		return p.stored(), fmt.Errorf("flush commands: %w", ctx.Err())
	}
}

// Close ends the publisher, and its connection if that is its own. It does not
// flush: commands on their way may or may not be stored, and Flush returns a
// [*PublishError] which says from where on. It may be called by any goroutine.
func (p *Publisher) Close() {
	p.quit()
	<-p.ended
	p.refusals.close()
}

func (p *Publisher) stored() events.Seq {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.mu.last
}

// failure is why the publisher has ended.
func (p *Publisher) failure() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.mu.failed != nil {
		return p.mu.failed
	}
	return fmt.Errorf("publisher: %w", ErrClosed)
}
