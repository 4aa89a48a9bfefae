package fold

import (
	"slices"

	"reddot/events"
)

// Log is what all readers of a conversation share.
type Log struct {
	Head    Cursor
	Last    Last
	Version events.Seq // of the command that last changed the view of every reader
	Recalls []Recall   // groups only: revokes since, which change the view of some
	Purges  []Purge    // groups only: purges since, which change the view of some
	Purged  Cursor     // groups only: what lies up to here is gone for all
	Block   Span       // of the messages in the unfinished time block
	Revoked Set        // ordinals revoked after they had counted
	All     Set        // ordinals naming everybody that count in the conversation, not revoked; groups only
	Counted Ord        // the last ordinal that counts in the conversation, revoked or not

	MainVersion events.Seq // of the recall that last changed the view of every reader of the main timeline
	Threads     *LogThreads

	Members uint64 // groups only; those who have been erased and are not swept yet among them
	Peak    uint64 // groups only: the most members there ever were

	Dismissed events.Seq // groups only: by which command last

	// Tail is the messages of the unfinished page, as the Rows write them: it is
	// theirs alone.
	Tail string
}

// LogThreads is what a log knows of its threads; nil, if it has none. It is apart since
// few logs have any. Logs share it: see Log.ownThreads.
type LogThreads struct {
	Threaded Set  // ordinals of threads that count in the conversation, not revoked
	Apart    Set  // ordinals that count apart, revoked ones among them: those are in no other set; groups only
	All      Set  // of those that count apart: ordinals naming everybody, not revoked
	Main     Last // the newest message of the main timeline that is not hidden, if Log.Last is a thread's

	Order        events.Seq // of the newest thread's row in the order by activity
	Version      events.Seq // of the command that last changed a view of a thread
	ApartVersion events.Seq // of the last message that counts apart
}

var noThreads LogThreads

// OfThreads is what the log knows of its threads, to be read only.
func (l *Log) OfThreads() *LogThreads {
	if l.Threads == nil {
		return &noThreads
	}
	return l.Threads
}

// ownThreads is OfThreads, to be changed.
func (l *Log) ownThreads() *LogThreads {
	own := *l.OfThreads()
	l.Threads = &own
	return &own
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
	Thread  bool // it is of a thread
}

// LastMain is the newest message of the main timeline that is not hidden, to be read only.
func (l *Log) LastMain() *Last {
	if l.Last.Thread {
		return &l.OfThreads().Main
	}
	return &l.Last
}

// show notes that a command changes the view of every reader: of the main timeline, or
// of a thread and the conversation.
func (l *Log) show(seq events.Seq, thread bool) {
	if !thread {
		l.changedForAll(seq)
	} else if l.Version = seq; l.Recalls != nil {
		l.Recalls = slices.DeleteFunc(slices.Clone(l.Recalls), func(r Recall) bool { return r.Thread != "" })
	}
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

// Recall is a revoke of a message in a group, or in a thread, or an edit of whom it
// names. It changes the view of those who have the message unread and have not sent it.
type Recall struct {
	Ord    Ord
	From   string
	Seq    events.Seq
	Thread string
	Apart  bool
	Only   []string // an edit by which it names others: whom it names no more, or newly; nil: it concerns everybody
	Except []string // an edit by which it names everybody, or no more: whom it names by name either way
}

// concerns reports whether it may change the view of a user.
func (r *Recall) concerns(user string) bool {
	return r.From != user && !slices.Contains(r.Except, user) && (r.Only == nil || slices.Contains(r.Only, user))
}

// covers reports whether a recall concerns all whom an earlier one does.
func (r *Recall) covers(old *Recall) bool {
	if old.From != r.From || old.Thread != r.Thread || old.Apart != r.Apart || r.Except != nil {
		return false
	}
	return r.Only == nil && old.Ord <= r.Ord || old.Ord == r.Ord && old.Only != nil &&
		!slices.ContainsFunc(old.Only, func(user string) bool { return !slices.Contains(r.Only, user) })
}

// maxRecalls bounds the revokes and edits that a log lists one by one, the names of each,
// and the purges. One more, without a message between, counts as a change for every reader.
const maxRecalls = 32

// changedForAll notes that a command changes the view of every reader.
func (l *Log) changedForAll(by events.Seq) { l.Version, l.Recalls = by, nil }

// recalled lists a revoke. It stands for earlier ones of the same sender's older
// messages of the timeline: whoever they concern, it concerns too, and it is newer.
func recalled(version events.Seq, all []Recall, r Recall) (events.Seq, []Recall) {
	kept := slices.DeleteFunc(slices.Clone(all), func(old Recall) bool {
		return r.covers(&old)
	})
	if len(kept) == maxRecalls {
		return r.Seq, nil
	}
	return version, append(kept, r)
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
	Revoked  bool // revoked before it came
	All      bool // names everybody
	Named    bool // C2C: names the owner
	Apart    bool // groups: counts for the followers of its thread
	PrevPeer Pos  // C2C, own messages: the peer's newest message before this one

	// C2C, the peer's messages in threads: the peer's newest message before this one
	// in the main timeline, and in the thread.
	PrevMain, PrevThread Pos

	Mentions []string // groups

	Expires   bool // it came in time, and expires
	ExpiresAt events.Time
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
