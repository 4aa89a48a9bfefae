package webhook

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"reddot/events"
)

// Asker answers queries, as api.Service does: what is told of a state is what others are
// answered.
type Asker interface {
	Ask(ctx context.Context, user, query string, body []byte, known events.Seq) (reply any, applied events.Seq, err error)
}

// envelope is the body of every message.
type envelope struct {
	Type      Type   `json:"type"`
	Timestamp string `json:"timestamp"` // of the event, RFC 3339
	Data      any    `json:"data"`
}

// badge is what a change says of a badge.
type badge struct {
	version events.Seq
	at      events.Time
	totals  events.Totals
	cause   *Cause
	asks    string // the conversation of the cause, if it is to be looked at whether the message names the user
}

// Cause is the message that made a badge rise, as far as the conversations tell.
type Cause struct {
	Conversation string `json:"conversation"`
	Message      string `json:"message"`
	From         string `json:"from"`
	Mention      bool   `json:"mention"` // it names the user, or all
}

// Badge is the data of badge.changed.
type Badge struct {
	User    string        `json:"user"`
	Version events.Seq    `json:"version"`
	At      events.Time   `json:"at"`
	Badge   uint64        `json:"badge"` // totals.unread
	Totals  events.Totals `json:"totals"`
	Delta   int64         `json:"delta"` // to what this endpoint was told last; if it was told nothing yet, to 0
	Cause   *Cause        `json:"cause,omitempty"`
}

// Receipt is the data of receipt.created: the event, and the totals of who has read.
type Receipt struct {
	events.Receipt
	Totals events.Totals `json:"totals"`
}

// Lost is the data of endpoint.resync.
type Lost struct {
	Reason string `json:"reason"`
}

// retention is the reason of a resync: events had left the stream before they were told.
const retention = "retention"

// causeOf is the newest message of a change that may have made the badge rise.
func causeOf(c *events.Change) (cause *Cause, asks string) {
	var newest *events.Conversation
	for i := range c.Conversations {
		v := &c.Conversations[i]
		if v.LastMessage != nil && !v.LastMessage.Revoked && v.LastMessage.From != c.User && v.Unread > 0 &&
			(newest == nil || v.Version > newest.Version) {
			newest = v
		}
	}
	if newest == nil {
		return nil, ""
	}
	if newest.Mentions > 0 {
		asks = newest.Conversation
	}
	return &Cause{Conversation: newest.Conversation, Message: newest.LastMessage.ID, From: newest.LastMessage.From, Mention: newest.Mentions > 0}, asks
}

// maker makes the bodies of messages.
type maker struct{ ask Asker }

// errNothing says that there is nothing to tell any more.
var errNothing = errors.New("nothing to tell")

// body makes an item's body. before is what was told of the user's badge.
func (m maker) body(ctx context.Context, it *item, before known) (body []byte, tells told, err error) {
	p := it.newest()
	var data any
	at := p.at
	switch it.kind {
	case BadgeChanged:
		b := *p.badge
		if it.again {
			if b, err = m.badgeNow(ctx, it.user, b); err != nil {
				return nil, tells, err
			}
		}
		tells = told{Badge: b.totals.Unread, Version: b.version}
		if before.is && (before.Version > b.version || before.Badge == tells.Badge && (before.Version == b.version || !it.again && !it.sent)) {
			return nil, tells, errNothing
		}
		d := Badge{User: it.user, Version: b.version, At: b.at, Badge: tells.Badge, Totals: b.totals, Delta: int64(tells.Badge)}
		if before.is {
			d.Delta -= int64(before.Badge)
		}
		if d.Delta > 0 {
			d.Cause = m.cause(ctx, it.user, &b)
		}
		data, at = d, b.at
	case ConversationChanged:
		c := it.change()
		if it.again {
			if c, err = m.changeNow(ctx, c); err != nil {
				return nil, tells, err
			}
		}
		data, at, tells.Version = c, c.At, c.Version
	case ReceiptCreated:
		r, err := m.receipt(ctx, it, p.receipt)
		if err != nil {
			return nil, tells, err
		}
		data, tells.Version = r, r.Version
	case GroupReceiptChanged:
		g := it.groupReceipts()
		if it.again {
			if err := m.groupReceiptsNow(ctx, g); err != nil {
				return nil, tells, err
			}
		}
		data, tells.Version = g, g.Version
	case CommandRefused:
		data = p.rejected
	case Resync:
		data = Lost{p.reason}
	case Test:
		data = struct{}{}
	}
	body, err = events.Marshal(events.JSON, envelope{it.kind, stamp(at), data})
	return body, tells, err
}

func stamp(at events.Time) string {
	return time.UnixMilli(int64(at)).UTC().Format("2006-01-02T15:04:05.000Z07:00")
}

// ask asks for a user's state that shows a version, and returns the reply.
func ask[Reply any](ctx context.Context, m maker, user, query string, request any) (reply Reply, err error) {
	body, err := events.Marshal(events.JSON, request)
	if err != nil {
		return reply, err
	}
	answer, _, err := m.ask.Ask(ctx, user, query, body, 0)
	if err != nil {
		return reply, fmt.Errorf("%s of the user: %w", query, err)
	}
	switch answer := answer.(type) {
	case Reply:
		return answer, nil
	case *Reply:
		return *answer, nil
	}
	return reply, fmt.Errorf("%s: answered with a %T", query, answer)
}

func after(seq events.Seq) events.Wait { return events.Wait{AfterSeq: seq} }

