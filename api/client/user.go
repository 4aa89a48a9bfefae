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

// MarkC2CRead marks the conversation with a peer as read, and sends the peer a
// receipt if that is further than any receipt before. Options: [Upto],
// [UptoTime], [Private], [At]. Without a position it reads whatever is stored
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

// MarkGroupRead marks a group's conversation as read. Options: [Upto],
// [UptoTime], [At]. It is refused if the user is not a member (rule stranger).
func (u *User) MarkGroupRead(ctx context.Context, group string, opts ...CommandOption) (events.Seq, error) {
	return u.do(ctx, events.Command{Verb: events.UserRead, Conversation: events.ConversationID{Kind: events.Group, ID: group}}, opts)
}

// MarkAllRead marks every conversation of the list as read, muted ones too, and
// sends receipts as MarkC2CRead does. Options: [Kind], [UptoTime], [Private], [At].
func (u *User) MarkAllRead(ctx context.Context, opts ...CommandOption) (events.Seq, error) {
	return u.do(ctx, events.Command{Verb: events.UserReadAll}, opts)
}

// MarkUnread marks a conversation as unread. With [FromMessage] that message
// and all later ones count again; without, or if none of them counts, the
// conversation only gets a mark that no count includes. The next read clears both.
func (u *User) MarkUnread(ctx context.Context, conversation string, opts ...CommandOption) (events.Seq, error) {
	return u.doOn(ctx, conversation, events.Command{Verb: events.UserUnread}, opts)
}

// Mute keeps a conversation out of the totals, or takes it in again. It goes on
// counting.
func (u *User) Mute(ctx context.Context, conversation string, muted bool, opts ...CommandOption) (events.Seq, error) {
	return u.doOn(ctx, conversation, events.Command{Verb: events.UserMute, Muted: muted}, opts)
}

// DeleteConversation drops a conversation from the list, with nothing unread
// and without a receipt. The next counted message brings it back with 1. Options:
// [Upto], [UptoTime], [At]; with a position what lies after it stays, so that a
// retry does no harm.
func (u *User) DeleteConversation(ctx context.Context, conversation string, opts ...CommandOption) (events.Seq, error) {
	return u.doOn(ctx, conversation, events.Command{Verb: events.UserDelete}, opts)
}

// Erase forgets the user: conversations, memberships, read positions. There is
// no way back. It is a back end's to do: the command goes to the log itself.
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
