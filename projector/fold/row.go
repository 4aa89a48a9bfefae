package fold

import (
	"slices"

	"reddot/events"
)

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

// Last is the newest message of a log that is not hidden. Pos is 0 if there is
// none.
type Last struct {
	ID      string
	From    string
	At      events.Time
	Seq     events.Seq // of the command that brought it
	Pos     Pos
	Revoked bool // it was recalled, whether it had counted or not
}

// Log is what all readers of a conversation share.
type Log struct {
	Head    Cursor
	Last    Last
	Version events.Seq // of the command that last changed the view of every reader
	Recalls []Recall   // groups only: revokes since, which change the view of some
	Block   Span       // of the messages in the unfinished time block
	Revoked Set        // ordinals revoked after they had counted
	All     Set        // ordinals naming everybody, not revoked; groups only
	Members uint64     // groups only; those who have been erased and are not swept yet among them
	Peak    uint64     // groups only: the most members there ever were

	Dismissed events.Seq // groups only: by which command last

	// Tail is the messages of the unfinished page, as the Rows write them: it is
	// theirs alone.
	Tail string
}

// Span is the least and the greatest At of some messages.
type Span struct{ Least, Greatest events.Time }

// with is the span with one more message; first says that it had none.
func (s Span) with(at events.Time, first bool) Span {
	if first {
		return Span{at, at}
	}
	return Span{min(s.Least, at), max(s.Greatest, at)}
}

// Recall is a revoke of a message in a group. It changes the view of those who
// have the message unread and have not sent it.
type Recall struct {
	Ord  Ord
	From string
	Seq  events.Seq
}

// maxRecalls bounds the revokes that a log lists one by one. One more, without a
// message between, counts as a change for every reader.
const maxRecalls = 32

// recalled lists a revoke. It stands for earlier ones of the same sender's older
// messages: whoever they concern, it concerns too, and it is newer.
func (l *Log) recalled(r Recall) {
	kept := slices.DeleteFunc(slices.Clone(l.Recalls), func(old Recall) bool { return old.From == r.From && old.Ord <= r.Ord })
	if len(kept) == maxRecalls {
		l.Version, l.Recalls = r.Seq, nil
		return
	}
	l.Recalls = append(kept, r)
}

// PendingRead is a read up to a message that has not arrived yet, or several up to the
// same one: when it comes, it is read as if it had been there before them.
type PendingRead struct {
	ID  string
	At  events.Time // of the first
	Seq events.Seq  // of the first

	Open   bool        // not all of them are private
	OpenAt events.Time // of the first that is not
}

// Receipt is the last read receipt a reader has sent to a C2C peer. Receipts only
// grow: it is the furthest, too.
type Receipt struct {
	Upto string
	Pos  Pos // of that message
	At   events.Time
	Seq  events.Seq // of the command that sent it
}

// PeerMark is the newest message of the peer in a C2C log.
type PeerMark struct {
	Pos Pos
	ID  string
}

// Conversation is one user's row of a conversation. A C2C conversation holds
// its log; a group member's row leaves Log zero.
type Conversation struct {
	Log  Log      // C2C only
	Peer PeerMark // C2C only
	Sent Pos      // C2C only: of the owner's newest message that is not silent, hidden or recalled before it came

	Era     events.Seq // C2C only: of the erasure of the inbox that it came after
	Version events.Seq // of the command that last changed this row's view

	Read    Cursor
	ReadAt  events.Time // of the read that set Read, if ReadSet
	ReadSeq events.Seq  // of the command that set Read
	ReadSet bool        // Read was set by a read, so ReadAt says when

	Join    Cursor     // groups: the head at the join
	JoinSeq events.Seq // groups: the command that joined

	Deleted   bool // from the list, until a counted message comes
	DeletedAt Ord  // the last ordinal at the time

	Muted  bool
	Marked bool // marked unread by hand

	PendingReads []PendingRead // the oldest first, at most events.MaxEarlyReads
	Receipt      *Receipt      // C2C only

	Own         Set    // groups: ordinals of the member's own messages, not revoked
	OwnAfter    uint64 // how many of Own lie after Read
	Named       Set    // ordinals of messages that name the user, not revoked
	NamedAfter  uint64
	OwnAll      Set // groups: ordinals of Own that name everybody
	OwnAllAfter uint64
}

