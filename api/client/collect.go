package client

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"reddot/events"
)

// flight is a command that was sent, or the mark of a Flush between two.
type flight struct {
	label   int
	target  events.Target
	ack     jetstream.PubAckFuture
	err     error         // why it could not be sent; then ack is nil
	reached chan struct{} // of a mark: to be closed
}

// collect takes acknowledgements in the order of Add, until one is missing or ctx
// ends.
func (p *Publisher) collect(ctx context.Context) {
	defer close(p.ended)
	defer p.conn.RemoveStatusListener(p.lost)
	defer p.disconnect() // before anything else: nothing may be sent behind a failure
	patience := time.NewTimer(p.client.opts.Timeout)
	defer patience.Stop()
	for {
		f, ok := p.next(ctx)
		if !ok {
			return
		}
		if f.reached != nil {
			close(f.reached)
			continue
		}
		patience.Reset(p.client.opts.Timeout)
		ack, err := p.await(ctx, f, patience.C)
		if err == nil {
			err = p.check(ack)
		}
		if err != nil {
			p.fail(f, err)
			return
		}
		seq := events.Seq(ack.Sequence)
		p.mu.Lock()
		p.mu.stored++
		p.mu.last = seq
		p.mu.Unlock()
		p.refusals.stored(f.label, seq)
		if p.onStored != nil {
			p.onStored(f.label, seq)
		}
		<-p.places
	}
}

// next returns the next flight, and false if ctx has ended and there is none.
func (p *Publisher) next(ctx context.Context) (flight, bool) {
	select {
	case f := <-p.flight:
		return f, true
	default:
	}
	select {
	case f := <-p.flight:
		return f, true
	case <-ctx.Done():
		return flight{}, false
	}
}

// fail ends the publisher with the command that is not known to be stored.
func (p *Publisher) fail(f flight, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.mu.failed = &PublishError{
		Index: p.mu.stored, Label: f.label, Stored: p.mu.last, Pending: int(p.mu.added - p.mu.stored - 1),
		Err: &CommandError{Verb: f.target.Verb, Inbox: f.target.Inbox, Uncertain: f.err == nil && uncertain(err), Err: p.client.explain(err)},
	}
}

// errBroken is what takes the connection of a publisher from it.
var errBroken = fmt.Errorf("the connection to NATS broke: %w", nats.ErrConnectionClosed)

// await waits for one acknowledgement. One that is already here counts even if
// the connection is gone, or nobody wants to wait any more.
func (p *Publisher) await(ctx context.Context, f flight, patience <-chan time.Time) (*jetstream.PubAck, error) {
	if f.err != nil {
		return nil, f.err
	}
	var err error
	select {
	case ack := <-f.ack.Ok():
		return ack, nil
	case err := <-f.ack.Err():
		return nil, err
	case <-p.lost:
		p.conn.RemoveStatusListener(p.lost) // which closes it: it stays lost
		err = errBroken
	case <-patience:
		return nil, fmt.Errorf("no acknowledgement in %v: %w", p.client.opts.Timeout, context.DeadlineExceeded)
	case <-ctx.Done():
		err = ErrClosed
	}
	select {
	case ack := <-f.ack.Ok():
		return ack, nil
	default:
		return nil, err
	}
}

// check makes sure that commands lie where reddot reads, in order.
func (p *Publisher) check(ack *jetstream.PubAck) error {
	if err := p.client.checkAck(ack); err != nil {
		return err
	}
	if seq, last := events.Seq(ack.Sequence), p.stored(); seq <= last {
		return fmt.Errorf("it was stored at seq %d, after the next one's %d: %w", seq, last, errOrder)
	}
	return nil
}

// errOrder is a stream that does not store what is published in its order.
var errOrder = errors.New("the stream does not keep the order")
