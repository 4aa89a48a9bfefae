package client

import (
	"context"
	"iter"

	"reddot/events"
)

// PeerReceipt says how far peer has read the user's messages: up to the message
// Upto, at the time At of that read in Unix ms. No receipt yet: ErrNotFound.
func (u *User) PeerReceipt(ctx context.Context, peer string, opts ...QueryOption) (events.ReceiptReply, error) {
	return u.receipt(ctx, events.ReceiptRequest{Peer: &peer}, opts...)
}

// PeerThreadReceipt says how far peer has read the user's messages of a thread of
// their conversation.
func (u *User) PeerThreadReceipt(ctx context.Context, peer, thread string, opts ...QueryOption) (events.ReceiptReply, error) {
	return u.receipt(ctx, events.ReceiptRequest{Peer: &peer, Thread: &thread}, opts...)
}

func (u *User) receipt(ctx context.Context, q events.ReceiptRequest, opts ...QueryOption) (events.ReceiptReply, error) {
	if err := events.CheckID("peer", *q.Peer); err != nil {
		return events.ReceiptReply{}, err
	}
	return ask[events.ReceiptReply](ctx, u.client, u.question(events.QueryReceipt, &q, &q.Wait), opts)
}

// GroupReceipts says by how many members each of at most events.MaxReceiptIDs (30)
// messages of a group is read. Those that are unknown or recalled are left out.
// Whom the policy does not let ask: ErrForbidden; while group receipts are off:
// ErrUnavailable.
func (u *User) GroupReceipts(ctx context.Context, group string, messageIDs []string, opts ...QueryOption) (events.GroupReceiptsReply, error) {
	q := events.GroupReceiptsRequest{Group: group, IDs: messageIDs}
	return ask[events.GroupReceiptsReply](ctx, u.client, u.question(events.QueryGroupReceipts, &q, &q.Wait), opts)
}

// ReadersPage returns one page of the members that have read a message of a group,
// or, with q.Read set to false, of those that have not, by user id. q.Limit is 1 to
// events.MaxLimit (200), nil for events.DefaultLimit (50). Errors are those of
// [User.GroupReceipts]; unknown or recalled: ErrNotFound.
func (u *User) ReadersPage(ctx context.Context, q events.ReadersRequest, opts ...QueryOption) (events.ReadersReply, error) {
	return ask[events.ReadersReply](ctx, u.client, u.question(events.QueryReaders, &q, &q.Wait), opts)
}

// Readers ranges over the members that have read a message, or have not, page by
// page.
func (u *User) Readers(ctx context.Context, q events.ReadersRequest, opts ...QueryOption) iter.Seq2[events.Reader, error] {
	if q.Limit == nil {
		q.Limit = new(events.MaxLimit)
	}
	return paged(q.After, func(after string) ([]events.Reader, string, error) {
		q := q
		q.After = after
		page, err := u.ReadersPage(ctx, q, opts...)
		return page.Users, page.Next, err
	})
}
