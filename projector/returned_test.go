package projector_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"reddot/events"
	"reddot/projector/testkit"
)

// TestReturned: what left a user's list and came back before the user was notified of
// either is told as removed first, by a part of the change that tells of nothing else: so
// a listener forgets the threads that were followed there (rule thread-list).
func TestReturned(t *testing.T) {
	team := events.ConversationID{Kind: events.Group, ID: "team"}
	bob := events.ConversationID{Kind: events.C2C, ID: "bob"}
	follows := events.Command{Verb: events.UserFollow, Inbox: "alice", Conversation: team, Thread: "t", Following: true}
	say := func(id string) events.Command {
		return events.Command{Verb: events.GroupMessage, Inbox: "team", From: "bob", ID: id}
	}
	for name, test := range map[string]struct {
		of             events.ConversationID
		before, during []events.Command
	}{
		"delete": {team, []events.Command{follows}, []events.Command{
			{Verb: events.UserDelete, Inbox: "alice", Conversation: team}, say("g1"),
		}},
		"leave": {team, []events.Command{follows}, []events.Command{
			{Verb: events.GroupLeave, Inbox: "team", Users: []string{"alice"}}, {Verb: events.GroupJoin, Inbox: "team", Users: []string{"alice"}},
		}},
		"erase": {bob, []events.Command{
			{Verb: events.UserMessage, Inbox: "alice", From: "bob", ID: "m1", Thread: "t"},
			{Verb: events.UserFollow, Inbox: "alice", Conversation: bob, Thread: "t", Following: true},
		}, []events.Command{
			{Verb: events.UserErase, Inbox: "alice"}, {Verb: events.UserMessage, Inbox: "alice", From: "bob", ID: "m2"},
		}},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBus(t)
			a, p, l := b.author(), b.run(t.TempDir()), newLedger(t)
			a.write(events.Command{Verb: events.GroupJoin, Inbox: "team", Users: []string{"alice", "bob"}})
			for _, c := range test.before {
				a.write(c)
			}
			p.settle(a.flush())
			before := b.storedEvents(1)
			testkit.Must(p.Hold(heldBack))(t)
			for _, c := range test.during {
				a.write(c)
			}
			if err := p.WaitApplied(testkit.Context(t), a.flush()); err != nil {
				t.Fatal(err)
			}
			testkit.Must(p.Hold(0))(t)
			p.settle(a.last())
			all := b.storedEvents(1)
			var told []*events.Change
			for i := range all {
				if c, ok := l.enter(&all[i]).(*events.Change); ok && i >= len(before) && strings.HasPrefix(all[i].subject, "evt.alice.") {
					told = append(told, c)
				}
			}
			if len(told) != 2 || !cmp.Equal(told[0].Removed[:min(1, len(told[0].Removed))], []string{test.of.String()}) || len(told[0].Conversations)+len(told[0].Threads) > 0 ||
				len(told[1].Conversations) != 1 || told[1].Conversations[0].Conversation != test.of.String() {
				t.Errorf("told: %+v", told)
			}
			v := p.view(a.last())
			defer v.Close()
			l.settled(v, "alice")
		})
	}
}