// Exists reports whether the conversation has come into being: a C2C
// conversation does with its first message that is not hidden, a group's with the
// join.
func (c *Conversation) Exists(k Key) bool {
	return k.Kind == events.Group || c.Log.Last.Pos > 0
}

// empty reports whether the row says nothing.
func (c *Conversation) empty(k Key) bool {
	return k.Kind == events.C2C && c.Log.Head.Pos == 0 && !c.Muted && len(c.PendingReads) == 0
}

// Listed reports whether the conversation is in the user's list.
func (c *Conversation) Listed(k Key, log *Log) bool {
	return c.Exists(k) && (!c.Deleted || log.Head.Ord > c.DeletedAt)
}

// ReceiptPos is the position up to which the peer of a C2C conversation was ever told
// that it is read.
func (c *Conversation) ReceiptPos() Pos {
	if c.Receipt == nil {
		return 0
	}
	return c.Receipt.Pos
}

// OwesReceipt reports whether a C2C conversation is read up to its end, and the peer
// has not been sent a receipt for all of that.
func (c *Conversation) OwesReceipt() bool {
	return c.Read == c.Log.Head && c.Peer.Pos > c.ReceiptPos()
}

// Settled reports whether a read of the whole C2C conversation would find nothing
// to do.
func (c *Conversation) Settled() bool {
	return c.Read == c.Log.Head && !c.Marked && !c.OwesReceipt()
}

// ViewVersion is the version of the user's view of a conversation that is in
// the list.
func (c *Conversation) ViewVersion(user string, log *Log) events.Seq {
	v := max(c.Version, log.Version)
	for _, r := range log.Recalls {
		if r.Ord > c.Read.Ord && r.From != user {
			v = max(v, r.Seq)
		}
	}
	return v
}

// Activity orders the list, newest first.
func (c *Conversation) Activity(log *Log) events.Seq { return max(c.JoinSeq, log.Last.Seq) }

// Unread is the conversation's count.
func (c *Conversation) Unread(r Reader, k Key, log *Log) uint64 {
	if log.Head.Ord == c.Read.Ord {
		return 0
	}
	off := c.OwnAfter + log.Revoked.CountAfter(r, k.LogKey().Set(SetRevoked), c.Read.Ord)
	if log.Head.Ord < c.Read.Ord || uint64(log.Head.Ord-c.Read.Ord) < off {
		Break(k, "read up to ordinal %d of %d, and %d do not count after it", c.Read.Ord, log.Head.Ord, off)
	}
	return uint64(log.Head.Ord-c.Read.Ord) - off
}

// Mentions is the number of unread messages that name the user or everybody.
func (c *Conversation) Mentions(r Reader, k Key, log *Log) uint64 {
	if log.Head.Ord == c.Read.Ord {
		return 0
	}
	n := c.NamedAfter + log.All.CountAfter(r, k.LogKey().Set(SetAll), c.Read.Ord)
	if n < c.OwnAllAfter {
		Break(k, "%d messages name the user, %d of them are the user's own to all", n, c.OwnAllAfter)
	}
	return n - c.OwnAllAfter
}

// Message is one message of a log, as stored.
type Message struct {
	ID     string
	From   string
	Thread string
	At     events.Time
	Seq    events.Seq
	Ord    Ord // reached with this message: its own if Counted

	Counted  bool
	Silent   bool
	Hidden   bool
	Revoked  bool     // revoked before it came
	All      bool     // names everybody
	Named    bool     // C2C: names the owner
	PrevPeer Pos      // C2C, own messages: the peer's newest message before this one
	Mentions []string // groups
}

// Index says what a log knows of a message id: its place, or, for an id that
// has not arrived (Pos 0), what is to happen when it does.
type Index struct {
	Pos     Pos
	Ord     Ord
	Counted bool

	Revoked bool   // not arrived: revoked before it came
	Awaited uint64 // not arrived, groups: how many members have read up to it
}

// Before is the cursor just before the message.
func (i Index) Before() Cursor {
	c := Cursor{i.Pos - 1, i.Ord}
	if i.Counted {
		c.Ord--
	}
	return c
}

