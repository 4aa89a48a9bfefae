package client

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"time"

	"github.com/nats-io/nats.go"

	"reddot/events"
)

// maxWait is the longest wait for a command that one request may ask for.
const maxWait = events.MaxWaitMS * time.Millisecond

// QueryOption changes how a query is asked.
type QueryOption func(*question)

// question is a query as it is asked.
type question struct {
	query, user string // for errors
	wrong       error  // why it can't be asked
	subject     string
	request     request
	wait        *events.Wait // the request's
	within      time.Duration
	raw         *[]byte
}

// request is a pointer to one of the request structs of package events.
type request interface{ Validate() error }

// After has the answer wait until the command seq is applied, so that it shows
// what the command did. seq is what the command's call returned. If that takes
// longer than the call may, the error is ErrNotApplied.
func After(seq events.Seq) QueryOption { return func(q *question) { q.wait.AfterSeq = seq } }

// Within is how long reddot waits for the command of [After], to the millisecond.
// The call itself should be given a little more, so that its answer arrives.
// Without it reddot waits nine tenths of what the call may take.
func Within(d time.Duration) QueryOption { return func(q *question) { q.within = d } }

// Raw gives the reply also as reddot sent it, which is JSON then: with the fields
// that this release does not know.
func Raw(to *[]byte) QueryOption { return func(q *question) { q.raw = to } }

// question is one about the user, with a request and its Wait.
func (u *User) question(query string, r request, w *events.Wait) *question {
	return &question{query: query, user: u.id, wrong: events.CheckID("user", u.id), subject: u.client.subjects.Query(u.id, query), request: r, wait: w}
}

// ask asks and returns the reply.
func ask[R any](ctx context.Context, c *Client, q *question, opts []QueryOption) (reply R, err error) {
	err = c.ask(ctx, q, opts, &reply)
	return reply, err
}

// ask asks once, or as often as it takes to wait as long as reddot is to wait.
func (c *Client) ask(ctx context.Context, q *question, opts []QueryOption, reply any) error {
	for _, o := range opts {
		o(q)
	}
	if q.wrong != nil {
		return q.wrong
	}
	if err := q.request.Validate(); err != nil {
		return &QueryError{Query: q.query, User: q.user, Code: events.ErrBadRequest, Word: events.ErrBadRequest.Word(), Message: err.Error()}
	}
	ctx, cancel := c.bound(ctx)
	defer cancel()
	if deadline, ok := ctx.Deadline(); ok && q.within == 0 {
		q.within = time.Until(deadline) * 9 / 10
	}
	if q.wait.AfterSeq == 0 || q.wait.TimeoutMS != nil {
		return c.askOnce(ctx, q, reply)
	}
	for {
		step := max(min(q.within, maxWait), time.Millisecond)
		q.wait.TimeoutMS = new(uint64(step.Milliseconds()))
		err := c.askOnce(ctx, q, reply)
		if e, ok := errors.AsType[*QueryError](err); !ok || e.Code != events.ErrNotApplied || q.within <= step {
			return err
		}
		q.within -= step
	}
}

// askOnce sends one request.
func (c *Client) askOnce(ctx context.Context, q *question, reply any) error {
	about := asking(q.query, q.user)
	body, err := json.Marshal(q.request)
	if err != nil {
		return fmt.Errorf("%s: %w", about, err)
	}
	accept := events.Msgpack
	if q.raw != nil {
		accept = events.JSON
	}
	msg := nats.NewMsg(q.subject)
	msg.Header.Set(events.HeaderAccept, accept.ContentType())
	msg.Data = body
	m, err := c.conn.RequestMsgWithContext(ctx, msg)
	if err != nil {
		return fmt.Errorf("%s: %w", about, c.unanswered(ctx, err, q.subject, q.wait.AfterSeq))
	}
	if code := m.Header.Get(events.HeaderErrorCode); code != "" {
		return refused(q, code, m)
	}
	if err := events.Unmarshal(m.Header.Get(events.HeaderContentType), m.Data, reply); err != nil {
		return fmt.Errorf("%s: decode the answer on %s: %w: does another program answer under the prefix %s?", about, q.subject, err, c.opts.Prefix)
	}
	if q.raw != nil {
		*q.raw = m.Data
	}
	return nil
}

// unanswered says why a request has no reply. after is the command it was to
// wait for, 0 for none.
func (c *Client) unanswered(ctx context.Context, err error, subject string, after events.Seq) error {
	late := errors.Is(err, context.DeadlineExceeded) || errors.Is(err, nats.ErrTimeout)
	switch {
	case late && after > 0:
		return fmt.Errorf("command %d is %w: %w", after, ErrNotApplied, context.DeadlineExceeded)
	case late:
		return fmt.Errorf("%w: %w", ErrUnavailable, context.DeadlineExceeded)
	case errors.Is(err, nats.ErrNoResponders):
		return c.absent(ctx, subject)
	}
	return err
}

