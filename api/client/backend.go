package client

import (
	"context"
	"time"

	"reddot/events"
)

// Message is a message as reddot sees it: not what it says, but what it does
// to counts. Its time is given with [At].
type Message struct {
	ID   string // names one message of its conversation, for ever (rule once)
	From string // the sender's user id

	Silent     bool     // never counts
	Hidden     bool     // neither counts nor shows as the last message, but reads up to it work
	Mentions   []string // users it names; at most events.MaxMentions (1,000)
	MentionAll bool     // it names everybody; groups only
	Thread     string   // the id of the thread that it is of; empty: the main timeline

	// Broadcast has a message of a thread count in the conversation too, where the
	// policy has others count in their thread only; Receipt has its sender hear of
	// who reads it ([Listener].GroupReadReceipt). Groups only.
	Broadcast, Receipt bool

	ExpiresAt time.Time // when it stops counting, to the millisecond; zero: never
}

// command makes the command for a message.
func (m *Message) command(verb events.Verb, inbox string) events.Command {
	c := events.Command{
		Verb: verb, Inbox: inbox, ID: m.ID, From: m.From,
		Silent: m.Silent, Hidden: m.Hidden, Mentions: m.Mentions, MentionAll: m.MentionAll,
		Thread: m.Thread, Broadcast: m.Broadcast, Receipt: m.Receipt,
	}
	if !m.ExpiresAt.IsZero() {
		c.ExpiresAt, c.HasExpiresAt = events.Time(m.ExpiresAt.UnixMilli()), true
	}
	return c
}

// MessageReceived reports that a user received a C2C message. Report the
// sender's side with MessageSent, if the sender's own list is to show it.
func (c *Client) MessageReceived(ctx context.Context, to string, m Message, opts ...CommandOption) (events.Seq, error) {
	return c.Send(ctx, m.command(events.UserMessage, to), opts...)
}

// MessageSent reports that a user sent a C2C message. It brings the conversation
// to the top of the sender's own list and never counts (rule own). Options:
// [Silent], [Hidden], [InThread], [At].
func (c *Client) MessageSent(ctx context.Context, from, to, messageID string, opts ...CommandOption) (events.Seq, error) {
	return c.Send(ctx, events.Command{Verb: events.UserSent, Inbox: from, To: to, ID: messageID}, opts...)
}

// Silent says of a message sent that it disturbs nobody: it does not bring back a
// deleted conversation, nor read one.
func Silent() CommandOption { return func(s *sending) { s.command.Silent = true } }

// Hidden says of a message sent that it does not show: a reaction, say.
func Hidden() CommandOption { return func(s *sending) { s.command.Hidden = true } }

// Revoke reports that a C2C message to a user was recalled. It may come before
// its message.
func (c *Client) Revoke(ctx context.Context, to, from, messageID string, opts ...CommandOption) (events.Seq, error) {
	return c.Send(ctx, events.Command{Verb: events.UserRevoke, Inbox: to, From: from, ID: messageID}, opts...)
}

// Edit reports whom a C2C message to a user names now: absent ones no longer (rule
// edit).
func (c *Client) Edit(ctx context.Context, to, from, messageID string, mentions []string, opts ...CommandOption) (events.Seq, error) {
	return c.Send(ctx, events.Command{Verb: events.UserEdit, Inbox: to, From: from, ID: messageID, Mentions: mentions}, opts...)
}

// GroupMessage reports a message in a group: one command, whatever the number
// of members.
func (c *Client) GroupMessage(ctx context.Context, group string, m Message, opts ...CommandOption) (events.Seq, error) {
	return c.Send(ctx, m.command(events.GroupMessage, group), opts...)
}

// GroupRevoke reports that a message in a group was recalled. It may come before
// its message.
func (c *Client) GroupRevoke(ctx context.Context, group, messageID string, opts ...CommandOption) (events.Seq, error) {
	return c.Send(ctx, events.Command{Verb: events.GroupRevoke, Inbox: group, ID: messageID}, opts...)
}

// GroupEdit reports whom a message in a group names now: these users, and
// everybody if all is set (rule edit).
func (c *Client) GroupEdit(ctx context.Context, group, messageID string, mentions []string, all bool, opts ...CommandOption) (events.Seq, error) {
	return c.Send(ctx, events.Command{Verb: events.GroupEdit, Inbox: group, ID: messageID, Mentions: mentions, MentionAll: all}, opts...)
}

// Purge reports that messages of a group are gone for all: those before the message
// that [Before] names, or before the time of [BeforeTime].
func (c *Client) Purge(ctx context.Context, group string, opts ...CommandOption) (events.Seq, error) {
	return c.Send(ctx, events.Command{Verb: events.GroupPurge, Inbox: group}, opts...)
}

// BeforeTime bounds Purge by a time, to the millisecond: messages of that time stay.
func BeforeTime(t time.Time) CommandOption {
	return func(s *sending) { s.command.BeforeAt, s.command.HasBeforeAt = events.Time(t.UnixMilli()), true }
}

// Join reports that users are members of a group from here on: at most
// events.MaxUsers (10,000) in one command. Those who are members stay as they
// are.
func (c *Client) Join(ctx context.Context, group string, users []string, opts ...CommandOption) (events.Seq, error) {
	return c.Send(ctx, events.Command{Verb: events.GroupJoin, Inbox: group, Users: users}, opts...)
}

// Leave reports that users left a group or were removed: at most events.MaxUsers
// (10,000) in one command.
func (c *Client) Leave(ctx context.Context, group string, users []string, opts ...CommandOption) (events.Seq, error) {
	return c.Send(ctx, events.Command{Verb: events.GroupLeave, Inbox: group, Users: users}, opts...)
}

// Dismiss reports that a group is gone.
func (c *Client) Dismiss(ctx context.Context, group string, opts ...CommandOption) (events.Seq, error) {
	return c.Send(ctx, events.Command{Verb: events.GroupDismiss, Inbox: group}, opts...)
}

// Policies are what a back end decides for all. A zero field leaves its policy as
// it is.
type Policies struct {
	// OwnMessage says what a user's own messages do: events.OwnKeep clears nothing
	// (the default), events.OwnAdvance reads the conversation up to the message.
	OwnMessage events.OwnPolicy

	// Threads says where messages of threads count in groups: events.ThreadsIn the
	// conversation too (the default), events.ThreadsApart for followers only.
	Threads events.ThreadPolicy

	// GroupReceipts says who may ask who has read a message: events.ReceiptsOff
	// nobody (the default), events.ReceiptsSender its sender, events.ReceiptsMembers
	// the group's members.
	GroupReceipts events.ReceiptPolicy
}

// SetPolicies sets policies from here on: what came before counts as it did.
func (c *Client) SetPolicies(ctx context.Context, p Policies, opts ...CommandOption) (events.Seq, error) {
	return c.Send(ctx, events.Command{
		Verb: events.PolicySet, OwnMessage: p.OwnMessage, ThreadPolicy: p.Threads, GroupReceipts: p.GroupReceipts,
	}, opts...)
}

// SetClock has expire what expires by a time (rule clock). Reddot does so by itself,
// in the time of its own clock; a back end need not.
func (c *Client) SetClock(ctx context.Context, t time.Time, opts ...CommandOption) (events.Seq, error) {
	return c.Send(ctx, events.Command{Verb: events.ClockSet}, append(opts, At(t))...)
}
