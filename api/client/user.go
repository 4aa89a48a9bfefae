package client

import (
	"context"
	"time"

	"reddot/events"
)

// Upto names the last message that was seen: the read goes up to that message
// and leaves later ones unread, whatever the order in which reads and messages
// arrive (rules read-exact and read-early). A client should always give it. Of a
// conversation that is deleted, the last message that is.
func Upto(messageID string) CommandOption {
	return func(s *sending) { s.command.Upto = messageID }
}

// UptoTime reads every message whose time is not later than t, to the
// millisecond (rule read-time). With [Upto], the further of the two wins.
func UptoTime(t time.Time) CommandOption {
	return func(s *sending) { s.command.UptoAt, s.command.HasUptoAt = events.Time(t.UnixMilli()), true }
}

// Private keeps a read to oneself: no receipt is sent, until a later read that is
// not private says how far one has read.
func Private() CommandOption { return func(s *sending) { s.command.Private = true } }

// Kind narrows MarkAllRead to C2C conversations or to groups.
func Kind(k events.Kind) CommandOption { return func(s *sending) { s.command.Kind = k } }

// FromMessage has MarkUnread begin at a message: it and all later ones count
// again.
func FromMessage(messageID string) CommandOption {
	return func(s *sending) { s.command.From = messageID }
}

// InThread has a command be about one thread: a message sent is of it; a read, a
// mute or a mark of unread concerns it alone.
func InThread(id string) CommandOption {
	return func(s *sending) {
		verb := s.command.Verb
		s.command.Thread = id
		// Elsewhere an empty one is refused: it would widen what the command does.
		s.command.HasThread = id == "" || verb == events.UserRead || verb == events.UserUnread
	}
}

// InMainTimeline has a read, or a mark of unread, concern the messages without a
// thread only. Without it and [InThread] every timeline is meant.
func InMainTimeline() CommandOption { return InThread("") }

// AllThreads has MarkAllRead read every thread of every conversation, and no main
// timeline.
func AllThreads() CommandOption { return func(s *sending) { s.command.Threads = true } }

// Before bounds ClearHistory and Purge by a message: it and what lies after it
// stay.
func Before(messageID string) CommandOption {
	return func(s *sending) { s.command.Before = messageID }
}

// MarkC2CRead marks the conversation with a peer as read, and sends the peer a
// receipt if that is further than any receipt before. Options: [Upto],
// [UptoTime], [InThread], [InMainTimeline], [Private], [At]. Without a position it reads whatever is stored
// before it, also what the user has not seen. It returns the command's seq.
//
// Like the user's other commands it is asked for at reddot, which checks and
// stores it, so it needs no permission to publish to the log. It can have a
// [Key]. What breaks a rule of form is an [*events.Invalid], one that is not
// known to be stored a [*CommandError]; with [WaitApplied] or [WaitEmitted] one
// that is stored and refused is a [*RefusedError]. One user may ask for so many
// commands a second (reddot serve --user-rate, 20): beyond, ErrRateLimited.
func (u *User) MarkC2CRead(ctx context.Context, peer string, opts ...CommandOption) (events.Seq, error) {
	return u.do(ctx, events.Command{Verb: events.UserRead, Conversation: events.ConversationID{Kind: events.C2C, ID: peer}}, opts)
}

// MarkGroupRead marks a group's conversation as read, and gives a receipt for
// what it covers if the policy for group receipts says so. Options: [Upto],
// [UptoTime], [InThread], [InMainTimeline], [Private], [At]. It is refused if the
// user is not a member (rule stranger).
func (u *User) MarkGroupRead(ctx context.Context, group string, opts ...CommandOption) (events.Seq, error) {
	return u.do(ctx, events.Command{Verb: events.UserRead, Conversation: events.ConversationID{Kind: events.Group, ID: group}}, opts)
}

// MarkAllRead marks every conversation of the list as read, muted ones too, and
// sends receipts as MarkC2CRead does. Options: [Kind], [UptoTime], [AllThreads],
// [Private], [At].
func (u *User) MarkAllRead(ctx context.Context, opts ...CommandOption) (events.Seq, error) {
	return u.do(ctx, events.Command{Verb: events.UserReadAll}, opts)
}

// MarkUnread marks a conversation as unread. With [FromMessage] that message
// and all later ones count again; without, or if none of them counts, the
// conversation only gets a mark that no count includes. The next read clears both.
// With [InThread] and [FromMessage] it is about that thread, which the user follows
// then.
func (u *User) MarkUnread(ctx context.Context, conversation string, opts ...CommandOption) (events.Seq, error) {
	return u.doOn(ctx, conversation, events.Command{Verb: events.UserUnread}, opts)
}

