package client

import (
	"context"
	"iter"

	"reddot/events"
)

// ThreadsPage returns one page of threads, newest activity first: those of a
// conversation, or, without one, those that the user follows everywhere. q.Limit is
// 1 to events.MaxLimit (200), nil for events.DefaultLimit (50). The next page begins
// with q.After set to the reply's Next, which is empty on the last page.
func (u *User) ThreadsPage(ctx context.Context, q events.ThreadsRequest, opts ...QueryOption) (events.ThreadsReply, error) {
	return ask[events.ThreadsReply](ctx, u.client, u.question(events.QueryThreads, &q, &q.Wait), opts)
}

// Threads ranges over threads as [User.Conversations] does over the list.
func (u *User) Threads(ctx context.Context, q events.ThreadsRequest, opts ...QueryOption) iter.Seq2[events.Thread, error] {
	if q.Limit == nil {
		q.Limit = new(events.MaxLimit)
	}
	return paged(q.After, func(after string) ([]events.Thread, string, error) {
		q := q
		q.After = after
		page, err := u.ThreadsPage(ctx, q, opts...)
		return page.Threads, page.Next, err
	})
}

// Thread returns one thread of a conversation, "" for the main timeline. Not there:
// ErrNotFound.
func (u *User) Thread(ctx context.Context, conversation, thread string, opts ...QueryOption) (events.Thread, error) {
	r, err := u.ThreadReply(ctx, conversation, thread, opts...)
	return r.Thread, err
}

// ThreadReply is Thread with the user's version.
func (u *User) ThreadReply(ctx context.Context, conversation, thread string, opts ...QueryOption) (events.ThreadReply, error) {
	id, err := events.ParseConversation(conversation)
	if err != nil {
		return events.ThreadReply{}, err
	}
	q := events.ThreadRequest{Conversation: id, Thread: &thread}
	return ask[events.ThreadReply](ctx, u.client, u.question(events.QueryThread, &q, &q.Wait), opts)
}

// paged ranges over what pages hold, from a cursor on. An error ends it.
func paged[T any](after string, page func(after string) ([]T, string, error)) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		for next := after; ; {
			all, more, err := page(next)
			if err != nil {
				var none T
				yield(none, err)
				return
			}
			for _, x := range all {
				if !yield(x, nil) {
					return
				}
			}
			if more == "" {
				return
			}
			next = more
		}
	}
}
