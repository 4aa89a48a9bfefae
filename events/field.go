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
	fieldHidden
	fieldMentions
	fieldMentionAll
	fieldThread
	fieldTimeline // "thread", where it may be empty
	fieldBroadcast
	fieldReceipt
	fieldExpiresAt
	fieldBefore
	fieldBeforeAt
	fieldLevel
	fieldAdd
	fieldRemove
	fieldName
	fieldFilter
	fieldBlocked
	fieldFollowing
	fieldThreadPolicy
	fieldThreads // "threads" of a read of everything
	fieldGroupReceipts
	fieldConversations
	fields  // how many there are
	noField = fields
)

// shape is what a field's value looks like, the same in both encodings.
type shape uint8

const (
	shapeID      shape = iota // a string that passes CheckID
	shapeWord                 // a string with a form of its own
	shapeFlag                 // true or false
	shapeTime                 // an integer, 0 to MaxTime
	shapeList                 // a list of ids or labels
	shapeRecord               // an object
	shapeRecords              // a list of objects
)

// fieldSpec says what a field is called, what its value looks like and where a
// command keeps it: exactly the accessor of its shape is set.
type fieldSpec struct {
	name  string
	shape shape
	max   int                        // of a list: how many entries
	entry string                     // of a list: an entry's name in a reason
	check func(what, s string) error // of a list's entry; nil: CheckID

	id     func(*Command) *string        // shapeID
	word   *word                         // shapeWord
	flag   func(*Command) *bool          // shapeFlag
	time   func(*Command) (*Time, *bool) // shapeTime: the time, and whether there is one
	list   func(*Command) *[]string      // shapeList
	record *record                       // shapeRecord, shapeRecords
}

var fieldSpecs = [fields]fieldSpec{
	fieldConversation: {name: "conversation", shape: shapeWord, word: &conversationWord},
	fieldID:           {name: "id", shape: shapeID, id: func(c *Command) *string { return &c.ID }},
	fieldFrom:         {name: "from", shape: shapeID, id: func(c *Command) *string { return &c.From }},
	fieldTo:           {name: "to", shape: shapeID, id: func(c *Command) *string { return &c.To }},
	fieldUsers: {
		name: "users", shape: shapeList, max: MaxUsers, entry: "users: an entry",
		list: func(c *Command) *[]string { return &c.Users },
	},
	fieldMuted:      {name: "muted", shape: shapeFlag, flag: func(c *Command) *bool { return &c.Muted }},
	fieldKind:       {name: "kind", shape: shapeWord, word: &kindWord},
	fieldUpto:       {name: "upto", shape: shapeID, id: func(c *Command) *string { return &c.Upto }},
	fieldUptoAt:     {name: "upto_at", shape: shapeTime, time: func(c *Command) (*Time, *bool) { return &c.UptoAt, &c.HasUptoAt }},
	fieldPrivate:    {name: "private", shape: shapeFlag, flag: func(c *Command) *bool { return &c.Private }},
	fieldOwnMessage: {name: "own_message", shape: shapeWord, word: &ownMessageWord},
	fieldAt:         {name: "at", shape: shapeTime, time: func(c *Command) (*Time, *bool) { return &c.At, &c.HasAt }},
	fieldSilent:     {name: "silent", shape: shapeFlag, flag: func(c *Command) *bool { return &c.Silent }},
	fieldHidden:     {name: "hidden", shape: shapeFlag, flag: func(c *Command) *bool { return &c.Hidden }},
	fieldMentions: {
		name: "mentions", shape: shapeList, max: MaxMentions, entry: "mentions: an entry",
		list: func(c *Command) *[]string { return &c.Mentions },
	},
	fieldMentionAll: {name: "mention_all", shape: shapeFlag, flag: func(c *Command) *bool { return &c.MentionAll }},
	fieldThread:     {name: "thread", shape: shapeID, id: func(c *Command) *string { return &c.Thread }},
	fieldTimeline:   {name: "thread", shape: shapeWord, word: &timelineWord},
	fieldBroadcast:  {name: "broadcast", shape: shapeFlag, flag: func(c *Command) *bool { return &c.Broadcast }},
	fieldReceipt:    {name: "receipt", shape: shapeFlag, flag: func(c *Command) *bool { return &c.Receipt }},
	fieldExpiresAt:  {name: "expires_at", shape: shapeTime, time: func(c *Command) (*Time, *bool) { return &c.ExpiresAt, &c.HasExpiresAt }},
	fieldBefore:     {name: "before", shape: shapeID, id: func(c *Command) *string { return &c.Before }},
	fieldBeforeAt:   {name: "before_at", shape: shapeTime, time: func(c *Command) (*Time, *bool) { return &c.BeforeAt, &c.HasBeforeAt }},
	fieldLevel:      {name: "level", shape: shapeWord, word: &levelWord},
	fieldAdd: {
		name: "add", shape: shapeList, max: MaxLabels, entry: "add: a label", check: CheckLabel,
		list: func(c *Command) *[]string { return &c.Add },
	},
	fieldRemove: {
		name: "remove", shape: shapeList, max: MaxLabels, entry: "remove: a label", check: CheckLabel,
		list: func(c *Command) *[]string { return &c.Remove },
	},
	fieldName:          {name: "name", shape: shapeWord, word: &nameWord},
	fieldFilter:        {name: "filter", shape: shapeRecord, record: &filterRecord},
	fieldBlocked:       {name: "blocked", shape: shapeFlag, flag: func(c *Command) *bool { return &c.Blocked }},
	fieldFollowing:     {name: "following", shape: shapeFlag, flag: func(c *Command) *bool { return &c.Following }},
	fieldThreadPolicy:  {name: "threads", shape: shapeWord, word: &threadPolicyWord},
	fieldThreads:       {name: "threads", shape: shapeFlag, flag: func(c *Command) *bool { return &c.Threads }},
	fieldGroupReceipts: {name: "group_receipts", shape: shapeWord, word: &groupReceiptsWord},
	fieldConversations: {name: "conversations", shape: shapeRecords, max: MaxImports, entry: "conversations: an entry", record: &importRecord},
}

