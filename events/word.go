package events

// word is the accessor of a field whose text has a form of its own: the command
// keeps what the text means.
type word struct {
	set  func(*Command, string) error
	text func(*Command) string // "" or an invalid one if the command has none
	has  func(*Command) bool   // whether the command has one, be it invalid
}

var conversationWord = word{
	set: func(c *Command, s string) (err error) {
		c.Conversation, err = ParseConversation(s)
		return err
	},
	text: func(c *Command) string { return c.Conversation.String() },
	has:  func(c *Command) bool { return c.Conversation != ConversationID{} },
}

var kindWord = word{
	set: func(c *Command, s string) (err error) {
		c.Kind, err = ParseKind(s)
		return err
	},
	text: func(c *Command) string { return c.Kind.String() },
	has:  func(c *Command) bool { return c.Kind != NoKind },
}

var ownMessageWord = word{
	set: func(c *Command, s string) (err error) {
		c.OwnMessage, err = ParseOwnPolicy(s)
		return err
	},
	text: func(c *Command) string { return c.OwnMessage.String() },
	has:  func(c *Command) bool { return c.OwnMessage != NoPolicy },
}

var threadPolicyWord = word{
	set: func(c *Command, s string) (err error) {
		c.ThreadPolicy, err = ParseThreadPolicy(s)
		return err
	},
	text: func(c *Command) string { return c.ThreadPolicy.String() },
	has:  func(c *Command) bool { return c.ThreadPolicy != NoThreadPolicy },
}

var groupReceiptsWord = word{
	set: func(c *Command, s string) (err error) {
		c.GroupReceipts, err = ParseReceiptPolicy(s)
		return err
	},
	text: func(c *Command) string { return c.GroupReceipts.String() },
	has:  func(c *Command) bool { return c.GroupReceipts != NoReceiptPolicy },
}

var levelWord = word{
	set: func(c *Command, s string) (err error) {
		c.Level, err = ParseLevel(s)
		return err
	},
	text: func(c *Command) string { return c.Level.String() },
	has:  func(c *Command) bool { return c.Level != NoLevel },
}

// timelineWord is the thread that a read or an unread names: empty is the main
// timeline.
var timelineWord = word{
	set: func(c *Command, s string) error {
		c.Thread, c.HasThread = s, true
		if s == "" {
			return nil
		}
		return CheckID("thread", s)
	},
	text: func(c *Command) string { return c.Thread },
	has:  func(c *Command) bool { return c.HasThread },
}

var nameWord = word{
	set: func(c *Command, s string) error {
		c.Name = s
		return CheckLabel("name", s)
	},
	text: func(c *Command) string { return c.Name },
	has:  func(c *Command) bool { return c.Name != "" },
}