// Paging of a log. Both are part of the stored format.
const (
	// PageSize is the number of messages stored together. The newest ones, up to
	// a full page, are stored with their log, so that most messages write no row
	// of their own; a page is as large as that row may get.
	PageSize = 16
	// BlockSize is the number of messages whose least and greatest times are
	// kept, so that a search by time skips them together.
	BlockSize = 256
)

// Reader reads rows. What it returns must not be changed by the caller,
// except through Rows. Reading fails by panicking with the store's error, or
// with Broken, which the caller of Apply or of a view recovers: no rule can go
// on with a row that could not be read.
type Reader interface {
	Conversation(k Key) *Conversation   // nil: none
	Conversations(user string) []Key    // sorted by kind, then id
	Group(group string) *Log            // nil: none
	UserVersion(user string) events.Seq // 0: none
	Index(log Key, id string) (Index, bool)
	Message(log Key, pos Pos) Message
	PageBase(log Key, page uint64) Ord // the ordinal reached before the page's first message
	TimeBlock(log Key, block uint64) Span
	Chunk(k SetKey, no uint64) *Chunk // nil: empty
	Directory(k SetKey) Directory
}

// Rows are the rows a fold changes. A pointer that a Reader method returned
// may be changed and given back to Put before the next command.
type Rows interface {
	Reader
	Policy() events.OwnPolicy
	SetPolicy(events.OwnPolicy)
	// TakeUnread lists the user's conversations of a kind, or of every kind, in
	// which a read of everything may find something, and perhaps some others:
	// sorted by kind, then id. The caller reads them all.
	TakeUnread(user string, kind events.Kind) []Key
	// KeepUnread says of one that TakeUnread listed that a read of everything may
	// still find something there.
	KeepUnread(k Key)
	PutConversation(k Key, c *Conversation)
	DeleteConversation(k Key)
	PutGroup(group string, l *Log)
	Members(group string) []string // sorted; of a group of which nothing is pending
	PutMember(group, user string, joined events.Seq)
	DeleteMember(group, user string)
	SetUserVersion(user string, v events.Seq)
	PutIndex(log Key, id string, i Index)
	DeleteIndex(log Key, id string)
	// Append gives a log its newest message, whose place is the log's Head. The
	// id is found by Index from then on. The caller puts the row of the log.
	Append(lk Key, l *Log, m *Message)
	PutTimeBlock(log Key, block uint64, s Span)
	PutChunk(k SetKey, no uint64, b *Chunk)   // an empty one is deleted
	PutDirectory(k SetKey, d Directory)       // an empty one is deleted
	PendingReaders(group, id string) []string // members with a pending read up to id, sorted
	PutPendingReader(group, id, user string)
	DeletePendingReader(group, id, user string)
	// Stored is the row of a conversation as it is stored, whether or not it has
	// ended.
	Stored(k Key) *Conversation
	Pace() Pace
	Sweeps() *Sweeps
	PutProgress(Progress) // of the oldest sweep
	// Sift takes from sorted users those who are members of a group, or who are not.
	// All that was changed by earlier commands is committed, and must be read anew.
	Sift(group string, users []string, members bool) []string
	// BeginSweep enters a sweep, as the first change of its command. What was read
	// before must be read anew.
	BeginSweep(*Sweep)
	EndSweep(*Sweep) // the oldest is done
	// NextRow is the next row that a sweep may be of; whether it is, the caller
	// looks.
	NextRow(w *Sweep, after string) (SweptRow, bool)
	DropRow(name string) // of no conversation

	// Era is the last erasure of a user's inbox; 0: there was none. What is stored
	// of an inbox is of one era.
	Era(user string) events.Seq
	// SetErased begins a new era, with nothing in it.
	SetErased(user string, by events.Seq)
	// Anything reports whether there is anything in a user's inbox, memberships
	// included. All that was changed by earlier commands is committed, and must be
	// read anew.
	Anything(user string) bool
}

// SweptRow is a row that a sweep may be of: a conversation's, or one that belongs
// to a conversation which is gone.
type SweptRow struct {
	Name         string // in the order in which they are swept
	Conversation Key    // zero: none
}
