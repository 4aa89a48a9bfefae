package api

import (
	"context"
	"time"

	"reddot/events"
)

// View answers at one applied position; it must be closed. One View is used by
// one goroutine at a time.
type View interface {
	// Applied is the seq of the last command the view shows. Commands folded in
	// after the view was taken don't show in it.
	Applied() events.Seq

	// Totals are a user's totals. A user nobody has heard of has zero totals.
	Totals(user string, q events.TotalsRequest) (events.TotalsReply, error)

	// Conversations is one page of a user's list, newest activity first.
	// An "after" that no reply has given: events.ErrCursor.
	Conversations(user string, q events.ConversationsRequest) (events.ConversationsReply, error)

	// Conversation is one conversation of the list.
	// Not in the list: events.ErrNotFound.
	Conversation(user string, c events.ConversationID) (events.ConversationReply, error)

	// Threads is one page of the threads of a conversation, or of those that a user
	// follows, newest activity first. A conversation that is not in the list:
	// events.ErrNotFound; an "after" that no reply has given: events.ErrCursor.
	Threads(user string, q events.ThreadsRequest) (events.ThreadsReply, error)

	// Thread is one thread of a conversation, the main timeline if thread is empty.
	// Not there: events.ErrNotFound.
	Thread(user string, c events.ConversationID, thread string) (events.ThreadReply, error)

	// GroupReceipts says by how many members messages are read. Not by this user to
	// be asked: events.ErrForbidden; by nobody: events.ErrUnavailable.
	GroupReceipts(user string, q events.GroupReceiptsRequest) (events.GroupReceiptsReply, error)

	// Readers is one page of the members who have read a message, or have not, by id.
	// Errors as of GroupReceipts; no such message: events.ErrNotFound.
	Readers(user string, q events.ReadersRequest) (events.ReadersReply, error)

	// Explain says why the count of a conversation, or of a thread of it, is what it
	// is. Not in the list: events.ErrNotFound.
	Explain(user string, q events.ExplainRequest) (events.Explanation, error)

	// Receipt says how far peer has read user's messages, those of a thread if one is
	// given. No receipt was ever sent: events.ErrNotFound.
	Receipt(user, peer string, thread *string) (events.ReceiptReply, error)

	// Resume is what has changed for a user since what the user has been told, or the
	// whole list.
	Resume(user string, q events.ResumeRequest) (events.ResumeReply, error)

	// Version is the version of all that a user is shown.
	Version(user string) (events.Seq, error)

	// Some are those of some conversations that are in a user's list.
	Some(user string, q events.ConversationsGetRequest) (events.ConversationsGetReply, error)

	// TotalsOf are the totals of some users.
	TotalsOf(q events.TotalsBatchRequest) (events.TotalsBatchReply, error)

	// Users is one page of the users who have a conversation, by id. An "after" that no
	// reply has given: events.ErrCursor.
	Users(q events.UsersRequest) (events.UsersReply, error)

	// Group shows a group. Not there: events.ErrNotFound.
	Group(group string) (events.GroupReply, error)

	// Members is one page of a group's members, by id. Not there: events.ErrNotFound.
	Members(q events.MembersRequest) (events.MembersReply, error)

	// Until has an answer that takes long ask now and then whether it is still
	// wanted. An error ends it, and is what it returns.
	Until(wanted func() error)

	// Close gives back what the view holds.
	Close() error
}

// Source is a projection that can be asked. Any number of goroutines may use
// it at once.
type Source interface {
	// Fresh returns nil if what a view shows is the newest state, or nearly so,
	// else why that is not known. It is asked some times a second, and never
	// blocks. While it is
	// events.ErrBehind, commands that are waited for come nearer.
	Fresh() error

	// View opens a view at the newest applied position. An error means that no
	// question can be answered now.
	View() (View, error)

	// Newest returns nil if views opened from now on show all that anybody was
	// answered before now, by this instance or another. Else it returns what waits
	// until that is so; that returns ctx's error if it ends first, and another
	// error if nobody can say.
	Newest() (wait func(ctx context.Context) error)

	// WaitApplied returns nil once the command seq has been applied, ctx's error
	// if that ends first, and another error if it can't be waited for any more.
	// A seq beyond the stream's end is waited for like any other.
	WaitApplied(ctx context.Context, seq events.Seq) error

	// WaitEmitted is WaitApplied for "all events of the commands up to seq are
	// stored".
	WaitEmitted(ctx context.Context, seq events.Seq) error

	// Status says how far the projection has come. It may ask the NATS server
	// for the stream's end, so it may take as long as ctx allows.
	Status(ctx context.Context) (events.Status, error)

	// Watch makes user a watcher: change events of groups beyond the fan-out
	// limit are sent to user too, until the time returned (Unix ms).
	Watch(user string) (until events.Time, err error)

	// Hold has change events and receipts held back for a while, with 0 no longer,
	// until the time returned; 0: they are not.
	Hold(ttl time.Duration) (until events.Time, err error)
}

// Maintainer does what an operator asks for. Its methods begin something, or
// join what has begun, and return at once; how far it is stands in the status.
type Maintainer interface {
	// Rebuild begins to build a new store from the log.
	Rebuild(ctx context.Context) (events.Rebuild, error)

	// Snapshot begins to take a snapshot.
	Snapshot(ctx context.Context) (events.Snapshot, error)
}
