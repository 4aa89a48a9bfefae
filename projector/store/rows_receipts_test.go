package store_test

import (
	"fmt"
	"slices"
	"testing"

	"reddot/events"
)

// TestRowsOfReceipts: who has read what costs nothing for a message, and for a read
// its reader's membership and a row or two of a tree, in a group of any size; all that
// only while the policy is not off. A message that asks for receipts costs one row.
func TestRowsOfReceipts(t *testing.T) {
	off := receiptRows(t, 3, events.ReceiptsOff)
	on, large := receiptRows(t, 3, events.ReceiptsMembers), receiptRows(t, 5_000, events.ReceiptsMembers)
	if !slices.Equal(on, large) {
		t.Errorf("rows written, by command: %v in a group of 3, %v in one of 5,000", on, large)
	}
	for i, more := range []int{
		0,         // a message
		0,         // one that asks for receipts
		1 + 3,     // the first read: from the join, 300 messages ago
		1 + 1,     // one near the last
		1 + 1 + 1, // one that a sender is notified of
		0,         // a private one
		0,         // a mark, a mute, a delete
		0,
		0,
		3, // a leave: the join is taken out in any case, the receipts only here
		0, // a join
	} {
		if on[i] != off[i]+more {
			t.Errorf("command %d writes %d rows, and %d while the policy is off; not %d more", i, on[i], off[i], more)
		}
	}
}

// receiptRows commits every command by itself and counts their rows.
func receiptRows(t *testing.T, members int, policy events.ReceiptPolicy) (rows []int) {
	r := newRig(t, 0)
	r.do(events.Command{Verb: events.PolicySet, GroupReceipts: policy})
	var users []string
	for i := range members {
		users = append(users, fmt.Sprint("user", i))
	}
	r.do(events.Command{Verb: events.GroupJoin, Inbox: "g", Users: users})
	for n := range 300 { // the joins are swept
		r.do(events.Command{Verb: events.GroupMessage, Inbox: "g", From: "bot", ID: fmt.Sprint("before", n)})
	}
	for r.pending() != nil {
		r.do(events.Command{Verb: events.UserMessage, Inbox: "x", From: "y", ID: fmt.Sprint(len(r.log))})
	}
	r.commit()
	group := events.ConversationID{Kind: events.Group, ID: "g"}
	for _, c := range []events.Command{
		{Verb: events.GroupMessage, Inbox: "g", From: "user0", ID: "m1"},
		{Verb: events.GroupMessage, Inbox: "g", From: "user0", ID: "m2", Receipt: true},
		{Verb: events.UserRead, Inbox: "user2", Conversation: group, Upto: "before290"},
		{Verb: events.UserRead, Inbox: "user2", Conversation: group, Upto: "m1"},
		{Verb: events.UserRead, Inbox: "user2", Conversation: group, Upto: "m2"},
		{Verb: events.UserRead, Inbox: "user1", Conversation: group, Upto: "m1", Private: true},
		{Verb: events.UserUnread, Inbox: "user2", Conversation: group},
		{Verb: events.UserMute, Inbox: "user2", Conversation: group, Muted: true},
		{Verb: events.UserDelete, Inbox: "user1", Conversation: group},
		{Verb: events.GroupLeave, Inbox: "g", Users: []string{"user2"}},
		{Verb: events.GroupJoin, Inbox: "g", Users: []string{"user2"}},
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
