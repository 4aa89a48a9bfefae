package main

import (
	"slices"

	"reddot/events"
)

// action is a command of the program that publishes one command to reddot.
type action struct {
	use     string // as cobra's: the name, then the arguments
	short   string
	long    string // what else there is to say
	example string
	verb    events.Verb
	group   events.Verb // with --group in the place of the first argument; NoVerb: it has none
	fields  []string    // that have a flag; see actionFlags
	prepare func(c *events.Command, args []string) error
}

// actions is every one of them.
func actions() []action {
	return slices.Concat(messageActions(), ownActions(), settingActions(), choiceActions(), inboxActions())
}

// messageActions say what becomes of messages.
func messageActions() []action {
	return []action{
		{use: "send [USER]", verb: events.UserMessage, group: events.GroupMessage,
			short: "Publish a message to a user, or to a group",
			long: `Publish that a user received a message, or with --group that a message was
written in a group. Only what counts is published, not what the message says.`,
			example: `  reddot send alice --from bob
  reddot send --group team --from bob --mention alice`,
			fields:  []string{"id", "from", "silent", "hidden", "mention", "mention-all", "thread", "broadcast", "receipt", "expires-at"},
			prepare: newMessage},
		{use: "edit [USER] ID", verb: events.UserEdit, group: events.GroupEdit,
			short: "Publish whom a message names now",
			long:  "Publish whom a message names now: those of --mention and nobody else.",
			example: `  reddot edit alice m1 --from bob --mention alice
  reddot edit --group team t1 --mention-all`,
			fields: []string{"from", "mention", "mention-all"}, prepare: messageID},
		{use: "revoke [USER] ID", verb: events.UserRevoke, group: events.GroupRevoke,
			short: "Publish that a message was recalled",
			example: `  reddot revoke alice m1 --from bob
  reddot revoke --group team t1`,
			fields: []string{"from"}, prepare: messageID},
		{use: "sent USER PEER ID", verb: events.UserSent,
			short:   "Publish that a user sent a message to a peer",
			example: "  reddot sent bob alice m1",
			fields:  []string{"silent", "hidden", "thread"},
			prepare: func(c *events.Command, args []string) error {
				c.To, c.ID = args[0], args[1]
				return nil
			}},
	}
}

// ownActions are what users do with what they have unread.
func ownActions() []action {
	return []action{
		{use: "read USER CONVERSATION", verb: events.UserRead,
			short: "Mark a conversation read",
			long: `Mark a conversation read, its threads as well: all that there is before the
command, or up to a message or a time. With --thread that thread alone, with
--thread "" what is in no thread.`,
			example: `  reddot read alice c2c_bob
  reddot read alice group_team --upto t2
  reddot read alice group_team --thread t1`,
			fields: []string{"upto", "upto-at", "timeline", "private"}, prepare: inConversation},
		{use: "read-all USER", verb: events.UserReadAll,
			short:   "Mark all conversations read",
			long:    "Mark all conversations read: all that there is before the command, or up to a time.",
			example: "  reddot read-all alice --kind group\n  reddot read-all alice --threads",
			fields:  []string{"kind", "upto-at", "all-threads", "private"}},
		{use: "unread USER CONVERSATION", verb: events.UserUnread,
			short: "Mark a conversation unread",
			long: `Mark a conversation unread from a message on, in all its threads or in that of
--thread, or without --from-message with the bare mark.`,
			example: `  reddot unread alice c2c_bob
  reddot unread alice c2c_bob --from-message m7
  reddot unread alice group_team --from-message t2 --thread t1`,
			fields: []string{"from-message", "timeline"}, prepare: inConversation},
		{use: "delete USER CONVERSATION", verb: events.UserDelete,
			short: "Drop a conversation from the list",
			long: `Drop a conversation from the list: all that there is before the command, or up to
a message or a time. What comes after that stays, so that it does no harm to say
it twice.`,
			example: `  reddot delete alice c2c_bob
  reddot delete alice c2c_bob --upto m7`,
			fields: []string{"upto", "upto-at"}, prepare: inConversation},
		{use: "clear USER CONVERSATION", verb: events.UserClear,
			short: "Forget a conversation's history for a user",
			long: `Forget a conversation's history for a user: all that there is before the command,
or before a message. It stays in the list, with nothing unread.`,
			example: `  reddot clear alice c2c_bob
  reddot clear alice c2c_bob --before m7`,
			fields: []string{"before"}, prepare: inConversation},
	}
}

// The arguments behind the inbox, by what they are.

func inConversation(c *events.Command, args []string) (err error) {
	if c.Conversation, err = events.ParseConversation(args[0]); err != nil {
		return usagef("%q: %w: use c2c_PEER or group_GROUP", args[0], err)
	}
	return nil
}

func theseUsers(c *events.Command, args []string) error {
	c.Users = args
	return nil
}

func messageID(c *events.Command, args []string) error {
	c.ID = args[0]
	switch {
	case c.Verb != events.GroupRevoke && c.Verb != events.GroupEdit:
		return wantsFrom(c, c.Verb)
	case c.From != "":
		return usagef("--from is for a message to a user: leave it out, or leave out --group")
	}
	return nil
}

// newMessage gives a message an id if it has none.
func newMessage(c *events.Command, _ []string) error {
	if c.ID == "" {
		c.ID = newID()
	}
	return wantsFrom(c, c.Verb)
}

// wantsFrom wants the sender of a verb's messages.
func wantsFrom(c *events.Command, verb events.Verb) error {
	if c.Verb == verb && c.From == "" {
		return usagef("name the sender with --from")
	}
	return nil
}