// namesakes are the fields that share their name with another one, which verbs
// that don't have that one have.
var namesakes = map[field]field{fieldThread: fieldTimeline, fieldThreadPolicy: fieldThreads}

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
	case "hidden":
		return fieldHidden
	case "mentions":
		return fieldMentions
	case "mention_all":
		return fieldMentionAll
	case "thread":
		return fieldThread
	case "broadcast":
		return fieldBroadcast
	case "receipt":
		return fieldReceipt
	case "expires_at":
		return fieldExpiresAt
	}
	return rareFieldNamed(name)
}

// rareFieldNamed finds a field that no message has.
func rareFieldNamed(name []byte) field {
	switch string(name) {
	case "before":
		return fieldBefore
	case "before_at":
		return fieldBeforeAt
	case "level":
		return fieldLevel
	case "add":
		return fieldAdd
	case "remove":
		return fieldRemove
	case "name":
		return fieldName
	case "filter":
		return fieldFilter
	case "blocked":
		return fieldBlocked
	case "following":
		return fieldFollowing
	case "threads":
		return fieldThreadPolicy
	case "group_receipts":
		return fieldGroupReceipts
	case "conversations":
		return fieldConversations
	}
	return noField
}

// fieldSet is a set of fields, a bit for each.
type fieldSet uint64

func fieldSetOf(members ...field) fieldSet {
	var s fieldSet
	for _, f := range members {
		s |= 1 << f
	}
	return s
}

func (s fieldSet) has(f field) bool { return s>>f&1 != 0 }

func (s fieldSet) len() int { return bits.OnesCount64(uint64(s)) }

// form is a verb's text form, and which fields its payload has. Any other is an
// unknown field: it refuses the payload, unless the form is open.
type form struct {
	name               string
	required, optional fieldSet
	open               bool
}

func (f form) known() fieldSet { return f.required | f.optional }

// field finds a field of the form by its name; noField if it has none.
func (f *form) field(name []byte) field {
	named := fieldNamed(name)
	if named != noField && !f.known().has(named) {
		other, shared := namesakes[named]
		if !shared || !f.known().has(other) {
			return noField
		}
		return other
	}
	return named
}

// Fields are the names of the fields that a verb's payload may have.
func Fields(v Verb) []string {
	if v >= verbs {
		return nil
	}
	var names []string
	for f := range fields {
		if forms[v].known().has(f) {
			names = append(names, fieldSpecs[f].name)
		}
	}
	return names
}

