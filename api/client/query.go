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
type QueryOption func(*events.Wait)

// After has the answer wait until the command seq is applied, so that it shows
// what the command did. seq is what the command's call returned. If that takes
// longer than the call may, the error is ErrNotApplied.
func After(seq events.Seq) QueryOption { return func(w *events.Wait) { w.AfterSeq = seq } }

// request is a pointer to one of the request structs of package events.
type request interface{ Validate() error }

// ask sends one query about a user, with a request and its Wait, and reads the
// reply into a pointer.
func (u *User) ask(ctx context.Context, query string, r request, w *events.Wait, opts []QueryOption, reply any) error {
	if err := events.CheckID("user", u.id); err != nil {
		return err
	}
	for _, o := range opts {
		o(w)
	}
	return u.client.ask(ctx, u.client.subjects.Query(u.id, query), query, u.id, r, w, reply)
}

// ask sends one request. query and user are for errors.
func (c *Client) ask(ctx context.Context, subject, query, user string, r request, w *events.Wait, reply any) error {
	if err := r.Validate(); err != nil {
		return &QueryError{Query: query, User: user, Code: events.ErrBadRequest, Message: err.Error()}
	}
	ctx, cancel := c.bound(ctx)
	defer cancel()
	if deadline, ok := ctx.Deadline(); ok && w.AfterSeq > 0 && w.TimeoutMS == nil {
		// The server gives up a little before the caller, so that its answer
		// arrives.
		w.TimeoutMS = new(uint64(max(1, min(time.Until(deadline)*9/10, maxWait).Milliseconds())))
	}
	body, err := json.Marshal(r)
	if err != nil {
		return fmt.Errorf("%s: %w", asking(query, user), err)
	}
	msg := nats.NewMsg(subject)
	msg.Header.Set(events.HeaderAccept, events.Msgpack.ContentType())
	msg.Data = body
	m, err := c.conn.RequestMsgWithContext(ctx, msg)
	if err != nil {
		return fmt.Errorf("%s: %w", asking(query, user), c.unanswered(ctx, err, subject, w.AfterSeq))
	}
	if code := m.Header.Get(events.HeaderErrorCode); code != "" {
		return refused(query, user, code, m)
	}
	if err := events.Unmarshal(m.Header.Get(events.HeaderContentType), m.Data, reply); err != nil {
		return fmt.Errorf("%s: %w: does another program answer under the prefix %s?", asking(query, user), err, c.opts.Prefix)
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
func refused(query, user, code string, m *nats.Msg) error {
	e := &QueryError{Query: query, User: user, Message: m.Header.Get(events.HeaderError)}
	e.Code, _ = events.ParseCode(code)
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
// mentions, unread conversations, and what muting keeps out. q narrows it to
// one kind of conversation, or to those with unread mentions, or counts muted ones
// in. A user nobody has heard of
// has zero totals.
func (u *User) Totals(ctx context.Context, q events.TotalsRequest, opts ...QueryOption) (events.TotalsReply, error) {
	var reply events.TotalsReply
	err := u.ask(ctx, events.QueryTotals, &q, &q.Wait, opts, &reply)
	return reply, err
}

// Page returns one page of the user's list, newest activity first, with the
// totals of the whole list at the same version. q.Limit is 1 to
// events.MaxLimit (200), nil for events.DefaultLimit (50). The next page begins
// with q.After set to the reply's Next, which is empty on the last page.
func (u *User) Page(ctx context.Context, q events.ConversationsRequest, opts ...QueryOption) (events.ConversationsReply, error) {
	var reply events.ConversationsReply
	err := u.ask(ctx, events.QueryConversations, &q, &q.Wait, opts, &reply)
	return reply, err
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
	return func(yield func(events.Conversation, error) bool) {
		q := q
		for {
			page, err := u.Page(ctx, q, opts...)
			if err != nil {
				yield(events.Conversation{}, err)
				return
			}
			for _, c := range page.Conversations {
				if !yield(c, nil) {
					return
				}
			}
			if page.Next == "" {
				return
			}
			q.After = page.Next
		}
	}
}

// Conversation returns one conversation of the list, named "c2c_<peer>" or
// "group_<group>" (see [C2C], [Group]). Not in the list: ErrNotFound.
func (u *User) Conversation(ctx context.Context, conversation string, opts ...QueryOption) (events.Conversation, error) {
	id, err := events.ParseConversation(conversation)
	if err != nil {
		return events.Conversation{}, err
	}
	var reply events.ConversationReply
	q := events.ConversationRequest{Conversation: id}
	err = u.ask(ctx, events.QueryConversation, &q, &q.Wait, opts, &reply)
	return reply.Conversation, err
}

// Explain says why a conversation's count is what it is, naming at most limit
// of the messages that make it up, the oldest first: 1 to events.MaxLimit
// (200), 0 for events.DefaultLimit (50). Not in the list: ErrNotFound.
func (u *User) Explain(ctx context.Context, conversation string, limit int, opts ...QueryOption) (events.Explanation, error) {
	id, err := events.ParseConversation(conversation)
	if err != nil {
		return events.Explanation{}, err
	}
	q := events.ExplainRequest{Conversation: id}
	if limit != 0 {
		q.Limit = &limit
	}
	var reply events.Explanation
	err = u.ask(ctx, events.QueryExplain, &q, &q.Wait, opts, &reply)
	return reply, err
}

// PeerReceipt says how far peer has read the user's messages: up to the message
// Upto, at the time At of that read in Unix ms. No receipt yet: ErrNotFound.
func (u *User) PeerReceipt(ctx context.Context, peer string, opts ...QueryOption) (events.ReceiptReply, error) {
	if err := events.CheckID("peer", peer); err != nil {
		return events.ReceiptReply{}, err
	}
	var reply events.ReceiptReply
	q := events.ReceiptRequest{Peer: &peer}
	err := u.ask(ctx, events.QueryReceipt, &q, &q.Wait, opts, &reply)
	return reply, err
}

// Status says how far reddot has come: the seqs applied, emitted, durable and
// last in the stream.
func (c *Client) Status(ctx context.Context) (events.Status, error) {
	var reply events.Status
	var q events.StatusRequest
	err := c.ask(ctx, c.subjects.Status(), events.QueryStatus, "", &q, &q.Wait, &reply)
	return reply, err
}
