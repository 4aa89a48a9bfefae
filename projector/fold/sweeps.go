package fold

import (
	"cmp"
	"iter"
	"maps"
	"slices"
	"strings"

	"reddot/events"
)

// Sweeps is all that is left to be swept. It is never changed. nil is none.
type Sweeps struct {
	sweeps        []*Sweep            // oldest first
	groups, users map[string][]*Sweep // by group and by user, oldest first
	joins         []*Sweep            // oldest first
	at            Progress
}

// NewSweeps returns what sweeps, oldest first, make up.
func NewSweeps(sweeps []*Sweep) *Sweeps {
	if len(sweeps) == 0 {
		return nil
	}
	p := &Sweeps{sweeps: sweeps, groups: map[string][]*Sweep{}, users: map[string][]*Sweep{}}
	for _, w := range sweeps {
		by := p.groups
		if w.Kind == SweepErase {
			by = p.users
		}
		by[w.ID] = append(by[w.ID], w)
		if w.Kind == SweepJoin {
			p.joins = append(p.joins, w)
		}
	}
	return p
}

// With is p and one more sweep.
func (p *Sweeps) With(w *Sweep) *Sweeps {
	return NewSweeps(append(slices.Clip(p.All()), w)).At(p.Progress())
}

// At is p when the oldest sweep has come so far.
func (p *Sweeps) At(at Progress) *Sweeps {
	if p == nil {
		return nil
	}
	q := *p
	q.at = at
	return &q
}

// Progress is how far the oldest sweep has come.
func (p *Sweeps) Progress() Progress {
	if p == nil {
		return Progress{}
	}
	return p.at
}

// WithoutOldest is p when its oldest sweep is done.
func (p *Sweeps) WithoutOldest() *Sweeps { return NewSweeps(p.sweeps[1:]) }

// All returns all of them, oldest first.
func (p *Sweeps) All() []*Sweep {
	if p == nil {
		return nil
	}
	return p.sweeps
}

// Oldest is the one that is being swept.
func (p *Sweeps) Oldest() *Sweep { return p.sweeps[0] }

// rows is how many rows are left, as far as that is known.
func (p *Sweeps) rows() (n uint64) {
	for _, w := range p.All() {
		n += w.Rows
	}
	return n - min(n, p.at.Swept)
}

// crowd reports whether members are left to be swept who joined or left.
func (p *Sweeps) crowd(group string) bool {
	return p != nil && slices.ContainsFunc(p.groups[group], func(w *Sweep) bool { return w.Kind != SweepDismiss })
}

// Joined lists the groups that a user has joined without having a row yet, or had:
// who looks at one finds out. They are sorted.
func (p *Sweeps) Joined(user string) (keys []Key) {
	if p == nil {
		return nil
	}
	for _, w := range p.joins {
		if p.joining(w, user) {
			keys = append(keys, Key{user, GroupKey(w.ID).ConversationID})
		}
	}
	slices.SortFunc(keys, func(a, b Key) int { return strings.Compare(a.ID, b.ID) })
	return slices.Compact(keys)
}

// Sift brings the memberships of some users in a group, sorted, the commands that
// joined or 0, from what is stored to what is.
func (p *Sweeps) Sift(group string, users []string, joined []events.Seq) {
	if p == nil || len(users) == 0 {
		return
	}
	stored := map[int]events.Seq{} // of those who have been erased
	for user := range p.users {
		if i, found := slices.BinarySearch(users, user); found {
			stored[i] = joined[i]
		}
	}
	for _, w := range p.groups[group] {
		switch w.Kind {
		case SweepDismiss:
			for i, seq := range joined {
				if seq < w.Seq {
					joined[i] = 0
				}
			}
		case SweepLeave:
			w.each(users, func(i int) {
				if joined[i] < w.Seq {
					joined[i] = 0
				}
			})
		case SweepJoin:
			w.each(users, func(i int) {
				if joined[i] == 0 && p.joining(w, users[i]) {
					joined[i] = w.Seq
				}
			})
		}
	}
	for i, seq := range stored {
		joined[i] = 0
		if c := p.membership(Key{users[i], GroupKey(group).ConversationID}, seq); c != nil {
			joined[i] = c.JoinSeq
		}
	}
}

// Members lists the members of a group, sorted by name, and their memberships, which
// are given as they are stored. It changes what it is given.
func (p *Sweeps) Members(group string, stored map[string]Member) (users []string, members []Member) {
	if p != nil {
		for _, w := range p.joins {
			if w.ID == group {
				for _, user := range w.Users {
					if _, known := stored[user]; !known {
						stored[user] = Member{}
					}
				}
			}
		}
	}
	users = slices.Sorted(maps.Keys(stored))
	joined := make([]events.Seq, len(users))
	for i, user := range users {
		joined[i] = stored[user].Joined
	}
	p.Sift(group, users, joined)
	n := 0
	for i, user := range users {
		if joined[i] > 0 {
			users[n], n = user, n+1
			members = append(members, p.Member(stored[user], joined[i]))
		}
	}
	return users[:n], members
}

// Crowd is users, sorted, whom a sweep of a group is about.
type Crowd struct {
	Sweep events.Seq
	Group string
	Users []string
}