// refused reads an error reply.
func refused(q *question, code string, m *nats.Msg) error {
	word := m.Header.Get(events.HeaderError)
	n, err := events.ParseCode(code)
	if err != nil {
		return fmt.Errorf("%s: reddot answers with the unknown error %q %q", asking(q.query, q.user), code, word)
	}
	e := &QueryError{Query: q.query, User: q.user, Code: n, Word: word, Message: word}
	var body events.ErrorReply
	if err := events.Unmarshal(m.Header.Get(events.HeaderContentType), m.Data, &body); err == nil && body.Message != "" {
		e.Message = body.Message
	}
	return e
}

// TotalUnread returns how many messages are unread in all, muted conversations
// left out: the number on the app's icon.
func (u *User) TotalUnread(ctx context.Context, opts ...QueryOption) (uint64, error) {
	r, err := u.Totals(ctx, events.TotalsRequest{}, opts...)
	return r.Totals.Unread, err
}

// Totals returns the user's totals: unread messages in all, in C2C, in groups,
// mentions, unread conversations, and what muting and archiving keep out; and those
// of the user's filters. q narrows it to conversations of one kind, with a label or
// without, or with unread mentions, or counts muted ones in. A user nobody has heard
// of has zero totals.
func (u *User) Totals(ctx context.Context, q events.TotalsRequest, opts ...QueryOption) (events.TotalsReply, error) {
	return ask[events.TotalsReply](ctx, u.client, u.question(events.QueryTotals, &q, &q.Wait), opts)
}

// Page returns one page of the user's list, newest activity first, with the
// totals of the whole list at the same version. q.Limit is 1 to
// events.MaxLimit (200), nil for events.DefaultLimit (50). The next page begins
// with q.After set to the reply's Next, which is empty on the last page.
func (u *User) Page(ctx context.Context, q events.ConversationsRequest, opts ...QueryOption) (events.ConversationsReply, error) {
	return ask[events.ConversationsReply](ctx, u.client, u.question(events.QueryConversations, &q, &q.Wait), opts)
}

// Conversations ranges over the user's list, newest activity first, page by
// page: q.Limit is the size of a page, nil for events.MaxLimit (200); q.After is
// where to begin. An error ends it. The client's timeout bounds each page, ctx
// the whole.
//
// A conversation that gets a message while a later page is being read moves to
// the top and may be missed; a listener ([User.Listen]) misses none.
func (u *User) Conversations(ctx context.Context, q events.ConversationsRequest, opts ...QueryOption) iter.Seq2[events.Conversation, error] {
	if q.Limit == nil {
		q.Limit = new(events.MaxLimit)
	}
	return paged(q.After, func(after string) ([]events.Conversation, string, error) {
		q := q
		q.After = after
		page, err := u.Page(ctx, q, opts...)
		return page.Conversations, page.Next, err
	})
}

// Conversation returns one conversation of the list, named "c2c_<peer>" or
// "group_<group>" (see [C2C], [Group]). Not in the list: ErrNotFound.
func (u *User) Conversation(ctx context.Context, conversation string, opts ...QueryOption) (events.Conversation, error) {
	r, err := u.ConversationReply(ctx, conversation, opts...)
	return r.Conversation, err
}

// ConversationReply is Conversation with the user's version.
func (u *User) ConversationReply(ctx context.Context, conversation string, opts ...QueryOption) (events.ConversationReply, error) {
	id, err := events.ParseConversation(conversation)
	if err != nil {
		return events.ConversationReply{}, err
	}
	q := events.ConversationRequest{Conversation: id}
	return ask[events.ConversationReply](ctx, u.client, u.question(events.QueryConversation, &q, &q.Wait), opts)
}

// Explain says why a conversation's count is what it is, naming at most limit
// of the messages that make it up, the oldest first: 1 to events.MaxLimit
// (200), 0 for events.DefaultLimit (50). Not in the list: ErrNotFound.
func (u *User) Explain(ctx context.Context, conversation string, limit int, opts ...QueryOption) (events.Explanation, error) {
	return u.explain(ctx, conversation, nil, limit, opts)
}

// ExplainThread is [User.Explain] for one thread of the conversation, "" for the
// main timeline.
func (u *User) ExplainThread(ctx context.Context, conversation, thread string, limit int, opts ...QueryOption) (events.Explanation, error) {
	return u.explain(ctx, conversation, &thread, limit, opts)
}

func (u *User) explain(ctx context.Context, conversation string, thread *string, limit int, opts []QueryOption) (events.Explanation, error) {
	id, err := events.ParseConversation(conversation)
	if err != nil {
		return events.Explanation{}, err
	}
	q := events.ExplainRequest{Conversation: id, Thread: thread}
	if limit != 0 {
		q.Limit = &limit
	}
	return ask[events.Explanation](ctx, u.client, u.question(events.QueryExplain, &q, &q.Wait), opts)
}

// Watch has change events come also of groups with more members than the server's
// --fanout-limit, until the time that the reply says: renew it before. Listeners do
// so by themselves if [Options].WatchLargeGroups says so.
func (u *User) Watch(ctx context.Context, opts ...QueryOption) (events.WatchReply, error) {
	var q events.WatchRequest
	return ask[events.WatchReply](ctx, u.client, u.question(events.QueryWatch, &q, &q.Wait), opts)
}