// Mute keeps a conversation out of the totals, or takes it in again: it sets its
// level to none or to all. It goes on counting. With [InThread] it is a thread that
// is kept out.
func (u *User) Mute(ctx context.Context, conversation string, muted bool, opts ...CommandOption) (events.Seq, error) {
	return u.doOn(ctx, conversation, events.Command{Verb: events.UserMute, Muted: muted}, opts)
}

// SetLevel says what a conversation puts into the totals (rule level).
func (u *User) SetLevel(ctx context.Context, conversation string, level events.Level, opts ...CommandOption) (events.Seq, error) {
	return u.doOn(ctx, conversation, events.Command{Verb: events.UserLevel, Level: level}, opts)
}

// Label adds labels to a conversation and removes others, which comes first: at
// most events.MaxLabels (32) stay, of 1 to 64 bytes each. events.LabelArchived
// keeps it out of the totals; others say nothing about counts.
func (u *User) Label(ctx context.Context, conversation string, add, remove []string, opts ...CommandOption) (events.Seq, error) {
	return u.doOn(ctx, conversation, events.Command{Verb: events.UserLabel, Add: add, Remove: remove}, opts)
}

// SetFilter keeps a filter under a name: its totals come with every change from
// then on ([Listener].FiltersChanged, [User.Totals]). At most events.MaxFilters (20).
func (u *User) SetFilter(ctx context.Context, name string, filter events.Filter, opts ...CommandOption) (events.Seq, error) {
	return u.do(ctx, events.Command{Verb: events.UserFilter, Name: name, Filter: &filter}, opts)
}

// DropFilter forgets a filter.
func (u *User) DropFilter(ctx context.Context, name string, opts ...CommandOption) (events.Seq, error) {
	return u.do(ctx, events.Command{Verb: events.UserFilter, Name: name}, opts)
}

// Block has messages of users count no more for this one, or again, those that are
// unread included (rule block). At most events.MaxBlocked (1,000) in all. Nothing of
// it shows to them.
func (u *User) Block(ctx context.Context, users []string, blocked bool, opts ...CommandOption) (events.Seq, error) {
	return u.do(ctx, events.Command{Verb: events.UserBlock, Users: users, Blocked: blocked}, opts)
}

// Follow follows a thread, or no longer (rule follow).
func (u *User) Follow(ctx context.Context, conversation, thread string, following bool, opts ...CommandOption) (events.Seq, error) {
	return u.doOn(ctx, conversation, events.Command{Verb: events.UserFollow, Thread: thread, Following: following}, opts)
}

// ClearHistory forgets the messages of a conversation for this user, up to the
// newest or before the one that [Before] names. It stays in the list, with nothing
// unread and without a receipt.
func (u *User) ClearHistory(ctx context.Context, conversation string, opts ...CommandOption) (events.Seq, error) {
	return u.doOn(ctx, conversation, events.Command{Verb: events.UserClear}, opts)
}

// DeleteConversation drops a conversation from the list, with nothing unread
// and without a receipt. The next counted message brings it back with 1. Options:
// [Upto], [UptoTime], [At]; with a position what lies after it stays, so that a
// retry does no harm.
func (u *User) DeleteConversation(ctx context.Context, conversation string, opts ...CommandOption) (events.Seq, error) {
	return u.doOn(ctx, conversation, events.Command{Verb: events.UserDelete}, opts)
}

// Import says what the user's conversations were before everything that reddot was
// told of them (rule import): at most events.MaxImports (1,000) in one command. A
// conversation is imported once. It is a back end's to do.
func (u *User) Import(ctx context.Context, conversations []events.Import, opts ...CommandOption) (events.Seq, error) {
	return u.client.Send(ctx, events.Command{Verb: events.UserImport, Inbox: u.id, Conversations: conversations}, opts...)
}

// Erase forgets the user: conversations, memberships, read positions, filters,
// blocked users. There is no way back. It is a back end's to do: the command goes to the log itself.
func (u *User) Erase(ctx context.Context, opts ...CommandOption) (events.Seq, error) {
	return u.client.Send(ctx, events.Command{Verb: events.UserErase, Inbox: u.id}, opts...)
}

// WaitApplied is [Client.WaitApplied] for one who may only ask about the user.
func (u *User) WaitApplied(ctx context.Context, seq events.Seq) error {
	if err := events.CheckID("user", u.id); err != nil {
		return err
	}
	return u.client.await(ctx, u.client.subjects.Query(u.id, events.QueryTotals), "applied", seq)
}

// doOn asks for a command about a conversation given by name.
func (u *User) doOn(ctx context.Context, conversation string, c events.Command, opts []CommandOption) (events.Seq, error) {
	id, err := events.ParseConversation(conversation)
	if err != nil {
		return 0, err
	}
	c.Conversation = id
	return u.do(ctx, c, opts)
}
