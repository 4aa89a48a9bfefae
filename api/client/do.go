package client

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"

	"reddot/events"
)

// Key names a user's command: within two minutes the same key of the same user
// is the same command, so a call that ended in doubt ([ErrUncertain]) may be made
// again as it was; it returns the seq of the first. 1 to 200 visible ASCII
// characters. Commands of back ends have no key.
func Key(key string) CommandOption { return func(s *sending) { s.key = key } }

// do asks reddot for a command of the user's own and returns its seq.
func (u *User) do(ctx context.Context, command events.Command, opts []CommandOption) (events.Seq, error) {
	s := sending{command: command}
	s.command.Inbox = u.id
	for _, o := range opts {
		o(&s)
	}
	ctx, cancel := u.client.bound(ctx)
	defer cancel()
	body, err := s.request(ctx)
	if err != nil {
		return 0, err
	}
	if err := u.client.connected(ctx); err != nil {
		return 0, s.failed(false, err)
	}
	msg := nats.NewMsg(u.client.subjects.Do(u.id, s.command.Verb.Name()))
	msg.Header.Set(events.HeaderAccept, events.Msgpack.ContentType())
	msg.Data = body
	m, err := u.client.conn.RequestMsgWithContext(ctx, msg)
	if err != nil {
		unsent := errors.Is(err, nats.ErrNoResponders) || errors.Is(err, nats.ErrConnectionClosed) || errors.Is(err, nats.ErrMaxPayload)
		return 0, s.failed(!unsent, u.client.unanswered(ctx, err, msg.Subject, 0))
	}
	if code := m.Header.Get(events.HeaderErrorCode); code != "" {
		return s.refused(ctx, u, code, m)
	}
	var reply events.DoReply
	if err := events.Unmarshal(m.Header.Get(events.HeaderContentType), m.Data, &reply); err != nil {
		return 0, s.failed(true, fmt.Errorf("%w: does another program answer under the prefix %s?", err, u.client.opts.Prefix))
	}
	return reply.Seq, nil
}

// request is the body of the request for a command: its payload and what is
// asked beside.
func (s *sending) request(ctx context.Context) ([]byte, error) {
	r := events.DoRequest{Wait: s.wait.stage(), Key: s.key}
	if deadline, ok := ctx.Deadline(); ok {
		// The server gives up a little before the caller, so that its answer
		// arrives.
		r.TimeoutMS = new(uint64(max(1, min(time.Until(deadline)*9/10, maxWait).Milliseconds())))
	}
	return events.EncodeDo(&r, &s.command)
}

// stage is how far the command has to come.
func (w waiting) stage() events.Stage {
	switch w {
	case waitApplied:
		return events.Applied
	case waitEmitted:
		return events.Emitted
	}
	return events.Stored
}

func (s *sending) failed(uncertain bool, err error) error {
	return &CommandError{Verb: s.command.Verb, Inbox: s.command.Inbox, Uncertain: uncertain, Err: err}
}

// refused reads an error reply. Of a command that is stored it returns the seq,
// and goes on waiting where the server had to give up.
func (s *sending) refused(ctx context.Context, u *User, code string, m *nats.Msg) (events.Seq, error) {
	word := m.Header.Get(events.HeaderError)
	var body events.ErrorReply
	if err := events.Unmarshal(m.Header.Get(events.HeaderContentType), m.Data, &body); err != nil || body.Message == "" {
		body.Message = word
	}
	n, _ := events.ParseCode(code)
	answer := &QueryError{Query: s.command.Verb.String(), User: u.id, Code: n, Word: word, Message: body.Message}
	switch {
	case body.Seq > 0 && n == events.ErrBadRequest:
		return body.Seq, &RefusedError{Verb: s.command.Verb, User: u.id, Seq: body.Seq, Reason: body.Message}
	case body.Seq > 0 && s.wait == waitApplied && ctx.Err() == nil:
		return body.Seq, u.client.await(ctx, u.client.subjects.Query(u.id, events.QueryTotals), "applied", body.Seq)
	case body.Seq > 0:
		return body.Seq, answer
	case n == events.ErrBadRequest:
		return 0, s.failed(false, &events.Invalid{Reason: body.Message})
	}
	return 0, s.failed(body.Uncertain, answer)
}
