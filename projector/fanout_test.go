package projector_test

import (
	"fmt"
	"maps"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"reddot/events"
	"reddot/projector"
	"reddot/projector/testkit"
	"reddot/projector/twin"
)

// limited sets the fan-out limit.
func limited(members uint64) func(*projector.Config) {
	return func(c *projector.Config) { c.FanoutLimit = members }
}

// fanout is a projector with a fan-out limit, and what listeners know.
type fanout struct {
	*ledger
	*author
	bus  *bus
	p    *process
	read uint64
}

func newFanout(t *testing.T, limit uint64) *fanout {
	b := newBus(t)
	return &fanout{ledger: newLedger(t), author: b.author(), bus: b, p: b.run(t.TempDir(), limited(limit))}
}

// notified returns who is notified of what was written since the last call.
func (f *fanout) notified() []string {
	f.ledger.t.Helper()
	f.p.settle(f.flush())
	users := map[string]bool{}
	for _, s := range f.bus.storedEvents(f.read + 1) {
		f.read = s.seq
		if c, ok := f.enter(&s).(*events.Change); ok {
			users[c.User] = true
		}
	}
	return slices.Sorted(maps.Keys(users))
}

func (f *fanout) wantTold(what string, want ...string) {
	f.ledger.t.Helper()
	if d := cmp.Diff(want, f.notified()); d != "" {
		f.ledger.t.Errorf("who is notified of %s (-want +got):\n%s", what, d)
	}
}

// agrees checks that what a user knows is what a query answers.
func (f *fanout) agrees(user string) {
	f.ledger.t.Helper()
	v := f.p.view(f.last())
	defer v.Close()
	f.settled(v, user)
}

func (f *fanout) say(group, from, id string, mentions ...string) {
	f.write(events.Command{Verb: events.GroupMessage, Inbox: group, From: from, ID: id, Mentions: mentions})
}

func (f *fanout) join(group string, users ...string) {
	f.write(events.Command{Verb: events.GroupJoin, Inbox: group, Users: users})
}

// TestFanoutLimit notifies all members of a group with as many as the limit, and
// of a larger one those who watch or are named.
func TestFanoutLimit(t *testing.T) {
	f := newFanout(t, 3)
	f.join("even", "a", "b", "c")
	f.wantTold("a join", "a", "b", "c")
	f.say("even", "a", "m1")
	f.wantTold("a message in a group at the limit", "a", "b", "c")

	f.join("odd", "a", "b", "c", "d")
	f.wantTold("a join", "a", "b", "c", "d")
	f.say("odd", "a", "m1", "b")
	f.wantTold("a message beyond the limit that names one", "b")
	f.agrees("b")
	f.p.Watch("c")
	f.p.Watch("stranger")
	f.say("odd", "a", "m2")
	f.wantTold("a message beyond the limit", "c")
	f.agrees("c")
	f.write(events.Command{Verb: events.GroupRevoke, Inbox: "odd", ID: "m2"})
	f.wantTold("a recall beyond the limit", "c")
	f.agrees("c")

	f.write(events.Command{Verb: events.UserRead, Inbox: "b", Conversation: events.ConversationID{Kind: events.Group, ID: "odd"}})
	f.wantTold("a user's own read", "b")
	f.agrees("b")
	f.say("odd", "a", "m3")
	f.wantTold("a message beyond the limit", "c")
	f.message("d", "a", "m1")
	f.wantTold("a C2C message", "d")
	f.agrees("d")
	f.say("odd", "a", "m4")
	f.say("even", "a", "m2")
	f.wantTold("messages in both", "a", "b", "c")
	for _, user := range []string{"a", "b", "c"} {
		f.agrees(user)
	}
}

// TestFanoutCrossed moves a group over the limit and back: whoever is notified of
// anything is notified of what was missed.
func TestFanoutCrossed(t *testing.T) {
	f := newFanout(t, 2)
	f.join("g", "a", "b")
	f.say("g", "a", "m1")
	f.wantTold("a message", "a", "b")
	f.join("g", "c")
	f.say("g", "a", "m2")
	f.wantTold("the third's join", "c")
	f.message("b", "a", "m1")
	f.wantTold("a C2C message", "b")
	f.agrees("b")
	f.say("g", "a", "m3")
	f.write(events.Command{Verb: events.GroupLeave, Inbox: "g", Users: []string{"c"}})
	f.notified()
	f.agrees("c")
	f.message("b", "a", "m2")
	f.wantTold("a C2C message", "b")
	f.agrees("b")
	f.say("g", "b", "m4")
	f.wantTold("a message in the group at the limit again", "a", "b")
	f.agrees("a")
	f.agrees("b")
	f.p.Watch("a")
	f.join("g", "c", "d")
	f.say("g", "b", "m5")
	f.notified()
	f.agrees("a")
}

// TestFanoutMany notifies one who is in many large groups of all of them, in
// several events.
func TestFanoutMany(t *testing.T) {
	const groups = events.MaxChangeConversations*2 + 7
	f := newFanout(t, 1)
	for i := range groups {
		f.join(fmt.Sprintf("g%d", i), "a", "b")
	}
	f.notified()
	for i := range groups {
		f.say(fmt.Sprintf("g%d", i), "b", "m1")
	}
	f.wantTold("messages beyond the limit")
	f.message("a", "b", "m1")
	before := f.changes
	f.wantTold("a C2C message", "a")
	f.agrees("a")
	if got := f.changes - before; got != 3 {
		t.Errorf("%d conversations come in %d events", groups+1, got)
	}
}

// TestFanoutChaos has random load in groups beyond the limit, with watchers who
// come and restarts: every event is right, and its list adds up to its totals.
func TestFanoutChaos(t *testing.T) {
	t.Parallel()
	testkit.Unraced(t)
	c := newChaos(t, testkit.Seed(t), twin.Config{Users: 7, Groups: 4})
	p := c.bus.run(c.dir, limited(2))
	for range testkit.Effort(15) {
		for range 20 {
			if users := c.twin.Users(); len(users) > 0 && c.rng.IntN(3) == 0 {
				p.Watch(users[c.rng.IntN(len(users))])
			}
			c.write(c.rng.IntN(12))
			if c.rng.IntN(3) == 0 {
				p.settle(c.author.last())
			}
		}
		c.hear(p)
		p = c.restart(p, limited(2))
	}
	c.hear(p)
	users := c.twin.Users()
	for _, user := range users {
		c.author.write(events.Command{Verb: events.UserMessage, Inbox: user, From: "last", ID: "of all", At: 1, HasAt: true})
	}
	c.author.flush()
	c.hear(p)
	v := p.view(c.author.last())
	defer v.Close()
	for _, user := range users {
		c.ledger.settled(v, user)
	}
	t.Logf("%d commands, %d events, %d of them changes", c.upto, c.events, c.changes)
}