// badgeNow is a badge as it is now.
func (m maker) badgeNow(ctx context.Context, user string, b badge) (badge, error) {
	r, err := ask[events.TotalsReply](ctx, m, user, events.QueryTotals, events.TotalsRequest{Wait: after(b.version)})
	if err != nil {
		return b, err
	}
	if r.Version > b.version {
		b.at = events.Time(time.Now().UnixMilli())
	}
	b.version, b.totals = max(b.version, r.Version), r.Totals
	return b, nil
}

// cause is the cause of a badge that rises. Of a conversation with unread mentions it is
// looked at whether its newest message is one of them.
func (m maker) cause(ctx context.Context, user string, b *badge) *Cause {
	if b.cause == nil || b.asks == "" {
		return b.cause
	}
	id, err := events.ParseConversation(b.asks)
	if err != nil {
		return b.cause
	}
	limit := events.MaxLimit
	r, err := ask[events.Explanation](ctx, m, user, events.QueryExplain, events.ExplainRequest{Conversation: id, Limit: &limit})
	if err != nil {
		return b.cause
	}
	cause := *b.cause
	for _, message := range r.Messages {
		if message.ID == cause.Message && message.From == cause.From {
			cause.Mention = message.Mention
		}
	}
	return &cause
}

// sameState is how often a state is read again that has changed while it was read.
const sameState = 5

// changeNow is a change with its conversations as they are now, and their totals.
func (m maker) changeNow(ctx context.Context, c *events.Change) (now *events.Change, err error) {
	for range sameState {
		now, err = m.changeOnce(ctx, c)
		if now != nil || err != nil {
			return now, err
		}
	}
	return nil, errors.New("the user's state changes too fast to be read")
}

// changeOnce is nil if the state changed meanwhile.
func (m maker) changeOnce(ctx context.Context, c *events.Change) (*events.Change, error) {
	t, err := ask[events.TotalsReply](ctx, m, c.User, events.QueryTotals, events.TotalsRequest{Wait: after(c.Version)})
	if err != nil {
		return nil, err
	}
	now := &events.Change{User: c.User, Version: max(c.Version, t.Version), At: c.At, Totals: t.Totals, Filters: t.Filters, Conversations: []events.Conversation{}}
	names := c.Removed
	for i := range c.Conversations {
		names = append(names, c.Conversations[i].Conversation)
	}
	for _, name := range names {
		id, err := events.ParseConversation(name)
		if err != nil {
			continue
		}
		r, err := ask[events.ConversationReply](ctx, m, c.User, events.QueryConversation, events.ConversationRequest{Conversation: id})
		switch {
		case errors.Is(err, events.ErrNotFound):
			now.Removed = append(now.Removed, name)
		case err != nil:
			return nil, err
		case r.Version != t.Version:
			return nil, nil
		default:
			now.Conversations = append(now.Conversations, r.Conversation)
		}
	}
	for i := range c.Threads {
		of := &c.Threads[i]
		id, err := events.ParseConversation(of.Conversation)
		if err != nil {
			continue
		}
		r, err := ask[events.ThreadReply](ctx, m, c.User, events.QueryThread, events.ThreadRequest{Conversation: id, Thread: &of.Thread})
		switch {
		case errors.Is(err, events.ErrNotFound):
		case err != nil:
			return nil, err
		case r.Version != t.Version:
			return nil, nil
		default:
			now.Threads = append(now.Threads, r.Thread)
		}
	}
	return now, nil
}

// receipt is a receipt with the totals of who has read, which show that read.
func (m maker) receipt(ctx context.Context, it *item, of *events.Receipt) (r Receipt, err error) {
	r.Receipt = *of
	if it.again {
		request := events.ReceiptRequest{Peer: &of.Peer, Wait: after(of.Version)}
		if of.Thread != "" {
			request.Thread = &of.Thread
		}
		now, err := ask[events.ReceiptReply](ctx, m, of.User, events.QueryReceipt, request)
		if err == nil && now.Version > r.Version {
			r.Version, r.Upto, r.At = now.Version, now.Upto, now.At
		}
		if err != nil && !errors.Is(err, events.ErrNotFound) {
			return r, err
		}
	}
	t, err := ask[events.TotalsReply](ctx, m, of.Peer, events.QueryTotals, events.TotalsRequest{Wait: after(of.Version)})
	r.Totals = t.Totals
	return r, err
}

// groupReceiptsNow fills in the figures as they are now. Messages that nobody can read any
// more keep the last one.
func (m maker) groupReceiptsNow(ctx context.Context, g *events.GroupReceipts) error {
	for from := 0; from < len(g.Receipts); from += events.MaxReceiptIDs {
		some := g.Receipts[from:min(from+events.MaxReceiptIDs, len(g.Receipts))]
		ids := make([]string, len(some))
		for i, r := range some {
			ids[i] = r.ID
		}
		r, err := ask[events.GroupReceiptsReply](ctx, m, g.User, events.QueryGroupReceipts, events.GroupReceiptsRequest{Group: g.Group, IDs: ids, Wait: after(g.Version)})
		switch {
		case errors.Is(err, events.ErrUnavailable), errors.Is(err, events.ErrNotApplied), errors.Is(err, events.ErrRateLimited):
			return err
		case err != nil: // the policy is another one by now
			return nil
		}
		for i := range some {
			for _, now := range r.Receipts {
				if now.ID == some[i].ID {
					some[i] = now
				}
			}
		}
		g.Version = cmp.Or(max(g.Version, r.Version), g.Version)
	}
	return nil
}
