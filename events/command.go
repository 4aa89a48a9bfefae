package events

import "strings"

// Seq is a command's position in the command stream, from 1.
type Seq uint64

// Time is a point in time in Unix milliseconds.
type Time int64

// Verb says what a command does. Its text form is "<inbox>.<verb>", as
// in "user.read-all".
type Verb uint8

// The verbs. User verbs touch the inbox of one user, group verbs one group. Their
// numbers are stored: new ones come last.
const (
	NoVerb       Verb = iota
	UserMessage       // the user received a C2C message: ID, From, Silent, Hidden, Mentions, Thread
	UserRevoke        // that message was recalled: ID, From
	UserSent          // the user sent a C2C message: ID, To, Silent, Hidden, Thread
	UserRead          // mark read: Conversation, Upto, UptoAt, Private
	UserReadAll       // mark everything read: Kind, UptoAt, Private
	UserUnread        // mark unread: Conversation, From (a message id, may be empty)
	UserMute          // Conversation, Muted
	UserDelete        // drop from the list: Conversation, Upto, UptoAt
	UserErase         // forget the user
	GroupMessage      // a message in the group: ID, From, Silent, Hidden, Mentions, MentionAll, Thread
	GroupRevoke       // it was recalled: ID
	GroupJoin         // Users are members from here on
	GroupLeave        // Users left or were removed
	GroupDismiss      // the group is gone
	PolicySet         // OwnMessage
	verbs             // how many there are
)

// Verbs returns every verb, in order.
func Verbs() []Verb {
	all := make([]Verb, 0, verbs-1)
	for v := NoVerb + 1; v < verbs; v++ {
		all = append(all, v)
	}
	return all
}

// String returns the verb's text form.
func (v Verb) String() string {
	if v < verbs {
		return forms[v].name
	}
	return ""
}

// Inbox returns whose inbox the verb touches: "user", "group", or "" for a policy.
func (v Verb) Inbox() string {
	inbox, _, ok := strings.Cut(v.String(), ".")
	if !ok {
		return ""
	}
	return inbox
}

// Name returns the verb without its inbox, as in "read-all": the last token of a
// command's subject.
func (v Verb) Name() string {
	name := v.String()
	return name[strings.IndexByte(name, '.')+1:]
}

// OwnPolicy says what one's own message does to one's own read position.
type OwnPolicy uint8

// The policies for one's own messages.
const (
	NoPolicy   OwnPolicy = iota
	OwnKeep              // sending clears nothing: the default
	OwnAdvance           // sending reads the conversation up to that message
)

// String returns "keep" or "advance".
func (p OwnPolicy) String() string {
	switch p {
	case OwnKeep:
		return "keep"
	case OwnAdvance:
		return "advance"
	}
	return ""
}

// Command is one command. Which fields a verb uses stands beside the verb;
// the others are zero. Decoding fills a Command that may be used again and
// again, so the fold takes what it keeps out of it.
type Command struct {
	Verb  Verb
	Inbox string // the user or group in the subject; empty for PolicySet

	At    Time // the back end's time, if HasAt
	HasAt bool

	ID           string // of the message
	From         string // the sender; of UserUnread: a message id
	To           string // the receiver, of UserSent
	Thread       string // the message's thread; stored, not yet counted by
	Conversation ConversationID
	Upto         string // a message id
	UptoAt       Time   // if HasUptoAt
	HasUptoAt    bool
	Kind         Kind // of UserReadAll; NoKind for both
	Mentions     []string
	MentionAll   bool
	Silent       bool // never counts
	Hidden       bool // nor shows, but reads up to it work
	Private      bool
	Muted        bool
	Users        []string
	OwnMessage   OwnPolicy // of PolicySet; NoPolicy leaves it as it is
}

// reset empties a command and keeps its slices' memory.
func (c *Command) reset(t Target) {
	*c = Command{Verb: t.Verb, Inbox: t.Inbox, Mentions: c.Mentions[:0], Users: c.Users[:0]}
}
