package store_test

import (
	"fmt"
	"slices"
	"testing"

	"reddot/events"
)

// TestRowsOfALargeGroup: a command writes as many rows in a group of 30,000 as
// in one of three; but for those that name its members.
func TestRowsOfALargeGroup(t *testing.T) {
	small, large := rowsWritten(t, 3), rowsWritten(t, 30_000)
	if !slices.Equal(small, large) {
		t.Errorf("rows written, by command: %v in a group of 3, %v in one of 30,000", small, large)
	}
}

// rowsWritten commits every group command by itself and counts their rows.
func rowsWritten(t *testing.T, members int) (rows []int) {
	r := newRig(t, 0)
	var users []string
	for i := range members {
		users = append(users, fmt.Sprint("user", i))
	}
	for part := range slices.Chunk(users, events.MaxUsers) {
		r.do(events.Command{Verb: events.GroupJoin, Inbox: "g", Users: part})
	}
	for n := 0; r.pending() != nil; n++ { // the joins are swept
		r.do(events.Command{Verb: events.UserMessage, Inbox: "x", From: "y", ID: fmt.Sprint(n)})
	}
	r.commit()
	group := events.ConversationID{Kind: events.Group, ID: "g"}
	for _, c := range []events.Command{
		{Verb: events.GroupMessage, Inbox: "g", From: "user0", ID: "m1"},
		{Verb: events.GroupMessage, Inbox: "g", From: "user1", ID: "m2", Mentions: []string{"user0", "user2"}},
		{Verb: events.GroupMessage, Inbox: "g", From: "user1", ID: "m3", MentionAll: true},
		{Verb: events.UserRead, Inbox: "user2", Conversation: group, Upto: "m1"},
		{Verb: events.GroupRevoke, Inbox: "g", ID: "m2"},
		{Verb: events.UserUnread, Inbox: "user2", Conversation: group, From: "m1"},
		{Verb: events.UserMute, Inbox: "user2", Conversation: group, Muted: true},
		{Verb: events.UserDelete, Inbox: "user2", Conversation: group},
		{Verb: events.UserReadAll, Inbox: "user0"},
		{Verb: events.GroupLeave, Inbox: "g", Users: []string{"user1"}},
		{Verb: events.GroupJoin, Inbox: "g", Users: []string{"user1"}},
	} {
		r.do(c)
		if r.fx.Refused != "" || r.fx.Ignored {
			t.Fatalf("%s is refused %q, ignored %v", c.Verb, r.fx.Refused, r.fx.Ignored)
		}
		n, err := r.store.Commit()
		if err != nil {
			t.Fatal(err)
		}
		rows = append(rows, n)
	}
	return rows
}
