package events

import "math/bits"

// field is one field of a command's payload. The order here is the order in
// which fields are encoded.
type field uint8

const (
	fieldConversation field = iota
	fieldID
	fieldFrom
	fieldTo
	fieldUsers
	fieldMuted
	fieldKind
	fieldUpto
	fieldUptoAt
	fieldPrivate
	fieldOwnMessage
	fieldAt
	fieldSilent
	fieldMentions
	fieldMentionAll
	fieldThread
	fields  // how many there are
	noField = fields
)

// shape is what a field's value looks like, the same in both encodings.
type shape uint8

const (
	shapeID   shape = iota // a string that passes CheckID
	shapeWord              // a string with a form of its own
	shapeFlag              // true or false
	shapeTime              // an integer, 0 to MaxTime
	shapeList              // a list of ids
)

type fieldSpec struct {
	name  string
	shape shape
	max   int    // of a list: how many entries
	entry string // of a list: an entry's name in a reason
}

var fieldSpecs = [fields]fieldSpec{
	fieldConversation: {name: "conversation", shape: shapeWord},
	fieldID:           {name: "id", shape: shapeID},
	fieldFrom:         {name: "from", shape: shapeID},
	fieldTo:           {name: "to", shape: shapeID},
	fieldUsers:        {name: "users", shape: shapeList, max: MaxUsers, entry: "users: an entry"},
	fieldMuted:        {name: "muted", shape: shapeFlag},
	fieldKind:         {name: "kind", shape: shapeWord},
	fieldUpto:         {name: "upto", shape: shapeID},
	fieldUptoAt:       {name: "upto_at", shape: shapeTime},
	fieldPrivate:      {name: "private", shape: shapeFlag},
	fieldOwnMessage:   {name: "own_message", shape: shapeWord},
	fieldAt:           {name: "at", shape: shapeTime},
	fieldSilent:       {name: "silent", shape: shapeFlag},
	fieldMentions:     {name: "mentions", shape: shapeList, max: MaxMentions, entry: "mentions: an entry"},
	fieldMentionAll:   {name: "mention_all", shape: shapeFlag},
	fieldThread:       {name: "thread", shape: shapeID},
}

// fieldNamed finds a field by its name in payloads; noField if there is none.
func fieldNamed(name []byte) field {
	switch string(name) {
	case "conversation":
		return fieldConversation
	case "id":
		return fieldID
	case "from":
		return fieldFrom
	case "to":
		return fieldTo
	case "users":
		return fieldUsers
	case "muted":
		return fieldMuted
	case "kind":
		return fieldKind
	case "upto":
		return fieldUpto
	case "upto_at":
		return fieldUptoAt
	case "private":
		return fieldPrivate
	case "own_message":
		return fieldOwnMessage
	case "at":
		return fieldAt
	case "silent":
		return fieldSilent
	case "mentions":
		return fieldMentions
	case "mention_all":
		return fieldMentionAll
	case "thread":
		return fieldThread
	}
	return noField
}

// fieldSet is a set of fields, a bit for each.
type fieldSet uint32

func fieldSetOf(members ...field) fieldSet {
	var s fieldSet
	for _, f := range members {
		s |= 1 << f
	}
	return s
}

func (s fieldSet) has(f field) bool { return s>>f&1 != 0 }

func (s fieldSet) len() int { return bits.OnesCount32(uint32(s)) }

// form is which fields a verb's payload has. Any other is an unknown field.
type form struct{ required, optional fieldSet }

func (f form) known() fieldSet { return f.required | f.optional }

// forms is the one place that says what each verb's payload holds.
var forms = [verbs]form{
	UserMessage: {fieldSetOf(fieldID, fieldFrom), fieldSetOf(fieldAt, fieldSilent, fieldMentions, fieldThread)},
	UserRevoke:  {fieldSetOf(fieldID, fieldFrom), fieldSetOf(fieldAt)},
	UserSent:    {fieldSetOf(fieldID, fieldTo), fieldSetOf(fieldAt)},
	UserRead:    {fieldSetOf(fieldConversation), fieldSetOf(fieldUpto, fieldUptoAt, fieldPrivate, fieldAt)},
	UserReadAll: {0, fieldSetOf(fieldKind, fieldPrivate, fieldAt)},
	UserUnread:  {fieldSetOf(fieldConversation), fieldSetOf(fieldFrom, fieldAt)},
	UserMute:    {fieldSetOf(fieldConversation, fieldMuted), fieldSetOf(fieldAt)},
	UserDelete:  {fieldSetOf(fieldConversation), fieldSetOf(fieldAt)},
	UserErase:   {0, fieldSetOf(fieldAt)},

	GroupMessage: {fieldSetOf(fieldID, fieldFrom), fieldSetOf(fieldAt, fieldSilent, fieldMentions, fieldMentionAll, fieldThread)},
	GroupRevoke:  {fieldSetOf(fieldID), fieldSetOf(fieldAt)},
	GroupJoin:    {fieldSetOf(fieldUsers), fieldSetOf(fieldAt)},
	GroupLeave:   {fieldSetOf(fieldUsers), fieldSetOf(fieldAt)},
	GroupDismiss: {0, fieldSetOf(fieldAt)},

	PolicySet: {0, fieldSetOf(fieldOwnMessage, fieldAt)},
}

// idField is where a command keeps a field of shapeID.
func (c *Command) idField(f field) *string {
	switch f {
	case fieldID:
		return &c.ID
	case fieldFrom:
		return &c.From
	case fieldTo:
		return &c.To
	case fieldUpto:
		return &c.Upto
	default:
		return &c.Thread
	}
}

// flagField is where a command keeps a field of shapeFlag.
func (c *Command) flagField(f field) *bool {
	switch f {
	case fieldMuted:
		return &c.Muted
	case fieldPrivate:
		return &c.Private
	case fieldSilent:
		return &c.Silent
	default:
		return &c.MentionAll
	}
}

// timeField is where a command keeps a field of shapeTime, and whether it has
// it.
func (c *Command) timeField(f field) (*Time, *bool) {
	if f == fieldUptoAt {
		return &c.UptoAt, &c.HasUptoAt
	}
	return &c.At, &c.HasAt
}

// listField is where a command keeps a field of shapeList.
func (c *Command) listField(f field) *[]string {
	if f == fieldUsers {
		return &c.Users
	}
	return &c.Mentions
}

// word is the text of a field of shapeWord; empty if the command has none.
func (c *Command) word(f field) string {
	switch f {
	case fieldConversation:
		return c.Conversation.String()
	case fieldKind:
		return c.Kind.String()
	default:
		return c.OwnMessage.String()
	}
}

// present returns the fields that the command has a value for.
func (c *Command) present() fieldSet {
	var s fieldSet
	for f := range fields {
		var has bool
		switch fieldSpecs[f].shape {
		case shapeID:
			has = *c.idField(f) != ""
		case shapeFlag:
			has = *c.flagField(f)
		case shapeTime:
			_, h := c.timeField(f)
			has = *h
		case shapeList:
			has = len(*c.listField(f)) > 0
		case shapeWord:
			has = f == fieldConversation && c.Conversation != ConversationID{} ||
				f == fieldKind && c.Kind != NoKind || f == fieldOwnMessage && c.OwnMessage != NoPolicy
		}
		if has {
			s |= 1 << f
		}
	}
	return s
}
