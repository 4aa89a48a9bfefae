package main

import "reddot/events"

// settingActions are what users say of conversations.
func settingActions() []action {
	return []action{
		{use: "mute USER CONVERSATION", verb: events.UserMute,
			short:   "Keep a conversation out of the totals, or a thread",
			long:    "Keep a conversation out of the totals (level none), or with --thread a thread of\nit.",
			example: "  reddot mute alice group_team\n  reddot mute alice group_team --thread t1",
			fields:  []string{"thread"},
			prepare: func(c *events.Command, args []string) error {
				c.Muted = true
				return inConversation(c, args)
			}},
		{use: "unmute USER CONVERSATION", verb: events.UserMute,
			short:   "Put a conversation into the totals again, or a thread",
			long:    "Put a conversation into the totals again (level all), or with --thread a thread of it.",
			example: "  reddot unmute alice group_team",
			fields:  []string{"thread"}, prepare: inConversation},
		{use: "level USER CONVERSATION LEVEL", verb: events.UserLevel,
			short: "Say what a conversation puts into the totals",
			long: `Say what a conversation puts into the totals: all that is unread, only unread
mentions, or none.`,
			example: "  reddot level alice group_team mentions",
			prepare: func(c *events.Command, args []string) (err error) {
				if c.Level, err = events.ParseLevel(args[1]); err != nil {
					return usagef("%q: %w", args[1], err)
				}
				return inConversation(c, args)
			}},
		{use: "label USER CONVERSATION", verb: events.UserLabel,
			short: "Give a conversation labels, or take them away",
			long: `Give a conversation labels, or take them away. One that is archived stays out of
the totals until that label is taken away; other labels are for filters, and for
whoever shows the list. A conversation has at most 32 labels of 1 to 64 bytes.`,
			example: "  reddot label alice group_team --add pinned --add work --remove archived",
			fields:  []string{"add", "remove"},
			prepare: func(c *events.Command, args []string) error {
				if len(c.Add)+len(c.Remove) == 0 {
					return usagef("name a label with --add or --remove")
				}
				return inConversation(c, args)
			}},
		{use: "filter USER NAME", verb: events.UserFilter,
			short: "Keep a filter, whose totals come with every change",
			long: `Keep a filter: the totals of some of a user's conversations, which come with
every change under its name. One of the same name is replaced; a user keeps at
most 20. "reddot show --filters" has the totals.`,
			example: `  reddot filter alice work --label work
  reddot filter alice inbox --label "" --include-muted`,
			fields: []string{"filter"}, prepare: filterName},
		{use: "unfilter USER NAME", verb: events.UserFilter,
			short:   "Drop a filter",
			example: "  reddot unfilter alice work",
			prepare: filterName},
	}
}

// choiceActions are which senders and threads count for a user.
func choiceActions() []action {
	return []action{
		{use: "block USER OTHER...", verb: events.UserBlock,
			short: "Have the messages of other users count for nothing",
			long: `Have the messages of other users count for nothing, those already unread neither.
They see nothing of it. A user blocks at most 1,000.`,
			example: "  reddot block alice mallory",
			prepare: func(c *events.Command, args []string) error {
				c.Blocked = true
				return theseUsers(c, args)
			}},
		{use: "unblock USER OTHER...", verb: events.UserBlock,
			short:   "Have the messages of other users count again",
			example: "  reddot unblock alice mallory",
			prepare: theseUsers},
		{use: "follow USER CONVERSATION THREAD", verb: events.UserFollow,
			short: "Follow a thread",
			long: `Follow a thread: where messages of threads count apart (see "reddot policy"),
those from here on count for the user. Who writes or is named in a thread, or
marks it unread, follows it, too.`,
			example: "  reddot follow alice group_team t1",
			prepare: func(c *events.Command, args []string) error {
				c.Following = true
				return inThread(c, args)
			}},
		{use: "unfollow USER CONVERSATION THREAD", verb: events.UserFollow,
			short:   "Follow a thread no more",
			long:    "Follow a thread no more, until the user writes or is named in it again, or marks\nit unread.",
			example: "  reddot unfollow alice group_team t1",
			prepare: inThread},
	}
}

// inboxActions are about groups and users as a whole, and about everything.
func inboxActions() []action {
	return []action{
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
		{use: "purge GROUP", verb: events.GroupPurge,
			short: "Take a group's messages away for everybody",
			long:  "Take the messages of a group away for everybody: those before a message, or\nbefore a time.",
			example: `  reddot purge team --before t7
  reddot purge team --before-at 2026-11-01`,
			fields: []string{"before", "before-at"}},
		{use: "dismiss GROUP", verb: events.GroupDismiss,
			short:   "Dissolve a group",
			example: "  reddot dismiss team"},
		{use: "policy", verb: events.PolicySet,
			short: "Say what holds from here on",
			long: `Say what holds from here on.

A user's own messages clear nothing (--own-message keep, as it is at first), or
read the conversation up to them (advance). The messages of threads count in
their group as any other (--threads in, as it is at first), or for those who
follow the thread, and not in the group (apart). Nobody learns who has read a
group's message (--group-receipts off, as it is at first), or its sender does, or
the members as well; reads before do not count.`,
			example: "  reddot policy --own-message advance\n  reddot policy --threads apart --group-receipts sender",
			fields:  []string{"own-message", "thread-policy", "group-receipts"},
			prepare: somePolicy},
		{use: "clock", verb: events.ClockSet,
			short:   "Say that what expires by a time has expired",
			long:    "Say that what expires by a time has expired. The server does it by itself, about\na second after.",
			example: "  reddot clock --at 2026-11-23T18:00:00Z",
			prepare: func(c *events.Command, _ []string) error {
				if !c.HasAt {
					return usagef("say by when with --at")
				}
				return nil
			}},
	}
}

func inThread(c *events.Command, args []string) error {
	c.Thread = args[1]
	return inConversation(c, args)
}

func filterName(c *events.Command, args []string) error {
	c.Name = args[0]
	return nil
}

func somePolicy(c *events.Command, _ []string) error {
	if c.OwnMessage == events.NoPolicy && c.ThreadPolicy == events.NoThreadPolicy && c.GroupReceipts == events.NoReceiptPolicy {
		return usagef("name a policy: --own-message, --threads or --group-receipts")
	}
	return nil
}
