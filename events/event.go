package events

import (
	"maps"
	"slices"

	"github.com/vmihailenco/msgpack/v5"
)

// Totals are a user's badge: sums over the conversations in the list.
type Totals struct {
	Unread        uint64 `json:"unread" msgpack:"unread"`               // unread messages, muted conversations left out
	C2C           uint64 `json:"c2c" msgpack:"c2c"`                     // of them in C2C conversations
	Group         uint64 `json:"group" msgpack:"group"`                 // of them in groups
	Mentions      uint64 `json:"mentions" msgpack:"mentions"`           // of them naming the user or all
	Conversations uint64 `json:"conversations" msgpack:"conversations"` // unmuted conversations with unread or the mark
	Muted         uint64 `json:"muted" msgpack:"muted"`                 // unread messages kept out by muting or archiving

	Threads ThreadTotals `json:"threads,omitzero" msgpack:"threads,omitempty"`
}

// ThreadTotals are what counts apart from the conversations, in followed threads.
type ThreadTotals struct {
	Unread   uint64 `json:"unread" msgpack:"unread"`
	Mentions uint64 `json:"mentions" msgpack:"mentions"`
	Threads  uint64 `json:"threads" msgpack:"threads"` // threads that have any
}

// IsZero reports whether nothing is unread: the field is left out then.
func (t ThreadTotals) IsZero() bool { return t == ThreadTotals{} }

// NamedTotals are the totals of a user's filters, by name.
type NamedTotals map[string]Totals

// EncodeMsgpack writes them in the order of their names, as JSON has them.
func (t NamedTotals) EncodeMsgpack(enc *msgpack.Encoder) error {
	if err := enc.EncodeMapLen(len(t)); err != nil {
		return err
	}
	for _, name := range slices.Sorted(maps.Keys(t)) {
		if err := enc.EncodeString(name); err != nil {
			return err
		}
		totals := t[name]
		if err := totals.pack(enc); err != nil {
			return err
		}
	}
	return nil
}

// LastMessage is the newest message of a conversation, hidden ones left out.
type LastMessage struct {
	ID      string `json:"id" msgpack:"id"`
	From    string `json:"from" msgpack:"from"`
	At      Time   `json:"at" msgpack:"at"`
	Revoked bool   `json:"revoked,omitempty" msgpack:"revoked,omitempty"` // it was recalled
}

// Conversation is one user's view of a chat.
type Conversation struct {
	Conversation string       `json:"conversation" msgpack:"conversation"`
	Unread       uint64       `json:"unread" msgpack:"unread"`
	Mentions     uint64       `json:"mentions" msgpack:"mentions"`
	MarkedUnread bool         `json:"marked_unread,omitempty" msgpack:"marked_unread,omitempty"`
	Muted        bool         `json:"muted,omitempty" msgpack:"muted,omitempty"`   // its level is "none"
	Level        string       `json:"level,omitempty" msgpack:"level,omitempty"`   // see [Level]; empty: "all"
	Labels       []string     `json:"labels,omitempty" msgpack:"labels,omitempty"` // sorted
	LastMessage  *LastMessage `json:"last_message,omitempty" msgpack:"last_message,omitempty"`
	FirstUnread  string       `json:"first_unread,omitempty" msgpack:"first_unread,omitempty"` // the first message of the count
	ReadUpto     string       `json:"read_upto,omitempty" msgpack:"read_upto,omitempty"`       // the last message at or before the read position
	ReadAt       Time         `json:"read_at,omitempty" msgpack:"read_at,omitempty"`           // of the read that set the position
	Threads      ThreadTotals `json:"threads,omitzero" msgpack:"threads,omitempty"`            // followed, unmuted ones that count apart
	Version      Seq          `json:"version" msgpack:"version"`
}

// Equal reports whether two views show the same.
func (c Conversation) Equal(other Conversation) bool {
	last, labels := c.LastMessage, c.Labels
	if !slices.Equal(labels, other.Labels) || (last == nil) != (other.LastMessage == nil) || last != nil && *last != *other.LastMessage {
		return false
	}
	return c.Conversation == other.Conversation && c.Unread == other.Unread && c.Mentions == other.Mentions &&
		c.MarkedUnread == other.MarkedUnread && c.Muted == other.Muted && c.Level == other.Level && c.FirstUnread == other.FirstUnread &&
		c.ReadUpto == other.ReadUpto && c.ReadAt == other.ReadAt && c.Threads == other.Threads && c.Version == other.Version
}

// Thread is one user's view of a thread of a conversation.
type Thread struct {
	Conversation string       `json:"conversation" msgpack:"conversation"`
	Thread       string       `json:"thread" msgpack:"thread"` // empty: the main timeline
	Unread       uint64       `json:"unread" msgpack:"unread"`
	Mentions     uint64       `json:"mentions" msgpack:"mentions"`
	Following    bool         `json:"following,omitempty" msgpack:"following,omitempty"`
	Muted        bool         `json:"muted,omitempty" msgpack:"muted,omitempty"`
	LastMessage  *LastMessage `json:"last_message,omitempty" msgpack:"last_message,omitempty"`
	FirstUnread  string       `json:"first_unread,omitempty" msgpack:"first_unread,omitempty"`
	ReadUpto     string       `json:"read_upto,omitempty" msgpack:"read_upto,omitempty"` // the last message at or before the thread's read position
	Version      Seq          `json:"version" msgpack:"version"`
}

// Change reports to a user's listeners what changed, with the totals that belong
// to it.
type Change struct {
	User          string         `json:"user" msgpack:"user"`
	Version       Seq            `json:"version" msgpack:"version"`
	At            Time           `json:"at" msgpack:"at"`
	Totals        Totals         `json:"totals" msgpack:"totals"`
	Conversations []Conversation `json:"conversations" msgpack:"conversations"`
	Removed       []string       `json:"removed,omitempty" msgpack:"removed,omitempty"`
	Threads       []Thread       `json:"threads,omitempty" msgpack:"threads,omitempty"` // followed ones
	Filters       NamedTotals    `json:"filters,omitempty" msgpack:"filters,omitempty"`
}

// Receipt reports to User that Peer has read User's messages up to Upto.
type Receipt struct {
	User         string `json:"user" msgpack:"user"`
	Version      Seq    `json:"version" msgpack:"version"`
	Conversation string `json:"conversation" msgpack:"conversation"` // c2c_<peer>
	Peer         string `json:"peer" msgpack:"peer"`
	Upto         string `json:"upto" msgpack:"upto"`
	At           Time   `json:"at" msgpack:"at"`
	Thread       string `json:"thread,omitempty" msgpack:"thread,omitempty"` // of a read of that thread
}

// GroupReceipt says by how many members of a group a message is read.
type GroupReceipt struct {
	ID      string `json:"id" msgpack:"id"`
	Read    uint64 `json:"read" msgpack:"read"`
	Members uint64 `json:"members" msgpack:"members"` // who could have, the sender left out
}

// GroupReceipts reports to User by how many members messages of User's are read.
type GroupReceipts struct {
	User     string         `json:"user" msgpack:"user"`
	Version  Seq            `json:"version" msgpack:"version"`
	At       Time           `json:"at" msgpack:"at"`
	Group    string         `json:"group" msgpack:"group"`
	Receipts []GroupReceipt `json:"receipts" msgpack:"receipts"`
}

// Rejected reports that a command was refused.
type Rejected struct {
	Seq     Seq    `json:"seq" msgpack:"seq"`
	Subject string `json:"subject" msgpack:"subject"`
	Reason  string `json:"reason" msgpack:"reason"`
	At      Time   `json:"at" msgpack:"at"`
}
