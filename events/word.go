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

// ParseOwnPolicy reads "keep" or "advance".
func ParseOwnPolicy(s string) (OwnPolicy, error) {
	switch s {
	case "keep":
		return OwnKeep, nil
	case "advance":
		return OwnAdvance, nil
	}
	return NoPolicy, invalid(`own_message is neither "keep" nor "advance"`)
}
