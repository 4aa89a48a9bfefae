package store_test

import (
	"testing"

	"reddot/events"
)

// TestTimelinesOfNothingDone: a read, or an unread, that changes nothing leaves the rows of
// the user's timelines as they are, also of one that says no more than the conversation's.
func TestTimelinesOfNothingDone(t *testing.T) {
	for name, nothing := range map[string]events.Command{
		"read":   {Verb: events.UserRead, HasUptoAt: true},
		"unread": {Verb: events.UserUnread, From: "m2"},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, 1)
			group := events.ConversationID{Kind: events.Group, ID: "g"}
			nothing.Inbox, nothing.Conversation = "alice", group
			for _, c := range []events.Command{
				{Verb: events.GroupJoin, Inbox: "g", Users: []string{"alice", "bob", "eve"}},
				{Verb: events.GroupMessage, Inbox: "g", ID: "m1", From: "bob"},
				{Verb: events.UserRead, Inbox: "alice", Conversation: group, Upto: "m1"},
				{Verb: events.GroupMessage, Inbox: "g", ID: "m2", From: "eve"},
				{Verb: events.GroupMessage, Inbox: "g", ID: "m3", From: "bob"},
				{Verb: events.GroupEdit, Inbox: "g", ID: "m3", Mentions: []string{"alice"}}, // alice's main timeline has a row
				{Verb: events.UserBlock, Inbox: "alice", Users: []string{"eve"}, Blocked: true},
			} {
				r.do(c)
			}
			r.commit()
			if r.do(nothing); !r.fx.Ignored {
				t.Fatalf("%+v is not ignored", nothing)
			}
			r.reopen()
			r.verify()
		})
	}
}
