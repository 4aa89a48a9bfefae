package store_test

import (
	"fmt"
	"slices"
	"testing"

	"reddot/events"
	"reddot/projector/fold"
	"reddot/projector/testkit"
)

// TestRowsOfALargeGroup: a command writes as many rows in a group of 30,000 as
// in one of three; but for those that name its members.
func TestRowsOfALargeGroup(t *testing.T) {
	testkit.Unraced(t)
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
		{Verb: events.UserClear, Inbox: "user2", Conversation: group, Before: "m2"},
		{Verb: events.GroupPurge, Inbox: "g", Before: "m3"},
		{Verb: events.UserImport, Inbox: "newcomer", Conversations: []events.Import{{Conversation: group, Unread: 7}}},
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

// TestRowsOfBulk: what one command does to thousands writes a few rows, and what
// it leaves is swept some rows a command, until nothing is left.
func TestRowsOfBulk(t *testing.T) {
	testkit.Unraced(t)
	const size = 5_000
	var users []string
	for i := range size {
		users = append(users, fmt.Sprintf("user%04d", i))
	}
	crowd := func(verb events.Verb) events.Command {
		return events.Command{Verb: verb, Inbox: "g", Users: users}
	}
	pace := fold.DefaultPace()
	const perRow, own = 4, 8 // rows written for one that is swept, and for a command itself
	for name, test := range map[string]struct {
		before []events.Command
		bulk   events.Command
		most   uint64
	}{
		"join":    {nil, crowd(events.GroupJoin), pace.Each},
		"leave":   {[]events.Command{crowd(events.GroupJoin)}, crowd(events.GroupLeave), pace.Each},
		"dismiss": {[]events.Command{crowd(events.GroupJoin)}, events.Command{Verb: events.GroupDismiss, Inbox: "g"}, pace.Each},
		"erase":   {nil, events.Command{Verb: events.UserErase, Inbox: "x"}, pace.Burst},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, 0)
			filler := func() int {
				r.do(events.Command{Verb: events.UserMessage, Inbox: "y", From: "z", ID: fmt.Sprint(len(r.log))})
				n, err := r.store.Commit()
				if err != nil {
					t.Fatal(err)
				}
				return n
			}
			for _, c := range test.before {
				r.do(c)
			}
			for r.pending() != nil {
				filler()
			}
			for _, peer := range users {
				r.do(events.Command{Verb: events.UserMessage, Inbox: "x", From: peer, ID: "m"})
			}
			r.commit()
			r.do(test.bulk)
			if n, err := r.store.Commit(); err != nil || uint64(n) > test.most*perRow+own {
				t.Errorf("the command writes %d rows, %v", n, err)
			}
			commands := 0
			for ; r.pending() != nil; commands++ {
				if n := filler(); uint64(n) > pace.Each*perRow+own {
					t.Fatalf("a command writes %d rows while there is something to sweep", n)
				}
			}
			if want := (size - test.most) / pace.Each; uint64(commands) < want || uint64(commands) > want+2 {
				t.Errorf("swept in %d commands, not %d", commands, want)
			}
			r.verify()
		})
	}
}
