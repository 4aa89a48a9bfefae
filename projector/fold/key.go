package fold

import "reddot/events"

type (
	// Pos is the position of a message in its conversation's log, from 1.
	Pos uint64
	// Ord is a counted ordinal: how many messages of a log have counted up to
	// and including this one, those revoked later included.
	Ord uint64
)

// Cursor is a place between two messages: Pos messages lie at or before it,
// Ord of them counted.
type Cursor struct {
	Pos Pos
	Ord Ord
}

// Key names a user's conversation, or with an empty User the log of a group.
type Key struct {
	User string
	events.ConversationID
}

// LogKey is the key of the log that a conversation reads.
func (k Key) LogKey() Key {
	if k.Kind == events.Group {
		k.User = ""
	}
	return k
}

// GroupKey is the key of a group's log.
func GroupKey(group string) Key {
	return Key{ConversationID: events.ConversationID{Kind: events.Group, ID: group}}
}

// MemberKey is the key of a group in the list of a member.
func MemberKey(group, user string) Key {
	return Key{User: user, ConversationID: GroupKey(group).ConversationID}
}
