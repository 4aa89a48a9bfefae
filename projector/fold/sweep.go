package fold

import (
	"slices"
	"strings"

	"reddot/events"
)

// Pace says how much a command may do at once, and how fast what it leaves is
// swept. It decides which rows there are after a command: it is part of the
// stored format.
type Pace struct {
	Bulk  uint64 // rows of others; a command that changes more of them leaves them to be swept
	Each  uint64 // rows that every command sweeps
	Burst uint64 // rows that an erasure sweeps: most inboxes are gone at once
	// Most bounds the rows that may be left: beyond it a command sweeps as many as it
	// leaves. MostSweeps bounds the commands that have left some.
	Most       uint64
	MostSweeps int
}

// DefaultPace is that of every store. A swept row costs some 5 µs: so no command
// takes more than a few milliseconds, and one that sweeps for others takes less
// than a tenth of one longer. What is left takes 8 MB at most.
func DefaultPace() Pace {
	return Pace{Bulk: 256, Each: 16, Burst: 256, Most: 200_000, MostSweeps: 1_024}
}

// SweepKind says what a sweep is of. The values are stored.
type SweepKind byte

// The kinds of sweep.
const (
	SweepDismiss SweepKind = 'd' // the members of a dismissed group
	SweepErase   SweepKind = 'e' // the inbox and the memberships of an erased user
	SweepJoin    SweepKind = 'j' // many new members of a group
	SweepLeave   SweepKind = 'l' // many who left
)

// Sweep is what a command has done at once and left to be written down: the rows
// that it has changed for all who read are changed in the store by the commands
// that follow, a few each. A Sweep is never changed.
type Sweep struct {
	Seq     events.Seq // of the command
	At      events.Time
	Kind    SweepKind
	ID      string     // the group, or the user
	Users   []string   // who joined, and were no members, or who left, and were; sorted
	Head    Cursor     // of the group's log at the time
	Era     events.Seq // of the user's inbox at the time, or of the dismissed group's trees
	Blocked []string   // whom the user blocked at the time
	Rows    uint64     // how many, as far as that is known
}

// has reports whether a sweep is about a user.
func (w *Sweep) has(user string) bool {
	if w.Kind != SweepJoin && w.Kind != SweepLeave {
		return true
	}
	if user < w.Users[0] || user > w.Users[len(w.Users)-1] {
		return false
	}
	_, found := slices.BinarySearch(w.Users, user)
	return found
}

// member is the row of one who joined.
func (w *Sweep) member() *Conversation {
	return &Conversation{Join: w.Head, JoinSeq: w.Seq, Read: w.Head, ReadSeq: w.Seq, Moved: w.Seq, Version: w.Seq}
}

// ends reports whether a sweep's command has ended what is of an earlier one.
func (w *Sweep) ends(k Key, c *Conversation) bool {
	return w.Kind != SweepJoin && c.begun(k) < w.Seq && w.has(k.User)
}

// Progress is how far the oldest sweep has come.
type Progress struct {
	Swept uint64
	Last  string // what was swept last
}

// each calls fn with the indices of the users, sorted, whom a sweep is about.
func (w *Sweep) each(users []string, fn func(i int)) {
	if len(users) < len(w.Users)/16 {
		for i, user := range users {
			if w.has(user) {
				fn(i)
			}
		}
		return
	}
	i, _ := slices.BinarySearch(users, w.Users[0])
	j, _ := slices.BinarySearch(w.Users, users[0])
	for i < len(users) && j < len(w.Users) {
		switch order := strings.Compare(users[i], w.Users[j]); {
		case order < 0:
			i++
		case order > 0:
			j++
		default:
			fn(i)
			i++
			j++
		}
	}
}

// begun is the command from which on the conversation is what it is: of an
// earlier one it knows all.
func (c *Conversation) begun(k Key) events.Seq {
	if k.Kind == events.Group {
		return c.JoinSeq
	}
	return c.Era
}

// listed reports whether a conversation was in its user's list at the time of the
// command that ended it, when the user blocked some.
func (w *Sweep) listed(r Reader, k Key, c *Conversation, blocked []string) bool {
	if k.Kind == events.C2C {
		return c.listed(r, k, c.Log, func() barred { return barred{peer: slices.Contains(blocked, k.ID)} })
	}
	if !c.Deleted {
		return true
	}
	upto := w.Head.Ord
	if w.Kind == SweepErase {
		upto = reached(r, k.LogKey(), w.Seq)
	}
	b := barred{}
	if upto > c.DeletedAt {
		for _, user := range blocked {
			if sender := r.Sender(Key{user, k.ConversationID}); sender != nil {
				b.writers = append(b.writers, Writer{user, sender})
			}
		}
	}
	return b.others(r, k, r.Group(k.ID), c.DeletedAt, upto) > 0
}

// reached is the ordinal that a group's log had reached before a command.
func reached(r Reader, lk Key, before events.Seq) Ord {
	log := r.Group(lk.ID)
	if log == nil {
		return 0
	}
	lo, hi := Pos(0), log.Head.Pos // those up to lo came before, those after hi did not
	for lo < hi {
		if mid := (lo + hi + 1) / 2; r.Message(lk, mid).Seq < before {
			lo = mid
		} else {
			hi = mid - 1
		}
	}
	if lo == 0 {
		return 0
	}
	return r.Message(lk, lo).Ord
}

// positionOf finds the position of the message with a counted ordinal. Ordinals grow
// with positions.
func positionOf(r Reader, lk Key, log *Log, o Ord) Pos {
	lo, hi := uint64(0), (uint64(log.Head.Pos)-1)/PageSize
	for lo < hi { // the page is the last one that begins before o
		if mid := (lo + hi + 1) / 2; r.PageBase(lk, mid) < o {
			lo = mid
		} else {
			hi = mid - 1
		}
	}
	for pos := Pos(lo*PageSize) + 1; pos <= Pos(lo+1)*PageSize && pos <= log.Head.Pos; pos++ {
		if m := r.Message(lk, pos); m.Counted && m.Ord == o {
			return pos
		}
	}
	Break(lk, "no message has ordinal %d", o)
	return 0
}
