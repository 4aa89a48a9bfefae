package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	goclient "reddot/api/client"
	"reddot/events"
	"reddot/projector/emit/journal"
)

// shownRefusals is how many refusals are named; the rest are counted.
const shownRefusals = 100

// refusal is a command that was published and refused.
type refusal struct {
	Line    int        `json:"line,omitempty"` // that it came from; 0: not known any more
	Seq     events.Seq `json:"seq"`
	Subject string     `json:"subject"`
	Reason  string     `json:"reason"`
}

// openPublisher opens a publisher, which the caller closes; with hear it hears
// which of the commands are refused. ctx is bound to the connection.
func (c *client) openPublisher(ctx context.Context, hear bool, opts ...goclient.PublisherOption) (*goclient.Publisher, error) {
	if hear {
		genuine, err := c.genuine(ctx)
		if err != nil {
			return nil, orEnded(ctx, fmt.Errorf("listen on %s: %w", c.subjects.Rejected(), err))
		}
		opts = append(opts, goclient.WithRefusals(shownRefusals, genuine))
	}
	p, err := c.reddot.NewPublisher(ctx, opts...)
	return p, orEnded(ctx, err)
}

// genuine sorts out what reddot did not write in the event stream; nil while reddot
// has not made that.
func (c *client) genuine(ctx context.Context) (goclient.Genuine, error) {
	js, err := c.jetStream()
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	genuine, err := journal.Genuine(ctx, js, c.subjects)
	if errors.Is(err, jetstream.ErrStreamNotFound) {
		return nil, nil
	}
	return genuine, err
}

// refused is what was refused of a publisher's commands, all of whose events are
// stored.
func (c *client) refused(ctx context.Context, p *goclient.Publisher) (named []refusal, count int64, err error) {
	first, count, err := p.Refused(ctx)
	for _, r := range first {
		named = append(named, refusal{max(r.Label, 0), r.Seq, r.Subject, r.Reason})
	}
	return named, count, orEnded(ctx, err)
}

// publishAdvice is what it means for the user that a command is not known to be
// stored.
func (c *client) publishAdvice(e *goclient.CommandError) error {
	switch {
	case errors.Is(e, jetstream.ErrNoStreamResponse):
		return fmt.Errorf(`no stream at %s takes commands under the prefix %s: start "reddot serve" there, or name yours with --server or --prefix`,
			c.URL, c.subjects.Prefix())
	case errors.Is(e, nats.ErrDisconnected), errors.Is(e, nats.ErrConnectionClosed):
		return fmt.Errorf("lost the connection to the NATS server at %s", c.URL)
	case errors.Is(e, context.DeadlineExceeded):
		return fmt.Errorf("no acknowledgement in %v", c.timeout)
	}
	if refused, ok := errors.AsType[*jetstream.APIError](e); ok {
		return fmt.Errorf("the NATS server refuses it: %w", refused)
	}
	return e.Err
}
