package client

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	mathrand "math/rand/v2"
	"time"

	"reddot/events"
)

// waitStep is how long one request waits for a command. A longer wait is made
// of several, so that a reddot which ends in between holds nobody up for long.
const waitStep = 2 * time.Second

// stepGrace is how much longer than waitStep a reply may take.
const stepGrace = time.Second

// anyone names a user to ask about where only the wait counts: the server waits
// before it looks at the user. Each wait asks about another one, since of one
// user only so many may wait.
func anyone() string { return "_" + rand.Text() }

// WaitApplied returns nil once the command seq is applied: every query
// answered from then on shows it. It goes on waiting through restarts of
// reddot until ctx ends; then the error is ErrNotApplied.
func (c *Client) WaitApplied(ctx context.Context, seq events.Seq) error {
	return c.await(ctx, c.subjects.Query(anyone(), events.QueryTotals), "applied", seq)
}

// WaitEmitted returns nil once the command seq is applied and all events of
// the commands up to it are stored. It goes on waiting through restarts of
// reddot until ctx ends; then the error is ErrNotApplied.
func (c *Client) WaitEmitted(ctx context.Context, seq events.Seq) error {
	return c.await(ctx, c.subjects.Status(), "emitted", seq)
}

func (c *Client) await(ctx context.Context, subject, what string, seq events.Seq) error {
	if seq == 0 {
		return nil
	}
	ctx, cancel := c.bound(ctx)
	defer cancel()
	b := backoff{first: retryFirst, most: retryMost}
	for {
		err := c.awaitStep(ctx, subject, what, seq)
		switch {
		case err == nil:
			return nil
		case errors.Is(context.Cause(ctx), context.Canceled):
			return fmt.Errorf("wait until command %d is %s: %w", seq, what, ctx.Err())
		case ctx.Err() != nil:
			return fmt.Errorf("command %d: %w (%s): %w", seq, ErrNotApplied, what, err)
		case errors.Is(err, ErrNotApplied):
			continue
		case !errors.Is(err, ErrUnavailable):
			return fmt.Errorf("wait until command %d is %s: %w", seq, what, err)
		}
		select {
		case <-time.After(b.next()):
		case <-ctx.Done():
		}
	}
}

// awaitStep asks once.
func (c *Client) awaitStep(ctx context.Context, subject, what string, seq events.Seq) error {
	step := waitStep
	if deadline, ok := ctx.Deadline(); ok {
		step = min(step, max(time.Until(deadline), time.Millisecond))
	}
	ctx, cancel := context.WithTimeout(ctx, step+stepGrace)
	defer cancel()
	var reply struct{}
	r := events.StatusRequest{Wait: events.Wait{AfterSeq: seq}}
	q := question{query: what + " position", subject: subject, request: &r, wait: &r.Wait, within: step}
	return c.ask(ctx, &q, nil, &reply)
}

// Pauses between attempts to reach a reddot that does not answer.
const (
	retryFirst = 50 * time.Millisecond
	retryMost  = 2 * time.Second
)

// backoff is the pauses between attempts: each twice as long as the one
// before, with jitter, so that many users don't come back at the same moment.
type backoff struct {
	first, most time.Duration
	last        time.Duration
}

func (b *backoff) next() time.Duration {
	b.last = min(max(b.first, 2*b.last), b.most)
	return jitter(b.last)
}

// jitter returns between three and five quarters of d.
func jitter(d time.Duration) time.Duration {
	return d*3/4 + mathrand.N(d/2+1)
}
