package store_test

import (
	"testing"

	"reddot/events"
)

// TestNothingDone: a read, or an unread, that changes nothing leaves the user's rows as
// they are: a timeline's that says no more than the conversation's, and what the
// conversation's does not say yet. So it does not matter whether they are read anew.
func TestNothingDone(t *testing.T) {
	for name, nothing := range map[string]events.Command{
		"read":          {Verb: events.UserRead, HasUptoAt: true},
		"read a thread": {Verb: events.UserRead, HasUptoAt: true, HasThread: true},
		"unread":        {Verb: events.UserUnread, From: "m2"},
	} {
		t.Run(name, func(t *testing.T) {
			group := events.ConversationID{Kind: events.Group, ID: "g"}
			nothing.Inbox, nothing.Conversation = "alice", group
			play := func(anew bool) uint64 {
				r := newRig(t, 1)
				for _, c := range []events.Command{
					{Verb: events.GroupJoin, Inbox: "g", Users: []string{"alice", "bob", "eve"}},
					{Verb: events.GroupMessage, Inbox: "g", ID: "m1", From: "bob"},
					{Verb: events.UserRead, Inbox: "alice", Conversation: group, Upto: "m1"},
					{Verb: events.GroupMessage, Inbox: "g", ID: "m2", From: "eve"},
					{Verb: events.GroupMessage, Inbox: "g", ID: "m3", From: "bob", Thread: "t"},
					{Verb: events.UserFollow, Inbox: "alice", Conversation: group, Thread: "t", Following: true},
					{Verb: events.UserFollow, Inbox: "alice", Conversation: group, Thread: "t"}, // what is left is a row's version
					{Verb: events.UserFollow, Inbox: "alice", Conversation: group, Thread: "u", Following: true},
					{Verb: events.UserBlock, Inbox: "alice", Users: []string{"eve"}, Blocked: true}, // which is older than this now
					{Verb: events.GroupMessage, Inbox: "g", ID: "m4", From: "bob"},
				} {
					r.do(c)
				}
				r.commit()
				if r.do(nothing); !r.fx.Ignored {
					t.Fatalf("%+v is not ignored", nothing)
				}
				if anew {
					r.reopen()
					r.verify()
				}
				r.do(events.Command{Verb: events.UserRead, Inbox: "alice", Conversation: group, Upto: "m5"}) // writes the row, and shows nothing
				r.commit()
				return r.store.Position().Rows()
			}
			if play(false) != play(true) {
				t.Error("the rows are others if they are read anew in between")
			}
		})
	}
}
