package events

// TotalsReply answers a TotalsRequest.
type TotalsReply struct {
	User    string `json:"user" msgpack:"user"`
	Version Seq    `json:"version" msgpack:"version"`
	Totals  Totals `json:"totals" msgpack:"totals"`
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

// ExplainedMessage is one message of a count.
type ExplainedMessage struct {
	ID      string `json:"id" msgpack:"id"`
	From    string `json:"from" msgpack:"from"`
	At      Time   `json:"at" msgpack:"at"`
	Seq     Seq    `json:"seq" msgpack:"seq"` // of the command that brought it
	Mention bool   `json:"mention,omitempty" msgpack:"mention,omitempty"`
	Thread  string `json:"thread,omitempty" msgpack:"thread,omitempty"`
}

// PendingRead is a read up to a message that has not arrived yet (rule read-early): the first one,
// if there were several. It is private if none of them sends a receipt.
type PendingRead struct {
	Upto    string `json:"upto" msgpack:"upto"`
	At      Time   `json:"at" msgpack:"at"`
	Seq     Seq    `json:"seq" msgpack:"seq"`
	Private bool   `json:"private,omitempty" msgpack:"private,omitempty"`
}

// Explanation answers an ExplainRequest: why a conversation's count is what it is,
// Unread = SinceRead - Own - Revoked, message by message in Messages.
type Explanation struct {
	User         string `json:"user" msgpack:"user"`
	Version      Seq    `json:"version" msgpack:"version"`
	Conversation string `json:"conversation" msgpack:"conversation"`
	Unread       uint64 `json:"unread" msgpack:"unread"`
	Mentions     uint64 `json:"mentions" msgpack:"mentions"`
	MarkedUnread bool   `json:"marked_unread,omitempty" msgpack:"marked_unread,omitempty"`
	Muted        bool   `json:"muted,omitempty" msgpack:"muted,omitempty"`

	ReadUpto string `json:"read_upto,omitempty" msgpack:"read_upto,omitempty"`
	ReadAt   Time   `json:"read_at,omitempty" msgpack:"read_at,omitempty"`
	ReadSeq  Seq    `json:"read_seq,omitempty" msgpack:"read_seq,omitempty"` // of the command that set the position

	SinceRead uint64 `json:"since_read" msgpack:"since_read"` // counted messages after the read position
	Own       uint64 `json:"own" msgpack:"own"`               // of them the user's own
	Revoked   uint64 `json:"revoked" msgpack:"revoked"`       // of them recalled

	PendingReads []PendingRead      `json:"early_reads,omitempty" msgpack:"early_reads,omitempty"` // the oldest first
	Messages     []ExplainedMessage `json:"messages" msgpack:"messages"`                           // the oldest first
	More         uint64             `json:"more,omitempty" msgpack:"more,omitempty"`               // messages of the count beyond the limit
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

// WatchReply says until when a watch lasts.
type WatchReply struct {
	Until Time `json:"until" msgpack:"until"`
}

// DoReply answers a user's request for a command: where it is stored.
type DoReply struct {
	Seq       Seq  `json:"seq" msgpack:"seq"`
	Duplicate bool `json:"duplicate,omitempty" msgpack:"duplicate,omitempty"` // stored before, with the same key
}
