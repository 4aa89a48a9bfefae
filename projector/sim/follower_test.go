package sim

import (
	"maps"
	"slices"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"reddot/events"
	"reddot/projector/twin"
)

// follower is what a client knows that follows a user's change events.
type follower struct {
	event   int        // the last one
	shows   events.Seq // its state
	version events.Seq
	more    bool // parts of the same change follow
	totals  events.Totals
	filters events.NamedTotals
	list    map[string]events.Conversation
	threads map[[2]string]events.Thread // followed ones, by conversation and thread
}

func newFollower() *follower {
	return &follower{list: map[string]events.Conversation{}, threads: map[[2]string]events.Thread{}}
}

// hear enters a change.
func (f *follower) hear(event int, c *events.Change, at events.Seq, more bool) {
	for _, v := range c.Conversations {
		f.list[v.Conversation] = v
	}
	for _, t := range c.Threads {
		f.threads[[2]string{t.Conversation, t.Thread}] = t
	}
	maps.DeleteFunc(f.threads, func(_ [2]string, t events.Thread) bool { return !t.Following })
	for _, name := range c.Removed {
		delete(f.list, name)
		maps.DeleteFunc(f.threads, func(k [2]string, _ events.Thread) bool { return k[0] == name })
	}
	f.event, f.shows, f.version, f.totals, f.filters, f.more = event, at, c.Version, c.Totals, c.Filters, more
}

// change checks a change, and what its listeners know with it.
func (a *audit) change(event int, c *events.Change, at events.Seq, more bool) {
	f := a.users[c.User]
	if f == nil {
		f = newFollower()
		a.users[c.User] = f
	}
	switch {
	case c.Version < f.version || c.Version > at:
		a.fail("event %d at seq %d: %q gets version %d after %d", event, at, c.User, c.Version, f.version)
	case c.Version == f.version && !f.more:
		a.again(event, f.event, c.Version, "version %d of %q", c.Version, c.User)
	case len(c.Conversations)+len(c.Removed)+len(c.Threads) == 0 && maps.Equal(c.Filters, f.filters) && !a.history.filtered(c.User, f.shows, at):
		a.fail("event %d: rule quiet: there is nothing for %q", event, c.User)
	}
	a.compare(event, c, at, f.version)
	f.hear(event, c, at, more)
	if s := twin.Sum(maps.Values(f.list), c.Totals); !more && s != c.Totals {
		a.fail("event %d: rule total: %q hears %+v, but the list sums up to %+v", event, c.User, c.Totals, s)
	}
}

// compare compares a change with the twin at the seq that it shows. before is the version
// that its user has heard of before it.
func (a *audit) compare(event int, c *events.Change, at, before events.Seq) {
	m := a.as(at)
	if v := m.Version(c.User); v != c.Version {
		a.fail("event %d: %q is notified of version %d, and has %d at seq %d", event, c.User, c.Version, v, at)
	}
	if t := m.Totals(c.User, events.NoKind, false); t != c.Totals {
		a.fail("event %d: %q is notified of %+v, and has %+v at seq %d", event, c.User, c.Totals, t, at)
	}
	if kept := m.Filters(c.User); !maps.Equal(kept, c.Filters) {
		a.fail("event %d: %q is notified of the filters %+v, and has %+v at seq %d", event, c.User, c.Filters, kept, at)
	}
	list := byName(m.Conversations(c.User))
	for _, v := range c.Conversations {
		if w, ok := list[v.Conversation]; !ok || !v.Equal(w) {
			a.fail("event %d: %s of %q at seq %d (-twin +emitted):\n%s", event, v.Conversation, c.User, at, cmp.Diff(w, v))
		}
	}
	for _, t := range c.Threads {
		w, there := m.Thread(c.User, t.Conversation, t.Thread)
		if !there { // it had no message, and is not followed any more
			w = events.Thread{Conversation: t.Conversation, Thread: t.Thread, ReadUpto: t.ReadUpto}
		}
		if !t.Following { // its version may be later, see fold.TimelineVersion
			w.Version = t.Version
		}
		if !cmp.Equal(w, t) {
			a.fail("event %d: thread of %q at seq %d (-twin +emitted):\n%s", event, c.User, at, cmp.Diff(w, t))
		}
	}
	for _, name := range c.Removed {
		// One that is in the list again is told in an event of its own, before it; a new
		// emitter may tell that again of what is not said to be emitted, and of what has only
		// begun since.
		again := len(c.Conversations)+len(c.Threads) == 0 && a.history.ended(c.User, name, min(before, a.claimed), at)
		if _, ok := list[name]; ok && !again {
			a.fail("event %d: %s of %q is removed and has not left the list at seq %d", event, name, c.User, at)
		}
	}
}

// settled compares what a follower knows with the twin at the seq up to which all
// is said to be emitted, unless it was notified of something newer.
func (a *audit) settled(user string) {
	f := a.users[user]
	if f == nil {
		f = newFollower()
	}
	if f.shows > a.claimed {
		return
	}
	m, seq := a.claims, a.claimed
	if t := m.Totals(user, events.NoKind, false); f.totals != t || f.version > m.Version(user) || f.more {
		a.fail("at seq %d %q has heard version %d with %+v, the twin has %d with %+v", seq, user, f.version, f.totals, m.Version(user), t)
	}
	if kept := m.Filters(user); !maps.Equal(kept, f.filters) {
		a.fail("at seq %d %q has heard of the filters %+v, the twin has %+v", seq, user, f.filters, kept)
	}
	list := m.Conversations(user)
	same := len(list) == len(f.list) && !slices.ContainsFunc(list, func(c events.Conversation) bool {
		heard, ok := f.list[c.Conversation]
		// The version of a conversation moves by itself for those who had read a
		// recalled message: they are not emitted (rule quiet).
		heard.Version = c.Version
		return !ok || !c.Equal(heard)
	})
	if !same {
		a.fail("list of %q at seq %d, heard at version %d (-twin +heard):\n%s", user, seq, f.version,
			cmp.Diff(byName(list), f.list, cmpopts.EquateEmpty()))
	}
	followed := map[[2]string]events.Thread{}
	threads, _ := m.Threads(user, events.ThreadsRequest{})
	for _, t := range threads {
		followed[[2]string{t.Conversation, t.Thread}] = t
	}
	if d := cmp.Diff(followed, f.threads, cmpopts.IgnoreFields(events.Thread{}, "Version")); d != "" {
		a.fail("threads of %q at seq %d, heard at version %d (-twin +heard):\n%s", user, seq, f.version, d)
	}
}

func byName(list []events.Conversation) map[string]events.Conversation {
	m := make(map[string]events.Conversation, len(list))
	for _, c := range list {
		m[c.Conversation] = c
	}
	return m
}