// forms is the one place that says what each verb is called and what its payload
// holds. What reports a message is open, so that a back end may publish its own
// records; in a command, a misspelt position would widen what it does.
var forms = [verbs]form{
	UserMessage: {"user.message", fieldSetOf(fieldID, fieldFrom), fieldSetOf(fieldAt, fieldSilent, fieldHidden, fieldMentions, fieldThread, fieldExpiresAt), true},
	UserRevoke:  {"user.revoke", fieldSetOf(fieldID, fieldFrom), fieldSetOf(fieldAt), false},
	UserSent:    {"user.sent", fieldSetOf(fieldID, fieldTo), fieldSetOf(fieldAt, fieldSilent, fieldHidden, fieldThread), true},
	UserRead:    {"user.read", fieldSetOf(fieldConversation), fieldSetOf(fieldUpto, fieldUptoAt, fieldTimeline, fieldPrivate, fieldAt), false},
	UserReadAll: {"user.read-all", 0, fieldSetOf(fieldKind, fieldUptoAt, fieldThreads, fieldPrivate, fieldAt), false},
	UserUnread:  {"user.unread", fieldSetOf(fieldConversation), fieldSetOf(fieldFrom, fieldTimeline, fieldAt), false},
	UserMute:    {"user.mute", fieldSetOf(fieldConversation, fieldMuted), fieldSetOf(fieldThread, fieldAt), false},
	UserDelete:  {"user.delete", fieldSetOf(fieldConversation), fieldSetOf(fieldUpto, fieldUptoAt, fieldAt), false},
	UserErase:   {"user.erase", 0, fieldSetOf(fieldAt), false},

	GroupMessage: {"group.message", fieldSetOf(fieldID, fieldFrom), fieldSetOf(fieldAt, fieldSilent, fieldHidden, fieldMentions, fieldMentionAll, fieldThread, fieldBroadcast, fieldReceipt, fieldExpiresAt), true},
	GroupRevoke:  {"group.revoke", fieldSetOf(fieldID), fieldSetOf(fieldAt), false},
	GroupJoin:    {"group.join", fieldSetOf(fieldUsers), fieldSetOf(fieldAt), false},
	GroupLeave:   {"group.leave", fieldSetOf(fieldUsers), fieldSetOf(fieldAt), false},
	GroupDismiss: {"group.dismiss", 0, fieldSetOf(fieldAt), false},

	PolicySet: {"policy", 0, fieldSetOf(fieldOwnMessage, fieldThreadPolicy, fieldGroupReceipts, fieldAt), false},

	UserLevel:  {"user.level", fieldSetOf(fieldConversation, fieldLevel), fieldSetOf(fieldAt), false},
	UserLabel:  {"user.label", fieldSetOf(fieldConversation), fieldSetOf(fieldAdd, fieldRemove, fieldAt), false},
	UserFilter: {"user.filter", fieldSetOf(fieldName), fieldSetOf(fieldFilter, fieldAt), false},
	UserClear:  {"user.clear", fieldSetOf(fieldConversation), fieldSetOf(fieldBefore, fieldAt), false},
	UserImport: {"user.import", fieldSetOf(fieldConversations), fieldSetOf(fieldAt), false},
	GroupPurge: {"group.purge", 0, fieldSetOf(fieldBefore, fieldBeforeAt, fieldAt), false},
	UserBlock:  {"user.block", fieldSetOf(fieldUsers, fieldBlocked), fieldSetOf(fieldAt), false},
	UserFollow: {"user.follow", fieldSetOf(fieldConversation, fieldThread, fieldFollowing), fieldSetOf(fieldAt), false},
	UserEdit:   {"user.edit", fieldSetOf(fieldID, fieldFrom), fieldSetOf(fieldMentions, fieldAt), false},
	GroupEdit:  {"group.edit", fieldSetOf(fieldID), fieldSetOf(fieldMentions, fieldMentionAll, fieldAt), false},

	ClockSet: {"clock", fieldSetOf(fieldAt), 0, false},
}

// present returns the fields that the command has a value for.
func (c *Command) present() fieldSet {
	var s fieldSet
	for f := range fields {
		spec := &fieldSpecs[f]
		var has bool
		switch spec.shape {
		case shapeID:
			has = *spec.id(c) != ""
		case shapeFlag:
			has = *spec.flag(c)
		case shapeTime:
			_, h := spec.time(c)
			has = *h
		case shapeList:
			has = len(*spec.list(c)) > 0
		case shapeWord:
			has = spec.word.has(c)
		case shapeRecord, shapeRecords:
			has = spec.record.has(c)
		}
		if has {
			s |= 1 << f
		}
	}
	if s.has(fieldTimeline) { // it is kept where a message's thread is
		s &^= 1 << fieldThread
	}
	return s
}
