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
	UserMessage       // the user received a C2C message: ID, From, Silent, Hidden, Mentions, Thread, ExpiresAt
	UserRevoke        // that message was recalled: ID, From
	UserSent          // the user sent a C2C message: ID, To, Silent, Hidden, Thread
	UserRead          // mark read: Conversation, Upto, UptoAt, Thread, Private
	UserReadAll       // mark everything read: Kind, UptoAt, Threads, Private
	UserUnread        // mark unread: Conversation, From (a message id, may be empty), Thread
	UserMute          // Conversation, Muted, Thread
	UserDelete        // drop from the list: Conversation, Upto, UptoAt
	UserErase         // forget the user
	GroupMessage      // a message in the group: ID, From, Silent, Hidden, Mentions, MentionAll, Thread, Broadcast, Receipt, ExpiresAt
	GroupRevoke       // it was recalled: ID
	GroupJoin         // Users are members from here on
	GroupLeave        // Users left or were removed
	GroupDismiss      // the group is gone
	PolicySet         // OwnMessage, ThreadPolicy, GroupReceipts
	UserLevel         // what a conversation puts into the totals: Conversation, Level
	UserLabel         // Conversation, Add, Remove
	UserFilter        // keep a named filter: Name, Filter; drop it: Name
	UserClear         // the user's history is gone: Conversation, Before
	UserImport        // what conversations were before: Conversations
	GroupPurge        // messages are gone for all: Before, BeforeAt
	UserBlock         // Users, Blocked
	UserFollow        // Conversation, Thread, Following
	UserEdit          // whom a C2C message names now: ID, From, Mentions
	GroupEdit         // whom a message names now: ID, Mentions, MentionAll
	ClockSet          // what expires by At has expired
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

// Inbox returns whose inbox the verb touches: "user", "group", or "" for one that
// touches what is everybody's: a policy, the clock.
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

// Command is one command. Which fields a verb uses stands beside the verb;
// the others are zero. Decoding fills a Command that may be used again and
// again, so the fold takes what it keeps out of it.
type Command struct {
	Verb  Verb
	Inbox string // the user or group in the subject; empty for PolicySet and ClockSet

	At    Time // the back end's time, if HasAt
	HasAt bool

	ID           string // of the message
	From         string // the sender; of UserUnread: a message id
	To           string // the receiver, of UserSent
	Thread       string // the message's thread; the one that a user's command names
	HasThread    bool   // of UserRead and UserUnread: Thread is given; empty is the main timeline
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

	Broadcast    bool // counts in the conversation although it is of a thread
	Receipt      bool // its sender is notified of who reads it
	ExpiresAt    Time // if HasExpiresAt
	HasExpiresAt bool

	Before      string // a message id
	BeforeAt    Time   // if HasBeforeAt
	HasBeforeAt bool

	Level         Level
	Add, Remove   []string // labels
	Name          string   // of a filter
	Filter        *Filter  // nil drops the named one
	Blocked       bool
	Following     bool
	Threads       bool // of UserReadAll: every thread, and no main timeline
	Conversations []Import

	// Of PolicySet; the zero values leave a policy as it is.
	OwnMessage    OwnPolicy
	ThreadPolicy  ThreadPolicy
	GroupReceipts ReceiptPolicy
}

// reset empties a command and keeps its slices' memory.
func (c *Command) reset(t Target) {
	*c = Command{Verb: t.Verb, Inbox: t.Inbox, Mentions: c.Mentions[:0], Users: c.Users[:0], Add: c.Add[:0], Remove: c.Remove[:0]}
}
