package fold

import (
	"iter"
	"maps"
	"slices"

	"reddot/events"
)

// Pace says how much a command may do at once, and how fast what it leaves is
// swept. It decides which rows there are after a command: it is part of the
// stored format.
type Pace struct {
	Bulk  uint64 // rows of others; a command that changes more of them leaves them to be swept
	Each  uint64 // rows that every command sweeps
	Burst uint64 // rows that a command sweeps that leaves some itself
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
)

// Sweep is what a command has done at once and left to be written down: the rows
// that it has changed for all who read are changed in the store by the commands
// that follow, a few each. A Sweep is never changed.
type Sweep struct {
	Seq  events.Seq // of the command
	At   events.Time
	Kind SweepKind
	ID   string     // the group, or the user
	Head Cursor     // of the group's log at the time
	Era  events.Seq // of the user's inbox at the time
	Rows uint64     // how many, as far as that is known
}

// Progress is how far the oldest sweep has come.
type Progress struct {
	Swept uint64
	Last  string // what was swept last
}

// Pending is all that is left to be swept. It is never changed. nil is none.
type Pending struct {
	sweeps        []*Sweep            // oldest first
	groups, users map[string][]*Sweep // by group and by user, oldest first
}

// NewPending returns what sweeps, oldest first, make up.
func NewPending(sweeps []*Sweep) *Pending {
	if len(sweeps) == 0 {
		return nil
	}
	p := &Pending{sweeps: sweeps, groups: map[string][]*Sweep{}, users: map[string][]*Sweep{}}
	for _, w := range sweeps {
		by := p.groups
		if w.Kind == SweepErase {
			by = p.users
		}
		by[w.ID] = append(by[w.ID], w)
	}
	return p
}

// With is p and one more sweep.
func (p *Pending) With(w *Sweep) *Pending {
	return NewPending(append(slices.Clip(p.Sweeps()), w))
}

// WithoutOldest is p when its oldest sweep is done.
func (p *Pending) WithoutOldest() *Pending { return NewPending(p.sweeps[1:]) }

// Sweeps are all of them, oldest first.
func (p *Pending) Sweeps() []*Sweep {
	if p == nil {
		return nil
	}
	return p.sweeps
}

// Oldest is the one that is being swept.
func (p *Pending) Oldest() *Sweep { return p.sweeps[0] }

// rows is how many rows are left, as far as that is known.
func (p *Pending) rows(at Progress) (n uint64) {
	for _, w := range p.Sweeps() {
		n += w.Rows
	}
	return n - min(n, at.Swept)
}

// Of reports whether anything is left of a group's members as such.
func (p *Pending) Of(group string) bool { return p != nil && p.groups[group] != nil }

// Erased lists the users whose inboxes are being swept, in no order.
func (p *Pending) Erased() iter.Seq[string] {
	if p == nil {
		return func(func(string) bool) {}
	}
	return maps.Keys(p.users)
}

// erasures bounds how many users that is.
func (p *Pending) erasures() uint64 {
	if p == nil {
		return 0
	}
	return uint64(len(p.users))
}

// ErasedAt is the last erasure of a user whose inbox is being swept; 0: none.
func (p *Pending) ErasedAt(user string) events.Seq {
	if p == nil || p.users[user] == nil {
		return 0
	}
	return p.users[user][len(p.users[user])-1].Seq
}

// concerns reports whether anything that is left may be about a conversation.
func (p *Pending) concerns(k Key) bool {
	return p != nil && (p.users[k.User] != nil || k.Kind == events.Group && p.groups[k.ID] != nil)
}

// Now is a stored row as it is for all who read: itself, or nil if what it is of
// has ended.
func (p *Pending) Now(k Key, stored *Conversation) *Conversation {
	if stored == nil || !p.concerns(k) {
		return stored
	}
	return p.follow(k, stored, func(*Sweep, *Conversation) {})
}

// Present reports whether somebody whose stored membership is of a command is a
// member.
func (p *Pending) Present(k Key, joined events.Seq) bool {
	return p.Now(k, &Conversation{JoinSeq: joined}) != nil
}

// Died is the version that a user has from a stored row that has ended.
func (p *Pending) Died(r Reader, k Key, stored *Conversation) (version events.Seq) {
	if stored != nil && p.concerns(k) {
		p.follow(k, stored, func(w *Sweep, dead *Conversation) {
			if version = max(version, dead.Version); w.listed(r, k, dead) {
				version = max(version, w.Seq)
			}
		})
	}
	return version
}

// Ended reports whether it was a sweep's command by which a conversation, of which
// the row is still stored, left its user's list.
func (p *Pending) Ended(r Reader, w *Sweep, k Key, stored *Conversation) (ended bool) {
	if stored != nil && p.concerns(k) {
		p.follow(k, stored, func(by *Sweep, dead *Conversation) { ended = ended || by.Seq == w.Seq && w.listed(r, k, dead) })
	}
	return ended
}

// follow goes through what is left of a conversation, from the stored row on. It
// calls ended with what has ended, and returns what there is.
func (p *Pending) follow(k Key, stored *Conversation, ended func(*Sweep, *Conversation)) (c *Conversation) {
	c = stored
	p.each(k, func(w *Sweep) {
		if c != nil && c.begun(k) < w.Seq {
			ended(w, c)
			c = nil
		}
	})
	return c
}

// each calls fn with the sweeps that may be about a conversation, oldest first.
func (p *Pending) each(k Key, fn func(*Sweep)) {
	users := p.users[k.User]
	var groups []*Sweep
	if k.Kind == events.Group {
		groups = p.groups[k.ID]
	}
	for len(users)+len(groups) > 0 {
		if len(groups) == 0 || len(users) > 0 && users[0].Seq < groups[0].Seq {
			fn(users[0])
			users = users[1:]
		} else {
			fn(groups[0])
			groups = groups[1:]
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
// command that ended it.
func (w *Sweep) listed(r Reader, k Key, c *Conversation) bool {
	switch {
	case k.Kind == events.C2C:
		return c.Listed(k, &c.Log)
	case !c.Deleted:
		return true
	case w.Kind == SweepDismiss:
		return w.Head.Ord > c.DeletedAt
	}
	log := r.Group(k.ID)
	return log != nil && log.Head.Ord > c.DeletedAt && counted(r, GroupKey(k.ID), log, c.DeletedAt+1).Seq < w.Seq
}

// counted finds the message with a counted ordinal. Ordinals grow with positions.
func counted(r Reader, lk Key, log *Log, o Ord) Message {
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
			return m
		}
	}
	Break(lk, "no message has ordinal %d", o)
	return Message{}
}
