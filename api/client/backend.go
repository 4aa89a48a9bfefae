package client

import (
	"context"

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
	Thread     string   // stored, not yet counted by
}

// command makes the command for a message.
func (m *Message) command(verb events.Verb, inbox string) events.Command {
	return events.Command{
		Verb: verb, Inbox: inbox, ID: m.ID, From: m.From,
		Silent: m.Silent, Hidden: m.Hidden, Mentions: m.Mentions, MentionAll: m.MentionAll, Thread: m.Thread,
	}
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

// InThread names the thread of a message sent; stored, not yet counted by.
func InThread(id string) CommandOption { return func(s *sending) { s.command.Thread = id } }

// Revoke reports that a C2C message to a user was recalled. It may come before
// its message.
func (c *Client) Revoke(ctx context.Context, to, from, messageID string, opts ...CommandOption) (events.Seq, error) {
	return c.Send(ctx, events.Command{Verb: events.UserRevoke, Inbox: to, From: from, ID: messageID}, opts...)
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

// SetPolicy says what a user's own messages do from here on: events.OwnKeep
// clears nothing (the default), events.OwnAdvance reads the conversation up to
// the message.
func (c *Client) SetPolicy(ctx context.Context, own events.OwnPolicy, opts ...CommandOption) (events.Seq, error) {
	return c.Send(ctx, events.Command{Verb: events.PolicySet, OwnMessage: own}, opts...)
}
