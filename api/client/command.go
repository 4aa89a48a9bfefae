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

// sending is a command on its way, with what its options say.
type sending struct {
	command events.Command
	wait    waiting
	key     string
}

type waiting uint8

const (
	noWait waiting = iota
	waitApplied
	waitEmitted
)

// CommandOption adds to a command. One that the command has no use for is
// refused with an [*events.Invalid], as in "upto is not a field of user.mute".
type CommandOption func(*sending)

// At sets the command's time, as the back end knows it: when the message was
// sent, when the user read. Kept to the millisecond. Without it, the time at
// which the NATS server stores the command.
func At(t time.Time) CommandOption {
	return func(s *sending) { s.command.At, s.command.HasAt = events.Time(t.UnixMilli()), true }
}

// WaitApplied has the call return only once the command is applied, so that
// queries show it. If that takes longer than the call may, the call returns
// the command's seq and ErrNotApplied.
func WaitApplied() CommandOption { return func(s *sending) { s.wait = waitApplied } }

// WaitEmitted has the call return only once the command is applied and its
// events are stored. If that takes longer than the call may (of a user's command:
// 30 seconds at most), the call returns the command's seq and ErrNotApplied.
func WaitEmitted() CommandOption { return func(s *sending) { s.wait = waitEmitted } }

// Send stores one command and returns its seq, a position in the command
// stream. The other methods that store a command are short forms of it. The
// command is checked first; an [*events.Invalid] says which rule it breaks,
// and nothing was sent. Everything else is a [*CommandError].
//
// While the connection is down, Send waits for it. Calls that follow each
// other are stored in that order; for many commands a [Publisher] is faster.
//
// That a command is stored does not mean that it changes anything: reddot
// refuses some (rule stranger) and reports so on <prefix>.rejected.
func (c *Client) Send(ctx context.Context, command events.Command, opts ...CommandOption) (events.Seq, error) {
	s := sending{command: command}
	for _, o := range opts {
		o(&s)
	}
	if s.key != "" {
		return 0, &events.Invalid{Reason: "key is for what a user asks for, not for commands that are stored by the back end itself"}
	}
	payload, err := c.encode(&s.command)
	if err != nil {
		return 0, err
	}
	ctx, cancel := c.bound(ctx)
	defer cancel()
	seq, err := c.store(ctx, &s.command, payload)
	if err != nil {
		return 0, err
	}
	switch s.wait {
	case waitApplied:
		// Of a user's command the user may ask; of others the back end.
		who := anyone()
		if s.command.Verb.Inbox() == "user" {
			who = s.command.Inbox
		}
		err = c.await(ctx, c.subjects.Query(who, events.QueryTotals), "applied", seq)
	case waitEmitted:
		err = c.WaitEmitted(ctx, seq)
	}
	return seq, err
}

// encode checks a command and writes its payload.
func (c *Client) encode(command *events.Command) ([]byte, error) {
	if c.opts.Encoding == events.JSON {
		return events.EncodeJSON(command)
	}
	return events.Encode(command)
}

// store publishes a command and waits for its acknowledgement.
func (c *Client) store(ctx context.Context, command *events.Command, payload []byte) (events.Seq, error) {
	fail := func(uncertain bool, err error) error {
		return &CommandError{Verb: command.Verb, Inbox: command.Inbox, Uncertain: uncertain, Err: err}
	}
	if err := c.connected(ctx); err != nil {
		return 0, fail(false, err)
	}
	subject := c.subjects.Command(events.Target{Verb: command.Verb, Inbox: command.Inbox})
	// Retries after "no stream" are safe: nothing was stored.
	ack, err := c.js.Publish(ctx, subject, payload)
	if err == nil {
		err = c.checkAck(ack)
	}
	if err != nil {
		return 0, fail(uncertain(err), c.explain(err))
	}
	return events.Seq(ack.Sequence), nil
}

// errStream says that a command went where reddot doesn't read.
var errStream = errors.New("it was stored in the stream")

// checkAck makes sure that a command lies where reddot reads.
func (c *Client) checkAck(ack *jetstream.PubAck) error {
	if want := c.subjects.CommandStream(); ack.Stream != want {
		return fmt.Errorf("%w %s, reddot reads %s: take the subject out of the other stream", errStream, ack.Stream, want)
	}
	return nil
}

// uncertain reports whether a command may be stored although publishing it
// gave an error.
func uncertain(err error) bool {
	if _, refused := errors.AsType[*jetstream.APIError](err); refused {
		return false
	}
	for _, unsent := range []error{
		jetstream.ErrNoStreamResponse, errStream, nats.ErrMaxPayload, nats.ErrReconnectBufExceeded,
		nats.ErrConnectionDraining, nats.ErrBadSubject, nats.ErrHeadersNotSupported,
	} {
		if errors.Is(err, unsent) {
			return false
		}
	}
	return true
}

// explain adds what to do to an error of publishing.
func (c *Client) explain(err error) error {
	switch {
	case errors.Is(err, jetstream.ErrNoStreamResponse):
		return fmt.Errorf(`no stream takes commands under the prefix %s: start one with "reddot serve" (%w)`, c.opts.Prefix, err)
	case errors.Is(err, nats.ErrTimeout):
		return fmt.Errorf("no acknowledgement: %w", context.DeadlineExceeded)
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled):
		return fmt.Errorf("no acknowledgement: %w", err)
	}
	return err
}
