package projector_test

import (
	"reddot/events"
	"reddot/projector"
)

// asker asks a view, as far as it answers already.
type asker struct{ *projector.View }

func (a asker) Threads(user string, q events.ThreadsRequest) (r events.ThreadsReply, err error) {
	if v, ok := any(a.View).(interface {
		Threads(string, events.ThreadsRequest) (events.ThreadsReply, error)
	}); ok {
		return v.Threads(user, q)
	}
	return r, nil
}

func (a asker) Thread(user string, c events.ConversationID, thread string) (r events.ThreadReply, err error) {
	if v, ok := any(a.View).(interface {
		Thread(string, events.ConversationID, string) (events.ThreadReply, error)
	}); ok {
		return v.Thread(user, c, thread)
	}
	return r, events.ErrNotFound
}

func (a asker) GroupReceipts(user string, q events.GroupReceiptsRequest) (r events.GroupReceiptsReply, err error) {
	if v, ok := any(a.View).(interface {
		GroupReceipts(string, events.GroupReceiptsRequest) (events.GroupReceiptsReply, error)
	}); ok {
		return v.GroupReceipts(user, q)
	}
	return r, events.ErrUnavailable
}

func (a asker) Readers(user string, q events.ReadersRequest) (r events.ReadersReply, err error) {
	if v, ok := any(a.View).(interface {
		Readers(string, events.ReadersRequest) (events.ReadersReply, error)
	}); ok {
		return v.Readers(user, q)
	}
	return r, events.ErrUnavailable
}

func (a asker) Explain(user string, c events.ConversationID, thread *string, limit int) (events.Explanation, error) {
	if v, ok := any(a.View).(interface {
		Explain(string, events.ConversationID, *string, int) (events.Explanation, error)
	}); ok {
		return v.Explain(user, c, thread, limit)
	}
	return any(a.View).(interface {
		Explain(string, events.ConversationID, int) (events.Explanation, error)
	}).Explain(user, c, limit)
}

func (a asker) Receipt(user, peer string, thread *string) (events.ReceiptReply, error) {
	if v, ok := any(a.View).(interface {
		Receipt(string, string, *string) (events.ReceiptReply, error)
	}); ok {
		return v.Receipt(user, peer, thread)
	}
	return any(a.View).(interface {
		Receipt(string, string) (events.ReceiptReply, error)
	}).Receipt(user, peer)
}
