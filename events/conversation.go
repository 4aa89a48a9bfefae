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

// badKind is what a text means that names none: a request with it is well formed,
// and refused by its Validate.
const badKind Kind = 0xff

// UnmarshalText implements encoding.TextUnmarshaler. It takes any text; Validate of
// the request says what is wrong with it.
func (k *Kind) UnmarshalText(text []byte) error {
	var err error
	if *k, err = ParseKind(string(text)); err != nil {
		*k = badKind
	}
	return nil
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
	c := splitConversation(s)
	if c.Kind == NoKind {
		return ConversationID{}, invalid("conversation begins with neither c2c_ nor group_")
	}
	if err := CheckID("conversation", c.ID); err != nil {
		return ConversationID{}, err
	}
	return c, nil
}

// splitConversation takes a name apart; NoKind, and all of it, if it is none.
func splitConversation(s string) ConversationID {
	if id, ok := strings.CutPrefix(s, "c2c_"); ok {
		return ConversationID{C2C, id}
	}
	if id, ok := strings.CutPrefix(s, "group_"); ok {
		return ConversationID{Group, id}
	}
	return ConversationID{NoKind, s}
}

// MarshalText implements encoding.TextMarshaler.
func (c ConversationID) MarshalText() ([]byte, error) { return []byte(c.String()), nil }

// UnmarshalText implements encoding.TextUnmarshaler. It takes any text; Validate of
// the request says what is wrong with it. Empty is no conversation.
func (c *ConversationID) UnmarshalText(text []byte) error {
	*c = splitConversation(string(text))
	return nil
}
