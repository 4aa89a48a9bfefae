package events

// TotalsReply answers a TotalsRequest.
type TotalsReply struct {
	User    string `json:"user" msgpack:"user"`
	Version Seq    `json:"version" msgpack:"version"`
	Totals  Totals `json:"totals" msgpack:"totals"`

	Filters NamedTotals `json:"filters,omitempty" msgpack:"filters,omitempty"` // of the filters that the user keeps
}

// ConversationsReply answers a ConversationsRequest. Next is empty on the last
// page. Totals are those of the whole list whatever the filter.
type ConversationsReply struct {
	User          string         `json:"user" msgpack:"user"`
	Version       Seq            `json:"version" msgpack:"version"`
	Totals        Totals         `json:"totals" msgpack:"totals"`
	Conversations []Conversation `json:"conversations" msgpack:"conversations"`
	Next          string         `json:"next,omitempty" msgpack:"next,omitempty"`
}

// ConversationReply answers a ConversationRequest.
type ConversationReply struct {
	User         string       `json:"user" msgpack:"user"`
	Version      Seq          `json:"version" msgpack:"version"`
	Conversation Conversation `json:"conversation" msgpack:"conversation"`
}

// ThreadsReply answers a ThreadsRequest. Next is empty on the last page.
type ThreadsReply struct {
	User    string   `json:"user" msgpack:"user"`
	Version Seq      `json:"version" msgpack:"version"`
	Threads []Thread `json:"threads" msgpack:"threads"`
	Next    string   `json:"next,omitempty" msgpack:"next,omitempty"`
}

// ThreadReply answers a ThreadRequest.
type ThreadReply struct {
	User    string `json:"user" msgpack:"user"`
	Version Seq    `json:"version" msgpack:"version"`
	Thread  Thread `json:"thread" msgpack:"thread"`
}

// GroupReceiptsReply answers a GroupReceiptsRequest. Messages that are unknown or
// recalled are left out.
type GroupReceiptsReply struct {
	User     string         `json:"user" msgpack:"user"`
	Version  Seq            `json:"version" msgpack:"version"`
	Receipts []GroupReceipt `json:"receipts" msgpack:"receipts"`
}

// Reader is a member who has read a message, or has not.
type Reader struct {
	User string `json:"user" msgpack:"user"`
	At   Time   `json:"at,omitempty" msgpack:"at,omitempty"` // of the read; 0: the member has not
}

// ReadersReply answers a ReadersRequest. Next is empty on the last page.
type ReadersReply struct {
	ID      string   `json:"id" msgpack:"id"`
	Read    uint64   `json:"read" msgpack:"read"`
	Members uint64   `json:"members" msgpack:"members"` // who could have read it, the sender left out
	Users   []Reader `json:"users" msgpack:"users"`
	Next    string   `json:"next,omitempty" msgpack:"next,omitempty"`
}

// ExplainedMessage is one message of a count.
type ExplainedMessage struct {
	ID      string `json:"id" msgpack:"id"`
	From    string `json:"from" msgpack:"from"`
	At      Time   `json:"at" msgpack:"at"`
	Seq     Seq    `json:"seq" msgpack:"seq"` // of the command that brought it
	Mention bool   `json:"mention,omitempty" msgpack:"mention,omitempty"`
	Thread  string `json:"thread,omitempty" msgpack:"thread,omitempty"`
}

// LoggedMessage is one message of a conversation, whether it counts or not.
type LoggedMessage struct {
	ID     string   `json:"id" msgpack:"id"`
	From   string   `json:"from" msgpack:"from"`
	At     Time     `json:"at" msgpack:"at"`
	Seq    Seq      `json:"seq" msgpack:"seq"`
	Thread string   `json:"thread,omitempty" msgpack:"thread,omitempty"`
	Read   bool     `json:"read,omitempty" msgpack:"read,omitempty"` // at or before the read position of its timeline
	Counts Counting `json:"counts" msgpack:"counts"`
}

// Counting is whether a message is part of a count, or the first reason why it is not.
type Counting string

// What a message is to a count, in the order in which they are looked for.
const (
	CountsRevoked Counting = "revoked" // or expired
	CountsHidden  Counting = "hidden"
	CountsSilent  Counting = "silent"
	CountsOwn     Counting = "own"
	CountsUnread  Counting = "unread" // it is part of it
	CountsRead    Counting = "read"
	CountsApart   Counting = "apart" // in its thread alone
	CountsMuted   Counting = "muted" // its thread is
	CountsBlocked Counting = "blocked"
)

