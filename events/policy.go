package events

// OwnPolicy says what one's own message does to one's own read position.
type OwnPolicy uint8

// The policies for one's own messages.
const (
	NoPolicy   OwnPolicy = iota
	OwnKeep              // sending clears nothing: the default
	OwnAdvance           // sending reads the conversation up to that message
)

var ownPolicyNames = []string{OwnKeep: "keep", OwnAdvance: "advance"}

// String returns "keep" or "advance".
func (p OwnPolicy) String() string { return nameOf(ownPolicyNames, p) }

// ParseOwnPolicy reads "keep" or "advance".
func ParseOwnPolicy(s string) (OwnPolicy, error) {
	return parseName[OwnPolicy](ownPolicyNames, s, `own_message is neither "keep" nor "advance"`)
}

// ThreadPolicy says where the messages of threads count in a group.
type ThreadPolicy uint8

// The policies for threads.
const (
	NoThreadPolicy ThreadPolicy = iota
	ThreadsIn                   // in the conversation, and in their thread: the default
	ThreadsApart                // in their thread only, for its followers
)

var threadPolicyNames = []string{ThreadsIn: "in", ThreadsApart: "apart"}

// String returns "in" or "apart".
func (p ThreadPolicy) String() string { return nameOf(threadPolicyNames, p) }

// ParseThreadPolicy reads "in" or "apart".
func ParseThreadPolicy(s string) (ThreadPolicy, error) {
	return parseName[ThreadPolicy](threadPolicyNames, s, `threads is neither "in" nor "apart"`)
}

// ReceiptPolicy says who may ask who has read a group's messages.
type ReceiptPolicy uint8

// The policies for group receipts.
const (
	NoReceiptPolicy ReceiptPolicy = iota
	ReceiptsOff                   // nobody, and reads leave no receipts: the default
	ReceiptsSender                // the message's sender
	ReceiptsMembers               // the members, and the message's sender
)

var receiptPolicyNames = []string{ReceiptsOff: "off", ReceiptsSender: "sender", ReceiptsMembers: "members"}

// String returns "off", "sender" or "members".
func (p ReceiptPolicy) String() string { return nameOf(receiptPolicyNames, p) }

// ParseReceiptPolicy reads "off", "sender" or "members".
func ParseReceiptPolicy(s string) (ReceiptPolicy, error) {
	return parseName[ReceiptPolicy](receiptPolicyNames, s, `group_receipts is none of "off", "sender" and "members"`)
}

// Level says what a conversation puts into its user's totals.
type Level uint8

// The levels.
const (
	NoLevel       Level = iota
	LevelAll            // what is unread: the default
	LevelMentions       // unread mentions
	LevelNone           // nothing: the conversation is muted
)

var levelNames = []string{LevelAll: "all", LevelMentions: "mentions", LevelNone: "none"}

// String returns "all", "mentions" or "none".
func (l Level) String() string { return nameOf(levelNames, l) }

// ParseLevel reads "all", "mentions" or "none".
func ParseLevel(s string) (Level, error) {
	return parseName[Level](levelNames, s, `level is none of "all", "mentions" and "none"`)
}

// nameOf is the name of a value of an enumeration, "" for none.
func nameOf[E ~uint8](names []string, e E) string {
	if int(e) < len(names) {
		return names[e]
	}
	return ""
}

// parseName finds a value by its name, or refuses it with a reason.
func parseName[E ~uint8](names []string, s, reason string) (E, error) {
	for e, name := range names {
		if s == name && s != "" {
			return E(e), nil
		}
	}
	return 0, invalid(reason)
}