// Unstored lists conversations that a sweep may have ended and that may have no
// row, by the sweeps that they are of, oldest first.
func (p *Sweeps) Unstored(w *Sweep) (crowds []Crowd) {
	if p == nil {
		return nil
	}
	if w.Kind == SweepLeave {
		return []Crowd{{w.Seq, w.ID, w.Users}}
	}
	for _, x := range p.joins {
		switch {
		case x.Seq > w.Seq:
		case w.Kind == SweepErase && p.joining(x, w.ID):
			crowds = append(crowds, Crowd{x.Seq, x.ID, []string{w.ID}})
		case w.Kind == SweepDismiss && x.ID == w.ID:
			crowds = append(crowds, Crowd{x.Seq, x.ID, x.Users})
		}
	}
	return crowds
}

// joining reports whether a user is one who joined and has not been swept.
func (p *Sweeps) joining(w *Sweep, user string) bool {
	return w.Kind == SweepJoin && w.has(user) && !(w == p.sweeps[0] && user <= p.at.Last)
}

// Of reports whether anything is left of a group's members as such.
func (p *Sweeps) Of(group string) bool { return p != nil && p.groups[group] != nil }

// Erased lists the users whose inboxes are being swept, in no order.
func (p *Sweeps) Erased() iter.Seq[string] {
	if p == nil {
		return func(func(string) bool) {}
	}
	return maps.Keys(p.users)
}

// erasures bounds how many users that is.
func (p *Sweeps) erasures() uint64 {
	if p == nil {
		return 0
	}
	return uint64(len(p.users))
}

// ErasedAt is the last erasure of a user whose inbox is being swept; 0: none.
func (p *Sweeps) ErasedAt(user string) events.Seq {
	if p == nil || p.users[user] == nil {
		return 0
	}
	return p.users[user][len(p.users[user])-1].Seq
}

// concerns reports whether anything that is left may be about a conversation.
func (p *Sweeps) concerns(k Key) bool {
	return p != nil && (p.users[k.User] != nil || k.Kind == events.Group && p.groups[k.ID] != nil)
}

// Now is a stored row, or none, as it is for all who read: itself, none if what it
// is of has ended, or that of one who has joined.
func (p *Sweeps) Now(k Key, stored *Conversation) *Conversation {
	if !p.concerns(k) {
		return stored
	}
	return p.follow(k, stored, func(*Sweep, *Conversation) {})
}

// membership is that of somebody whose stored one is of a command, 0 if there is
// none: its join may be known, and nothing else is.
func (p *Sweeps) membership(k Key, joined events.Seq) *Conversation {
	if joined == 0 {
		return p.Now(k, nil)
	}
	return p.Now(k, &Conversation{JoinSeq: joined})
}

// Member is the membership of somebody of whom one is stored, zero if none is, and
// whose present one is of a command; zero if that is 0.
func (p *Sweeps) Member(stored Member, now events.Seq) Member {
	switch now {
	case stored.Joined:
		return stored
	case 0:
		return Member{}
	}
	i, found := slices.BinarySearchFunc(p.joins, now, func(w *Sweep, seq events.Seq) int { return cmp.Compare(w.Seq, seq) })
	if !found {
		Break(Key{}, "no sweep has joined at seq %d", now)
	}
	return joined(p.joins[i].member())
}

// Died is the version that a user has from what has ended of a conversation.
func (p *Sweeps) Died(r Reader, k Key, stored *Conversation) (version events.Seq) {
	if p.concerns(k) {
		p.follow(k, stored, func(w *Sweep, dead *Conversation) {
			if version = max(version, dead.Version); w.listed(r, k, dead, p.blockedAt(r, k.User, w)) {
				version = max(version, w.Seq)
			}
		})
	}
	return version
}

// Ended reports whether it was a sweep's command by which a conversation left its
// user's list, of which the stored row, or none, still says so.
func (p *Sweeps) Ended(r Reader, w *Sweep, k Key, stored *Conversation) (ended bool) {
	if p.concerns(k) {
		p.follow(k, stored, func(by *Sweep, dead *Conversation) {
			ended = ended || by.Seq == w.Seq && w.listed(r, k, dead, p.blockedAt(r, k.User, w))
		})
	}
	return ended
}

// blockedAt is whom a user blocked at the time of a sweep's command: what an erasure
// has made the user forget, or what holds now, as whoever changes it writes down
// before what it has decided (see settleEnded).
func (p *Sweeps) blockedAt(r Reader, user string, w *Sweep) []string {
	for _, erasure := range p.users[user] {
		if erasure.Seq >= w.Seq {
			return erasure.Blocked
		}
	}
	return r.Settings(user).Blocked
}

// follow goes through what is left of a conversation, from the stored row on, nil
// if there is none. It calls ended with what has ended, and returns what there is.
func (p *Sweeps) follow(k Key, stored *Conversation, ended func(*Sweep, *Conversation)) (c *Conversation) {
	c = stored
	p.each(k, func(w *Sweep) {
		switch {
		case c == nil:
			if p.joining(w, k.User) && (stored == nil || stored.JoinSeq < w.Seq) {
				c = w.member()
			}
		case w.ends(k, c):
			ended(w, c)
			c = nil
		}
	})
	return c
}

// endOf is by which sweep's command a membership ended that another one began; nil:
// by none.
func (p *Sweeps) endOf(k Key, began *Sweep) (by *Sweep) {
	c := began.member()
	p.each(k, func(w *Sweep) {
		if by == nil && w.ends(k, c) {
			by = w
		}
	})
	return by
}

// each calls fn with the sweeps that may be about a conversation, oldest first.
func (p *Sweeps) each(k Key, fn func(*Sweep)) {
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
