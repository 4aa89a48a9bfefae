package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"

	goclient "reddot/api/client"
	"reddot/events"
)

// answerGrace is how much longer than the server a client waits where the
// server itself waits for a command: its "not applied" must arrive.
const answerGrace = 2 * time.Second

// ask makes one query. Where after is not 0, the server waits for that command as
// long as --timeout says. ctx is bound to the connection. Errors are fit to be
// shown, and still the client's for errors.Is and errors.As.
func ask[T any](ctx context.Context, c *client, after events.Seq, query func(context.Context, ...goclient.QueryOption) (T, error)) (T, error) {
	return askWithin(ctx, c, after, c.timeout, query)
}

// askWithin is ask with another bound of the server's wait.
func askWithin[T any](ctx context.Context, c *client, after events.Seq, wait time.Duration, query func(context.Context, ...goclient.QueryOption) (T, error)) (T, error) {
	patience := c.timeout
	var opts []goclient.QueryOption
	if after > 0 {
		patience = wait + answerGrace
		opts = append(opts, goclient.After(after), goclient.Within(wait))
	}
	limited, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	reply, err := query(limited, opts...)
	switch {
	case err == nil:
		return reply, nil
	case ctx.Err() != nil:
		return reply, ended(ctx)
	case errors.Is(err, context.DeadlineExceeded):
		return reply, fmt.Errorf("no answer from %s in %v: try again, or wait longer with --timeout", c.URL, patience)
	case hasCode(err, events.ErrNotApplied) && after > 0:
		return reply, advisedError{err, fmt.Sprintf(`command %d is not applied after %v: wait longer with --timeout, or see how far it is with "reddot status"`, after, wait)}
	}
	return reply, c.queryAdvice(err)
}

// askRaw is ask for a reply that is also returned as it came, if asJSON says so.
func askRaw[T any](ctx context.Context, c *client, after events.Seq, asJSON bool, query func(context.Context, ...goclient.QueryOption) (T, error)) (reply T, raw []byte, err error) {
	reply, err = ask(ctx, c, after, func(ctx context.Context, opts ...goclient.QueryOption) (T, error) {
		if asJSON {
			opts = append(opts, goclient.Raw(&raw))
		}
		return query(ctx, opts...)
	})
	return reply, raw, err
}

// advisedError is an error of api/client in the words for the user.
type advisedError struct {
	err  error
	text string
}

func (e advisedError) Error() string { return e.text }
func (e advisedError) Unwrap() error { return e.err }

// hasCode reports whether reddot itself answered with a code.
func hasCode(err error, code events.Code) bool {
	e, ok := errors.AsType[*goclient.QueryError](err)
	return ok && e.Code == code
}

// queryAdvice is what it means for the user that a query has no answer.
func (c *client) queryAdvice(err error) error {
	if e, ok := errors.AsType[*goclient.AbsentError](err); ok {
		return advisedError{err, c.absent(e)}
	}
	if e, ok := errors.AsType[*goclient.QueryError](err); ok {
		text := answered(e.Word, e.Code)
		if e.Message != e.Word {
			text += ": " + e.Message
		}
		return advisedError{err, text}
	}
	if errors.Is(err, nats.ErrConnectionClosed) {
		return advisedError{err, fmt.Sprintf("lost the connection to the NATS server at %s", c.URL)}
	}
	return err
}

// absent says why nobody took a query.
func (c *client) absent(e *goclient.AbsentError) string {
	does := "serves"
	switch {
	case e.Why != "":
		return fmt.Sprintf(`%s: %s; try again, or see "reddot status"`, answered(events.ErrUnavailable.Word(), events.ErrUnavailable), e.Why)
	case e.Served:
		does = "takes queries now under"
	}
	return fmt.Sprintf(`no reddot %s the prefix %s at %s: start one with "reddot serve", or name yours with --prefix or --server`, does, e.Prefix, c.URL)
}

func answered(word string, code events.Code) string {
	return fmt.Sprintf("reddot answers %s (%d)", word, code)
}