// PendingRead is a read up to a message that has not arrived yet (rule read-early): the first one,
// if there were several. It is private if none of them sends a receipt.
type PendingRead struct {
	Upto    string `json:"upto" msgpack:"upto"`
	At      Time   `json:"at" msgpack:"at"`
	Seq     Seq    `json:"seq" msgpack:"seq"`
	Private bool   `json:"private,omitempty" msgpack:"private,omitempty"`
}

// Explanation answers an ExplainRequest: why a conversation's count is what it is,
// Unread = Carried + SinceRead - Own - Revoked - Blocked - Purged + Threads, message by
// message in Messages.
type Explanation struct {
	User         string `json:"user" msgpack:"user"`
	Version      Seq    `json:"version" msgpack:"version"`
	Conversation string `json:"conversation" msgpack:"conversation"`
	Unread       uint64 `json:"unread" msgpack:"unread"`
	Mentions     uint64 `json:"mentions" msgpack:"mentions"`
	MarkedUnread bool   `json:"marked_unread,omitempty" msgpack:"marked_unread,omitempty"`
	Muted        bool   `json:"muted,omitempty" msgpack:"muted,omitempty"`

	Thread *string  `json:"thread,omitempty" msgpack:"thread,omitempty"` // whose count it is; nil: the conversation's
	Level  string   `json:"level,omitempty" msgpack:"level,omitempty"`   // empty: "all"
	Labels []string `json:"labels,omitempty" msgpack:"labels,omitempty"`

	ReadUpto string `json:"read_upto,omitempty" msgpack:"read_upto,omitempty"`
	ReadAt   Time   `json:"read_at,omitempty" msgpack:"read_at,omitempty"`
	ReadSeq  Seq    `json:"read_seq,omitempty" msgpack:"read_seq,omitempty"` // of the command that set the position

	SinceRead uint64 `json:"since_read" msgpack:"since_read"`               // counted messages after the read position
	Own       uint64 `json:"own" msgpack:"own"`                             // of them the user's own
	Revoked   uint64 `json:"revoked" msgpack:"revoked"`                     // of them recalled or expired
	Blocked   uint64 `json:"blocked,omitempty" msgpack:"blocked,omitempty"` // of them of senders whom the user has blocked
	Purged    uint64 `json:"purged,omitempty" msgpack:"purged,omitempty"`   // of them purged
	Carried   uint64 `json:"carried,omitempty" msgpack:"carried,omitempty"` // imported, without ids

	// Threads is what threads with a read position of their own, muted ones and those
	// that count apart add to the count, or take from it.
	Threads int64 `json:"threads,omitempty" msgpack:"threads,omitempty"`

	PendingReads []PendingRead      `json:"early_reads,omitempty" msgpack:"early_reads,omitempty"` // the oldest first
	Messages     []ExplainedMessage `json:"messages" msgpack:"messages"`                           // the oldest first
	More         uint64             `json:"more,omitempty" msgpack:"more,omitempty"`               // messages of the count beyond the limit

	Log []LoggedMessage `json:"log,omitempty" msgpack:"log,omitempty"` // if asked for: the newest messages, the oldest of them first

	LogNext string `json:"log_next,omitempty" msgpack:"log_next,omitempty"` // of those before; empty: there are none
}

// ReceiptReply says how far Peer has read User's messages: what the last
// [Receipt] said. Version is that receipt's.
type ReceiptReply struct {
	User    string `json:"user" msgpack:"user"`
	Version Seq    `json:"version" msgpack:"version"`
	Peer    string `json:"peer" msgpack:"peer"`
	Upto    string `json:"upto" msgpack:"upto"`
	At      Time   `json:"at" msgpack:"at"`
}

// HoldReply says until when events are held back; 0: they are not.
type HoldReply struct {
	Until Time `json:"until" msgpack:"until"`
}

// WatchReply says until when a watch lasts.
type WatchReply struct {
	Until Time `json:"until" msgpack:"until"`
}

// DoReply answers a user's request for a command: where it is stored.
type DoReply struct {
	Seq       Seq  `json:"seq" msgpack:"seq"`
	Duplicate bool `json:"duplicate,omitempty" msgpack:"duplicate,omitempty"` // stored before, with the same key
}
