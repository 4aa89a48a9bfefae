package main

import (
	"github.com/spf13/cobra"

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
	return []action{
		{use: "send [USER]", verb: events.UserMessage, group: events.GroupMessage,
			short: "Publish a message to a user, or to a group",
			long: `Publish that a user received a message, or with --group that a message was
written in a group. Only what counts is published, not what the message says.`,
			example: `  reddot send alice --from bob
  reddot send --group team --from bob --mention alice`,
			fields:  []string{"id", "from", "silent", "hidden", "mention", "mention-all", "thread"},
			prepare: newMessage},
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
		{use: "read USER CONVERSATION", verb: events.UserRead,
			short: "Mark a conversation read",
			long:  "Mark a conversation read: all that there is before the command, or up to a message or a time.",
			example: `  reddot read alice c2c_bob
  reddot read alice group_team --upto t2`,
			fields: []string{"upto", "upto-at", "private"}, prepare: inConversation},
		{use: "read-all USER", verb: events.UserReadAll,
			short:   "Mark all conversations read",
			long:    "Mark all conversations read: all that there is before the command, or up to a time.",
			example: "  reddot read-all alice --kind group",
			fields:  []string{"kind", "upto-at", "private"}},
		{use: "unread USER CONVERSATION", verb: events.UserUnread,
			short: "Mark a conversation unread",
			long:  "Mark a conversation unread from a message on, or without --from-message with the bare mark.",
			example: `  reddot unread alice c2c_bob
  reddot unread alice c2c_bob --from-message m7`,
			fields: []string{"from-message"}, prepare: inConversation},
		{use: "mute USER CONVERSATION", verb: events.UserMute,
			short:   "Keep a conversation out of the totals",
			example: "  reddot mute alice group_team",
			prepare: func(c *events.Command, args []string) error {
				c.Muted = true
				return inConversation(c, args)
			}},
		{use: "unmute USER CONVERSATION", verb: events.UserMute,
			short:   "Put a conversation into the totals again",
			example: "  reddot unmute alice group_team",
			prepare: inConversation},
		{use: "delete USER CONVERSATION", verb: events.UserDelete,
			short: "Drop a conversation from the list",
			long: `Drop a conversation from the list: all that there is before the command, or up to
a message or a time. What comes after that stays, so that it does no harm to say
it twice.`,
			example: `  reddot delete alice c2c_bob
  reddot delete alice c2c_bob --upto m7`,
			fields: []string{"upto", "upto-at"}, prepare: inConversation},
		{use: "erase USER", verb: events.UserErase,
			short:   "Forget a user: conversations, memberships and read positions",
			example: "  reddot erase alice"},
		{use: "join GROUP USER...", verb: events.GroupJoin,
			short:   "Make users members of a group",
			example: "  reddot join team alice bob carol",
			prepare: theseUsers},
		{use: "leave GROUP USER...", verb: events.GroupLeave,
			short:   "Take users out of a group",
			example: "  reddot leave team carol",
			prepare: theseUsers},
		{use: "dismiss GROUP", verb: events.GroupDismiss,
			short:   "Dissolve a group",
			example: "  reddot dismiss team"},
		{use: "policy", verb: events.PolicySet,
			short:   "Say what holds from here on",
			long:    "Say what a user's own messages do from here on: clear nothing (keep, as it is at\nfirst), or read the conversation up to them (advance).",
			example: "  reddot policy --own-message advance",
			fields:  []string{"own-message"},
			prepare: func(c *events.Command, _ []string) error {
				if c.OwnMessage == events.NoPolicy {
					return usagef("name a policy: --own-message keep or --own-message advance")
				}
				return nil
			}},
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
	if c.Verb == events.GroupRevoke && c.From != "" {
		return usagef("--from is for a message to a user: leave it out, or leave out --group")
	}
	return wantsFrom(c, events.UserRevoke)
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

// actionFlags gives a command line the flags of fields, which fill the command.
func actionFlags(cmd *cobra.Command, c *events.Command, a *app, fields []string) {
	f := cmd.Flags()
	for _, field := range fields {
		switch field {
		case "id":
			f.StringVar(&c.ID, field, "", "`id` of the message (default a new one)")
		case "from":
			f.StringVar(&c.From, field, "", "`user` who sent the message")
		case "from-message":
			f.StringVar(&c.From, field, "", "`id` of the first message that is unread again")
		case "thread":
			f.StringVar(&c.Thread, field, "", "`id` of the message's thread")
		case "mention":
			f.StringArrayVar(&c.Mentions, field, nil, "`user` whom the message names; may be given several times")
		case "mention-all":
			f.BoolVar(&c.MentionAll, field, false, "the message names everybody in the group")
		case "silent":
			f.BoolVar(&c.Silent, field, false, "the message never counts")
		case "hidden":
			f.BoolVar(&c.Hidden, field, false, "the message neither counts nor shows as the last one, as a reaction does not")
		case "private":
			f.BoolVar(&c.Private, field, false, "no peer is sent a receipt")
		case "upto":
			f.StringVar(&c.Upto, field, "", "`id` of the last message that is meant")
		case "upto-at":
			f.Var(&timeFlag{&c.UptoAt, &c.HasUptoAt, a}, field, "`time` up to which messages are meant, as in 2026-11-23T18:00:00Z or in Unix milliseconds")
		case "kind":
			f.Var(&wordFlag[events.Kind]{&c.Kind, events.ParseKind}, field, "only conversations of this `kind`: c2c or group")
		case "own-message":
			f.Var(&wordFlag[events.OwnPolicy]{&c.OwnMessage, events.ParseOwnPolicy}, field, "what sending does to the own read position: `keep` or advance")
		}
	}
	f.Var(&timeFlag{&c.At, &c.HasAt, a}, "at", "`time` of the command, as in 2026-11-23T18:00:00Z or in Unix milliseconds (default that of the stream)")
}
