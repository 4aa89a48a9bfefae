package view

import (
	"cmp"
	"math"
	"slices"

	"reddot/events"
	"reddot/projector/fold"
)

// Resume answers a ResumeRequest: whoever has been told all up to a seq, and is told this,
// knows what the other queries answer.
func Resume(r fold.Reader, user string, q events.ResumeRequest) events.ResumeReply {
	reply := events.ResumeReply{User: user}
	since, whole := q.Since, q.All || q.Since == 0
	if !whole {
		reply.Lost = r.Lost(user) > since
		whole = reply.Lost
	}
	if whole {
		since = math.MaxUint64 // nothing but what there is
	}
	c := Change(r, user, since, func(_ fold.Key, s *fold.Summary) bool { return whole || s.Version > since }, func(fold.Key) bool { return whole })
	for i := range c.entries {
		if e := &c.entries[i]; e.row.Unfollowed > since {
			reply.Returned = append(reply.Returned, e.key.String())
		}
	}
	reply.Version, reply.Totals, reply.Filters = c.Version, c.Totals, c.Filters
	reply.Conversations = append([]events.Conversation{}, c.Take(r, math.MaxInt)...)
	reply.Threads = c.TakeThreads(r, math.MaxInt)
	if !whole {
		r.Summaries(user, func(k fold.Key, _ *fold.Conversation, s *fold.Summary) {
			if !s.Listed && s.Version > since {
				reply.Removed = append(reply.Removed, k.String())
			}
		})
	}
	if q.Receipts != nil {
		reply.Receipts, reply.GroupReceipts = receiptsSince(r, user, *q.Receipts)
	}
	return reply
}

// receiptsSince are the receipts of a user after a seq, by version: of the peers and the
// groups with whom there is a conversation.
func receiptsSince(r fold.Reader, user string, since events.Seq) (receipts []events.Receipt, groups []events.GroupReceipts) {
	for _, k := range r.Conversations(user) {
		if k.Kind == events.Group {
			if r.Sender(k) == nil {
				continue
			}
			if g := Raised(r, fold.Author{Group: k.ID, User: user}, since); len(g.Receipts) > 0 {
				groups = append(groups, g)
			}
			continue
		}
		for _, thread := range receiptsOf(r, k) {
			if receipt, ok := Receipt(r, user, k.ID, thread); ok && receipt.Version > since {
				receipts = append(receipts, receipt)
			}
		}
	}
	slices.SortStableFunc(receipts, func(a, b events.Receipt) int { return cmp.Compare(a.Version, b.Version) })
	slices.SortStableFunc(groups, func(a, b events.GroupReceipts) int { return cmp.Compare(a.Version, b.Version) })
	return receipts, groups
}

// receiptsOf names what the peer of a C2C conversation may have sent receipts of: the
// conversation, nil, which the main timeline's is told as, and threads.
func receiptsOf(r fold.Reader, k fold.Key) (threads []*string) {
	peer := fold.Key{User: k.ID, ConversationID: events.ConversationID{Kind: events.C2C, ID: k.User}}
	c := r.Conversation(peer)
	if c == nil {
		return nil
	}
	threads = []*string{nil}
	if c.Timelines == 0 {
		return threads
	}
	for _, t := range r.Timelines(peer) {
		if t.Thread != "" && t.Receipt != nil {
			threads = append(threads, &t.Thread)
		}
	}
	return threads
}
