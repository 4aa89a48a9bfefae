package events

import "strings"

// Kind is the kind of a conversation.
type Kind uint8

// The kinds of conversation.
const (
	NoKind Kind = iota
	C2C         // one to one
	Group
)

// String returns "c2c" or "group".
func (k Kind) String() string {
	switch k {
	case C2C:
		return "c2c"
	case Group:
		return "group"
	}
	return ""
}

// ParseKind reads "c2c" or "group".
func ParseKind(s string) (Kind, error) {
	switch s {
	case "c2c":
		return C2C, nil
	case "group":
		return Group, nil
	}
	return NoKind, invalid(`kind is neither "c2c" nor "group"`)
}

// MarshalText implements encoding.TextMarshaler.
func (k Kind) MarshalText() ([]byte, error) { return []byte(k.String()), nil }

// UnmarshalText implements encoding.TextUnmarshaler.
func (k *Kind) UnmarshalText(text []byte) (err error) {
	*k, err = ParseKind(string(text))
	return err
}

// ConversationID names one user's view of a chat: c2c_<peer> or group_<group>.
type ConversationID struct {
	Kind Kind
	ID   string // of the peer or the group
}

// String returns the form used in payloads.
func (c ConversationID) String() string {
	switch c.Kind {
	case C2C:
		return "c2c_" + c.ID
	case Group:
		return "group_" + c.ID
	}
	return ""
}

// ParseConversation reads a conversation's name.
func ParseConversation(s string) (ConversationID, error) {
	var c ConversationID
	if id, ok := strings.CutPrefix(s, "c2c_"); ok {
		c = ConversationID{C2C, id}
	} else if id, ok := strings.CutPrefix(s, "group_"); ok {
		c = ConversationID{Group, id}
	} else {
		return c, invalid("conversation begins with neither c2c_ nor group_")
	}
	if err := CheckID("conversation", c.ID); err != nil {
		return ConversationID{}, err
	}
	return c, nil
}

// MarshalText implements encoding.TextMarshaler.
func (c ConversationID) MarshalText() ([]byte, error) { return []byte(c.String()), nil }

// UnmarshalText implements encoding.TextUnmarshaler. Empty is no conversation.
func (c *ConversationID) UnmarshalText(text []byte) (err error) {
	if *c = (ConversationID{}); len(text) > 0 {
		*c, err = ParseConversation(string(text))
	}
	return err
}
