package client

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"reddot/events"
)

// Publisher stores many commands in the order in which they are added, with up
// to Options.MaxPending of them on their way. It is for one goroutine; use
// several publishers for several independent streams of commands.
//
// # Order
//
// Nothing is ever sent twice, for what is sent again lands behind what was
// sent after it. The first command that is not acknowledged ends the
// publisher: Add and Flush return a [*PublishError] from then on, which says
// which one it was. To go on, make a new publisher and add again from there:
// messages count once (rule once).
//
// A publisher has a NATS connection of its own, made with the options of the
// client's, which does not reconnect. A connection that does would send what
// was in its buffer and leave out what was on the wire: a hole. As it is, when
// the connection breaks, a whole beginning of what was added is stored, and
// nothing behind it. Only the server can still make a hole, when it refuses
// one command (its disk is full, a cluster changes its leader) and takes a
// later one that was already sent; the error's Pending bounds how many. With
// MaxPending 1 there is none.
type Publisher struct {
	client *Client
	conn   *nats.Conn
	js     jetstream.JetStream
	lost   chan struct{}      // closed with the connection
	places chan struct{}      // holds one element for each command on its way
	flight chan flight        // in the order of Add
	quit   context.CancelFunc // ends the collector
	ended  chan struct{}      // closed when the collector has ended

	mu struct {
		sync.Mutex
		added  uint64        // commands sent
		stored uint64        // of them known to be stored
		last   events.Seq    // of the last of these
		failed *PublishError // why the collector ended; nil: it was told to
	}
}

// flight is a command that was sent, or the mark of a Flush between two.
type flight struct {
	verb    events.Verb
	inbox   string
	ack     jetstream.PubAckFuture
	err     error         // why it could not be sent; then ack is nil
	reached chan struct{} // of a mark: to be closed
}

// NewPublisher opens a publisher, which must be closed. ctx bounds the opening
// alone.
func (c *Client) NewPublisher(ctx context.Context) (*Publisher, error) {
	ctx, cancel := c.bound(ctx)
	defer cancel()
	if err := c.connected(ctx); err != nil {
		return nil, fmt.Errorf("open a publisher: %w", err)
	}
	p := &Publisher{
		client: c, lost: make(chan struct{}), ended: make(chan struct{}),
		places: make(chan struct{}, c.opts.MaxPending), flight: make(chan flight, c.opts.MaxPending+1),
	}
	var err error
	if p.conn, err = c.dialAgain(ctx, p.lost); err != nil {
		return nil, fmt.Errorf("open a publisher: connect a second time: %w", err)
	}
	if p.js, err = jetstream.New(p.conn, jetstream.WithPublishAsyncMaxPending(c.opts.MaxPending)); err != nil {
		p.conn.Close()
		return nil, fmt.Errorf("open a publisher: %w", err)
	}
	collecting, quit := context.WithCancel(context.Background())
	p.quit = quit
	go p.collect(collecting)
	return p, nil
}

// dialAgain opens a connection like the client's that doesn't reconnect. lost
// is closed with it.
func (c *Client) dialAgain(ctx context.Context, lost chan<- struct{}) (*nats.Conn, error) {
	o := c.conn.Opts
	o.Servers = c.conn.Servers()
	o.Name += " publisher"
	o.AllowReconnect, o.RetryOnFailedConnect = false, false
	if deadline, ok := ctx.Deadline(); ok {
		o.Timeout = min(o.Timeout, max(time.Until(deadline), time.Millisecond))
	}
	// The caller's callbacks are about the caller's connection.
	o.ConnectedCB, o.ReconnectedCB, o.DisconnectedCB, o.DisconnectedErrCB = nil, nil, nil, nil
	o.DiscoveredServersCB, o.LameDuckModeHandler, o.AsyncErrorCB, o.ReconnectErrCB = nil, nil, nil, nil
	o.ClosedCB = func(*nats.Conn) { close(lost) }
	return o.Connect()
}

// Add sends one command behind those before it; Flush tells whether it is
// stored. It waits while MaxPending commands are on their way. An
// [*events.Invalid] or a [*CommandError] is about this command alone, which
// was not sent, and the publisher goes on; so it does when ctx ends. After a
// [*PublishError] it does not.
func (p *Publisher) Add(ctx context.Context, command events.Command) error {
	payload, err := p.client.encode(&command)
	if err != nil {
		return err
	}
	if most := p.conn.MaxPayload(); most > 0 && int64(len(payload)) > most {
		return &CommandError{Verb: command.Verb, Inbox: command.Inbox,
			Err: fmt.Errorf("payload of %d bytes: %w (%d bytes)", len(payload), nats.ErrMaxPayload, most)}
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
	f := flight{verb: command.Verb, inbox: command.Inbox}
	subject := p.client.subjects.Command(events.Target{Verb: command.Verb, Inbox: command.Inbox})
	// No retries: a command sent again would be stored behind later ones.
	f.ack, f.err = p.js.PublishAsync(subject, payload,
		jetstream.WithRetryAttempts(0), jetstream.WithStallWait(p.client.opts.Timeout))
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
// last one, 0 if there is none. If ctx ends, they are still on their way.
func (p *Publisher) Flush(ctx context.Context) (events.Seq, error) {
	ctx, cancel := p.client.bound(ctx)
	defer cancel()
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

// Close ends the publisher and its connection. It does not flush: commands on
// their way may or may not be stored.
func (p *Publisher) Close() {
	p.quit()
	<-p.ended
	p.conn.Close()
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

// collect takes acknowledgements in the order of Add, until one is missing.
func (p *Publisher) collect(ctx context.Context) {
	defer close(p.ended)
	// Nothing that is still in the buffers may be sent behind a failure.
	defer p.conn.Close()
	patience := time.NewTimer(p.client.opts.Timeout)
	defer patience.Stop()
	for {
		var f flight
		select {
		case f = <-p.flight:
		case <-ctx.Done():
			return
		}
		if f.reached != nil {
			close(f.reached)
			continue
		}
		patience.Reset(p.client.opts.Timeout)
		ack, err := p.await(ctx, f, patience.C)
		if err == nil {
			err = p.client.checkAck(ack)
		}
		if errors.Is(err, ErrClosed) {
			return
		}
		p.mu.Lock()
		if err != nil {
			p.mu.failed = &PublishError{
				Index: p.mu.stored, Stored: p.mu.last, Pending: int(p.mu.added - p.mu.stored - 1),
				Err: &CommandError{Verb: f.verb, Inbox: f.inbox, Uncertain: f.err == nil && uncertain(err), Err: p.client.explain(err)},
			}
			p.mu.Unlock()
			return
		}
		p.mu.stored++
		p.mu.last = events.Seq(ack.Sequence)
		p.mu.Unlock()
		<-p.places
	}
}

// await waits for one acknowledgement. One that is already here counts even if
// the connection is gone.
func (p *Publisher) await(ctx context.Context, f flight, patience <-chan time.Time) (*jetstream.PubAck, error) {
	if f.err != nil {
		return nil, f.err
	}
	select {
	case ack := <-f.ack.Ok():
		return ack, nil
	case err := <-f.ack.Err():
		return nil, err
	case <-p.lost:
		select {
		case ack := <-f.ack.Ok():
			return ack, nil
		default:
			return nil, errors.New("the connection to NATS broke")
		}
	case <-patience:
		return nil, fmt.Errorf("no acknowledgement in %v: %w", p.client.opts.Timeout, context.DeadlineExceeded)
	case <-ctx.Done():
		return nil, ErrClosed
	}
}
