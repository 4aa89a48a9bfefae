package gate

import (
	"context"
	"errors"
	"fmt"
	"time"

	"reddot/events"
)

// Caller is who asks for commands that come as a batch.
type Caller struct {
	Name string // stands in the ids of commands with a key: a user's, or that of a key

	// Own is the user whose commands they are, who has a rate and a quota. Empty: a
	// back end asks, which is trusted.
	Own string
}

// Asked is one command of a batch: what its subject would say, and its payload in
// either encoding.
type Asked struct {
	Target  events.Target
	Payload []byte
}

// Batch is commands of one request that have been checked, on their way into the log.
type Batch struct {
	Wait    events.Stage
	Timeout time.Duration // of the wait
	orders  []Order
	started time.Time
}

// Len is how many commands there are.
func (b *Batch) Len() int { return len(b.orders) }

// storing ends when the commands, which all came at once, are to be stored.
func (b *Batch) storing(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithDeadline(ctx, b.orders[0].storeBy())
}

// Verb is that of the i-th command.
func (b *Batch) Verb(i int) events.Verb { return b.orders[i].Verb }

// Broken is a command of a batch that breaks a rule of form.
type Broken struct {
	Index int
	Err   error // *events.Invalid or *events.Fault
}

// maxBroken is how many commands of a batch are named that break a rule.
const maxBroken = 20

// Check checks all commands of a batch; of those that break a rule of form the first
// ones are named, and nothing is to be stored then. It reads the projection of a user's
// own ones, and waits for nothing else. A key is of all of them together; empty: none.
func (g *Gate) Check(who Caller, key string, r events.DoRequest, commands []Asked) (*Batch, []Broken) {
	b := &Batch{Wait: r.Wait, Timeout: DefaultTimeout, started: time.Now(), orders: make([]Order, len(commands))}
	if r.TimeoutMS != nil {
		b.Timeout = time.Duration(*r.TimeoutMS) * time.Millisecond
	}
	var broken []Broken
	var decoder events.Decoder
	var c events.Command
	for i, asked := range commands {
		o := &b.orders[i]
		if err := g.check(who, &decoder, &c, asked, b, o); err != nil {
			if broken = append(broken, Broken{i, err}); len(broken) == maxBroken {
				break
			}
			continue
		}
		if key != "" {
			o.id = messageID(who.Name, key, i)
		}
	}
	return b, broken
}

// check checks a command of a batch, and says in o what is to be stored.
func (g *Gate) check(who Caller, d *events.Decoder, c *events.Command, asked Asked, b *Batch, o *Order) error {
	if err := d.Decode(asked.Target, asked.Payload, c); err != nil {
		return err
	}
	if who.Own != "" {
		if err := g.quota.check(c, b.started); err != nil {
			return err
		}
	}
	payload, err := events.Encode(c)
	if err != nil {
		return err
	}
	*o = Order{
		Verb: asked.Target.Verb, Wait: b.Wait, Timeout: b.Timeout, started: b.started,
		subject: g.subjects.Command(asked.Target), payload: payload,
	}
	return nil
}

// Result is what became of one command of a batch.
type Result struct {
	Seq       events.Seq // 0: Err says why
	Duplicate bool       // stored before, with the same key
	Err       *events.Fault
}

// Refused is a command of a batch that the fold refused.
type Refused struct {
	Index  int
	Reason string
}

// Outcome is what became of a batch.
type Outcome struct {
	Results []Result
	LastSeq events.Seq // the largest of them
	Applied bool       // all of them; Refused is known then
	Refused []Refused
}

// Sent are the commands of a batch that were handed to the connection, in order.
type Sent struct {
	batch   *Batch
	flight  *flight
	sent    int
	stopped error // why those behind them were not
}

// SendAll hands commands to the connection: those of batches sent one after the other
// are stored in that order. It waits while too many are on their way. What can't be
// sent ends it; Stored says so.
func (g *Gate) SendAll(ctx context.Context, b *Batch) *Sent {
	s := &Sent{batch: b, flight: g.log.acks.begin(len(b.orders))}
	ctx, cancel := b.storing(ctx)
	defer cancel()
	for i := range b.orders {
		if s.stopped = g.log.send(ctx, s.flight, i, &b.orders[i]); s.stopped != nil {
			s.flight.stop(i)
			break
		}
		s.sent++
	}
	return s
}

// Stored waits for the acknowledgements. The error is an events.ErrUnavailable if not
// all of them are known to be stored: the results say which.
func (s *Sent) Stored(ctx context.Context) (out Outcome, err error) {
	out.Results = make([]Result, len(s.batch.orders))
	ctx, cancel := s.batch.storing(ctx)
	defer cancel()
	for i, got := range s.flight.wait(ctx) {
		why := failed(got.err)
		if i >= s.sent {
			why = s.stopped
		}
		if why == nil {
			out.Results[i] = Result{Seq: got.seq, Duplicate: got.duplicate}
			out.LastSeq = max(out.LastSeq, got.seq)
			continue
		}
		out.Results[i].Err, _ = errors.AsType[*events.Fault](why)
		if err == nil {
			err = why
		}
	}
	return out, err
}

// AwaitAll returns nil once all stored commands of a batch have come as far as it asks,
// and fills in what was refused. The end of its timeout is an events.ErrNotApplied.
func (g *Gate) AwaitAll(ctx context.Context, b *Batch, out *Outcome) error {
	if b.Wait == events.Stored {
		return nil
	}
	waiting, cancel := context.WithDeadline(ctx, b.started.Add(b.Timeout))
	defer cancel()
	err := g.source.WaitApplied(waiting, out.LastSeq)
	if err == nil {
		out.Applied = true
		for i, r := range out.Results {
			if reason := g.source.Refusal(r.Seq); reason != "" {
				out.Refused = append(out.Refused, Refused{i, reason})
			}
		}
		if b.Wait == events.Emitted {
			err = g.source.WaitEmitted(waiting, out.LastSeq)
		}
	}
	return awaited(ctx, err, b.Wait, b.Timeout, out.LastSeq)
}

// awaited says why a stored command, or some up to it, is not known to have come so far.
func awaited(ctx context.Context, err error, stage events.Stage, timeout time.Duration, seq events.Seq) error {
	switch {
	case err == nil:
		return nil
	case ctx.Err() == nil && errors.Is(err, context.DeadlineExceeded):
		return &events.Fault{Code: events.ErrNotApplied, Seq: seq, Message: fmt.Sprintf(
			"the command is stored as seq %d, and not %s after %d ms", seq, stage, timeout.Milliseconds())}
	case ctx.Err() != nil:
		return &events.Fault{Code: events.ErrUnavailable, Seq: seq, Message: fmt.Sprintf(
			"the command is stored as seq %d; this instance waits no longer for it", seq)}
	}
	return &events.Fault{Code: events.ErrUnavailable, Seq: seq, Cause: err, Message: fmt.Sprintf(
		"the command is stored as seq %d; the projection has stopped, so nobody can say when it is %s", seq, stage)}
}
