package fold

import (
	"iter"

	"reddot/events"
)

// Reader reads rows. What it returns must not be changed by the caller,
// except through Rows. Reading fails by panicking with the store's error, or
// with Broken, which the caller of Apply or of a view recovers: no rule can go
// on with a row that could not be read.
type Reader interface {
	Conversation(k Key) *Conversation // nil: none
	Conversations(user string) []Key  // sorted by kind, then id
	// Summaries calls fn with the summaries of a user's conversations, in the order of
	// Conversations, and returns how many there are.
	Summaries(user string, fn func(Key, *Conversation, *Summary)) int
	// Derived is what make has made of all of a user's summaries, and of nothing else but what
	// Lost and Settings say. It is kept as long as those are as they were, and shared: it is
	// never changed, and always made in the same way. It is nil where that is not worth while:
	// of summaries that have changed since they were asked for last.
	Derived(user string, make func() any) any
	Latest(user string) events.Seq                                        // the latest version of the summaries; 0: there are none
	Group(group string) *Log                                              // nil: none
	Sender(k Key) *Sender                                                 // of a user in a group, a member or not; nil: has not written
	BlockedIn(k Key) []Writer                                             // those of whom a user blocks who have written in a group, by name
	Settings(user string) *Settings                                       // never nil
	Lost(user string) events.Seq                                          // the last command by which something that the user was shown left no row; 0: none
	Thread(log Key, thread string) *Thread                                // nil: no message of it shows
	Timeline(k Key, thread string) *Timeline                              // a user's row; nil: none
	Timelines(k Key) []*Timeline                                          // all of a conversation, sorted by thread
	ThreadOrder(log Key, before events.Seq) iter.Seq2[events.Seq, string] // the threads of a log, newest first
	Index(log Key, id string) (Index, bool)
	Message(log Key, pos Pos) Message
	PageBase(log Key, page uint64) Ord // the ordinal reached before the page's first message
	TimeBlock(log Key, block uint64) Span
	Chunk(k SetKey, no uint64) *Chunk // nil: empty
	Directory(k SetKey) Directory
	Counts(k TreeKey, level byte, no uint64) *Counts // nil: all are 0
	Member(group, user string) *Member               // as it is stored, of an earlier membership too; nil: none
	Piece(group, user, timeline string) *Piece       // of the stored membership; nil: none
	Wanted(group string) *Wanted                     // nil: none
	// EachMember calls fn with the members of a group whose names come after one, by
	// name, until fn says that it wants no more.
	EachMember(group, after string, fn func(user string, m Member) (more bool))
	// Stored is the row of a conversation as it is stored, whether or not it has
	// ended.
	Stored(k Key) *Conversation
	Sweeps() *Sweeps
	Policies() Policies
}

// Rows are the rows a fold changes. A pointer that a Reader method returned
// may be changed and given back to Put before the next command.
type Rows interface {
	Reader
	SetPolicies(Policies)
	// Clock is one more than the time of the latest clock: what expires before it has
	// expired. 0: there was none.
	Clock() events.Time
	SetClock(events.Time)
	// PutDue notes that the newest message of a log expires; the log's Era is known.
	PutDue(Due)
	// EachDue calls fn with what expires before a time, and forgets it: by the time,
	// the log and the position, until fn returns false.
	EachDue(before events.Time, fn func(Due) (more bool))
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
	// Written finds what some users have written in some groups, both sorted: by group,
	// then by user.
	Written(users, groups []string) map[string][]Writer
	PutSender(k Key, s *Sender)    // one that says nothing is deleted
	Members(group string) []string // sorted; of a group of which nothing is pending
	PutMember(group, user string, m Member)
	DeleteMember(group, user string)
	Pieces(group, user string) []string                    // the timelines of a member's pieces, sorted
	PutPiece(group, user, timeline string, p *Piece)       // nil: delete it
	PutWanted(group string, w *Wanted)                     // an empty one is deleted
	PutCounts(k TreeKey, level byte, no uint64, c *Counts) // an empty one is deleted
	// Imported reports whether a user's conversation in a group was imported in this
	// era of the inbox, also if the membership has ended since.
	Imported(user, group string) bool
	PutImported(user, group string)
	SetLost(user string, by events.Seq)
	SetSettings(user string, s *Settings)
	PutThread(log Key, thread string, t *Thread)
	PutTimeline(k Key, t *Timeline)
	DeleteTimeline(k Key, thread string)
	// EndTimelines deletes the rows that a user has of a conversation's timelines, written
	// in an era, and lists the threads that were followed.
	EndTimelines(k Key, era events.Seq) (followed []string)
	PutOrder(log Key, seq events.Seq, thread string) // see ThreadOrder
	DeleteOrder(log Key, seq events.Seq)
	PutFollower(group, thread, user string)
	DeleteFollower(group, thread, user string)
	PutIndex(log Key, id string, i Index)
	DeleteIndex(log Key, id string)
	// Append gives a log its newest message, whose place is the log's Head. The
	// id is found by Index from then on. The caller puts the row of the log.
	Append(lk Key, l *Log, m *Message)
	// Rewrite replaces a message at a position; only whom it names may differ. The caller
	// puts the row of the log.
	Rewrite(lk Key, l *Log, pos Pos, m *Message)
	AddTimeBlock(log Key, block uint64, s Span) // one that isn't stored
	AddChunk(k SetKey, no uint64, b *Chunk)     // one that isn't stored, and isn't empty
	PutChunk(k SetKey, no uint64, b *Chunk)     // an empty one is deleted
	PutDirectory(k SetKey, d Directory)         // an empty one is deleted
	PendingReaders(group, id string) []string   // members with a pending read up to id, sorted
	PutPendingReader(group, id, user string)
	DeletePendingReader(group, id, user string)
	StoredConversations(user string) []Key // sorted by kind, then id; those that have ended among them
	Pace() Pace
	PutProgress(Progress) // of the oldest sweep
	// Sift finds the memberships of sorted users in a group. All that was changed by
	// earlier commands is committed, and must be read again.
	Sift(group string, users []string) []Member
	// BeginSweep enters a sweep, as the first change of its command. What was read
	// before must be read again.
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
	// Anything reports whether there is anything in a user's inbox, memberships and
	// settings included. All that was changed by earlier commands is committed, and must be
	// read again.
	Anything(user string) bool
}

// SweptRow is a row that a sweep may be of: a conversation's, or one that belongs
// to a conversation which is gone.
type SweptRow struct {
	Name         string // in the order in which they are swept
	Conversation Key    // zero: none
}
