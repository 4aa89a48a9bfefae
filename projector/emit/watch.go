package emit

import (
	"slices"
	"strings"
	"sync"
	"time"

	"reddot/events"
	"reddot/projector/dirty"
	"reddot/projector/fold"
)

// watchers are the users who asked for the change events of groups larger than
// the fan-out limit, and by group those of them who are its members: so a message
// costs its own watchers, however many there are elsewhere.
//
// Invariant: a group has every user in it who is a member and whose lease is
// there and entered; it may have some who have left since. The groups of a lease
// are read from the rows when it begins, and from then on, before that already,
// each join is entered. The smaller groups are there too: they may grow.
type watchers struct {
	mu     sync.Mutex
	leases map[string]*lease
	groups map[string]*watched
	swept  time.Time
}

type lease struct {
	user    string
	until   time.Time
	entered bool          // the groups are known
	failed  bool          // they can't be; for who waits for ready
	ready   chan struct{} // closed when they are, or won't ever be
	in      []*watched
	no      int  // counts watches of the user
	shown   bool // an event has carried all of the user's large groups since the watch began
}

// watched is a group with watchers.
type watched struct {
	name   string
	leases []*lease
	sorted bool // by user
}

// watch begins or renews a user's lease. Whoever begins it is to enter the user's
// groups.
func (w *watchers) watch(user string, now time.Time) (l *lease, begins bool, until time.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.sweep(now)
	if l = w.leases[user]; l == nil {
		if w.leases == nil {
			w.leases, w.groups = make(map[string]*lease), make(map[string]*watched)
		}
		l, begins = &lease{user: user, ready: make(chan struct{})}, true
		w.leases[user] = l
	} else if !l.until.After(now) {
		l.no, l.shown = l.no+1, false // it ran out, and has not been swept away yet
	}
	l.until = now.Add(events.WatchLease)
	return l, begins, l.until
}

// enter enters the groups of a lease that has begun.
func (w *watchers) enter(l *lease, groups []string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	known := make(map[*watched]bool, len(l.in))
	for _, g := range l.in {
		known[g] = true
	}
	for _, name := range groups {
		if !known[w.groups[name]] {
			w.add(l, name)
		}
	}
	l.entered = true
	close(l.ready)
}

// giveUp ends a lease whose groups can't be known.
func (w *watchers) giveUp(l *lease) {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.leases, l.user)
	w.part(l.in, func(other *lease) bool { return other == l })
	l.failed = true
	close(l.ready)
}

// join notes who may have joined groups.
func (w *watchers) join(m *dirty.Set) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.leases) == 0 {
		return
	}
	for _, k := range m.Joined {
		w.joined(k.User, k.ID)
	}
	for _, sweep := range m.Begun {
		if sweep.Kind != fold.SweepJoin {
			continue
		}
		for _, user := range sweep.Users {
			w.joined(user, sweep.ID)
		}
	}
	for _, n := range m.Bulks {
		for _, user := range n.Users {
			if n.Left {
				break
			}
			w.joined(user, n.Group)
		}
	}
}

// joined notes that a user may have joined a group.
func (w *watchers) joined(user, group string) {
	if l := w.leases[user]; l != nil && (w.groups[group] == nil || !slices.Contains(l.in, w.groups[group])) {
		w.add(l, group)
	}
}

func (w *watchers) add(l *lease, group string) {
	g := w.groups[group]
	if g == nil {
		g = &watched{name: group}
		w.groups[group] = g
	}
	g.leases, g.sorted = append(g.leases, l), false
	l.in = append(l.in, g)
}

// of lists a group's watchers, by name: members, but for some who have left.
func (w *watchers) of(group string, now time.Time) []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	g := w.groups[group]
	if g == nil {
		return nil
	}
	if !g.sorted {
		slices.SortFunc(g.leases, func(a, b *lease) int { return strings.Compare(a.user, b.user) })
		g.sorted = true
	}
	users := make([]string, 0, len(g.leases))
	for _, l := range g.leases {
		if l.entered && l.until.After(now) {
			users = append(users, l.user)
		}
	}
	return users
}

// watch is a user's watch at some time; the zero value is none.
type watch struct {
	lease *lease
	no    int  // of the watch
	shown bool // all large groups
}

// state says whether a user watches, and has been shown all large groups since
// the watch began.
func (w *watchers) state(user string, now time.Time) watch {
	w.mu.Lock()
	defer w.mu.Unlock()
	l := w.leases[user]
	if l == nil || !l.entered || !l.until.After(now) {
		return watch{}
	}
	return watch{l, l.no, l.shown}
}

// shown notes that an event carried all large groups, as the user is a watcher who
// had not been shown them.
func (w *watchers) shown(of watch) {
	if of.lease == nil || of.shown {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if of.lease.no == of.no {
		of.lease.shown = true
	}
}

// forget begins every watch once more: from here on another emitter notifies of what
// happens, and does not know these watchers.
func (w *watchers) forget() {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, l := range w.leases {
		l.no, l.shown = l.no+1, false
	}
}

// sweep drops the leases that have run out, once in a while.
func (w *watchers) sweep(now time.Time) {
	if now.Sub(w.swept) <= events.WatchLease {
		return
	}
	w.swept = now
	var groups []*watched
	for user, l := range w.leases {
		if l.entered && !l.until.After(now) {
			delete(w.leases, user)
			groups = append(groups, l.in...)
		}
	}
	w.part(groups, func(l *lease) bool { return !l.until.After(now) })
}

// part takes leases out of groups, and drops those without any.
func (w *watchers) part(groups []*watched, gone func(*lease) bool) {
	done := make(map[*watched]bool, len(groups))
	for _, g := range groups {
		if done[g] {
			continue
		}
		done[g] = true
		if g.leases = slices.DeleteFunc(g.leases, gone); len(g.leases) == 0 {
			delete(w.groups, g.name)
		}
	}
}
