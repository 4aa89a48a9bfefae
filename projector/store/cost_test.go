package store_test

import (
	"fmt"
	"testing"

	"reddot/events"
)

// cost is what a command costs: the rows that it writes or deletes.
type cost struct {
	what   string
	before []events.Command
	c      events.Command
	rows   int
}

// TestRowsOfCommands: a command writes the rows that its table says, however large the
// group is and whatever has come before.
func TestRowsOfCommands(t *testing.T) {
	for _, test := range costs() {
		t.Run(test.what, func(t *testing.T) {
			r := newRig(t, 1)
			for _, c := range append(costWorld(), test.before...) {
				if r.do(c); r.fx.Refused != "" {
					t.Fatalf("%s is refused: %s", c.Verb, r.fx.Refused)
				}
				r.commit()
			}
			if r.do(test.c); r.fx.Refused != "" || r.fx.Ignored {
				t.Fatalf("%s is refused %q, ignored %v", test.c.Verb, r.fx.Refused, r.fx.Ignored)
			}
			if n, err := r.store.Commit(); n != test.rows || err != nil {
				t.Errorf("%d rows, %v; want %d", n, err, test.rows)
			}
		})
	}
}

// costWorld is a group of 200 with messages of most of them, and an inbox: pages and
// time blocks are left unfinished.
func costWorld() (all []events.Command) {
	users := make([]string, 200)
	for i := range users {
		users[i] = fmt.Sprint("u", i)
	}
	all = append(all, events.Command{Verb: events.GroupJoin, Inbox: "g", Users: users})
	for i := range 50 {
		all = append(all, events.Command{Verb: events.GroupMessage, Inbox: "g", From: users[i%4], ID: fmt.Sprint("m", i)})
	}
	for i := range 20 {
		all = append(all, events.Command{Verb: events.UserMessage, Inbox: "u0", From: "peer", ID: fmt.Sprint("m", i)})
	}
	return all
}

func costs() []cost {
	group := events.ConversationID{Kind: events.Group, ID: "g"}
	peer := events.ConversationID{Kind: events.C2C, ID: "peer"}
	c2c := func(c events.Command) events.Command { c.Inbox, c.Conversation = "u0", peer; return c }
	in := func(c events.Command) events.Command { c.Inbox, c.Conversation = "u0", group; return c }
	message := func(c events.Command) events.Command {
		c.Verb, c.Inbox, c.ID = events.GroupMessage, "g", "new"
		if c.From == "" {
			c.From = "u1"
		}
		return c
	}
	expiring := events.Command{Verb: events.UserMessage, Inbox: "u0", From: "peer", ID: "new", ExpiresAt: 100, HasExpiresAt: true}
	thread := func(id, from string) events.Command {
		return events.Command{Verb: events.GroupMessage, Inbox: "g", ID: id, From: from, Thread: "m0"}
	}
	talk := []events.Command{thread("t1", "u1"), thread("t2", "u2"), {Verb: events.GroupMessage, Inbox: "g", ID: "other", From: "u3", Thread: "m1"}}
	apart := events.Command{Verb: events.PolicySet, ThreadPolicy: events.ThreadsApart}
	expiringThread := thread("new", "u1")
	expiringThread.ExpiresAt, expiringThread.HasExpiresAt = 100, true
	follow := func(following bool) events.Command { // u0 follows m0: by having written it
		return events.Command{Verb: events.UserFollow, Inbox: "u5", Conversation: group, Thread: "m0", Following: following}
	}
	edit := func(id string, names ...string) events.Command {
		return events.Command{Verb: events.GroupEdit, Inbox: "g", ID: id, Mentions: names}
	}
	receipts := events.Command{Verb: events.PolicySet, GroupReceipts: events.ReceiptsMembers}
	return []cost{
		{"C2C message", nil, events.Command{Verb: events.UserMessage, Inbox: "u0", From: "peer", ID: "new"}, 1},
		{"group message", nil, message(events.Command{}), 2},
		{"group message that names two", nil, message(events.Command{Mentions: []string{"u2", "u3"}}), 4},
		{"group message to all", nil, message(events.Command{MentionAll: true}), 2},
		{"read", nil, in(events.Command{Verb: events.UserRead}), 1},
		{"unread", nil, in(events.Command{Verb: events.UserUnread, From: "m40"}), 1},
		{"C2C read", nil, c2c(events.Command{Verb: events.UserRead}), 1},

		{"expiring C2C message", nil, expiring, 2},
		{"expiring group message", nil, message(events.Command{ExpiresAt: 100, HasExpiresAt: true}), 3},
		{"expiry of a C2C message", []events.Command{expiring}, events.Command{Verb: events.ClockSet, At: 100, HasAt: true}, 2},
		{"expiry of a group message", []events.Command{message(events.Command{ExpiresAt: 100, HasExpiresAt: true})}, events.Command{Verb: events.ClockSet, At: 100, HasAt: true}, 3},
		{"revoke of a group message", nil, events.Command{Verb: events.GroupRevoke, Inbox: "g", ID: "m49"}, 2},

		{"first message of a thread", nil, thread("new", "u1"), 10},
		{"message of a thread, by one who has written in it", talk, thread("new", "u1"), 5},
		{"message of the newest thread, by the same", append(talk, thread("t5", "u1")), thread("new", "u1"), 3},
		{"message that counts apart, by one who has written in it", append([]events.Command{apart}, talk...), thread("new", "u1"), 5},
		{"read of a thread", talk, in(events.Command{Verb: events.UserRead, Thread: "m0", HasThread: true}), 2},
		{"read of all after that of a thread", append(talk, in(events.Command{Verb: events.UserRead, Thread: "m0", HasThread: true})), in(events.Command{Verb: events.UserRead}), 2},
		{"unread of a thread", append(talk, in(events.Command{Verb: events.UserRead})), in(events.Command{Verb: events.UserUnread, From: "t1", Thread: "m0", HasThread: true}), 2},
		{"mute of a thread", talk, in(events.Command{Verb: events.UserMute, Thread: "m0", Muted: true}), 2},
		{"revoke in a thread", talk, events.Command{Verb: events.GroupRevoke, Inbox: "g", ID: "t1"}, 3},
		{"expiry in a thread", []events.Command{expiringThread}, events.Command{Verb: events.ClockSet, At: 100, HasAt: true}, 4},

		{"follow", talk, follow(true), 3},
		{"follow of a thread without messages", nil, follow(true), 3},
		{"unfollow", append(talk, follow(true)), follow(false), 3},

		// Beside the log, and the page or the thread: whom the log knows as named; a follow, too.
		{"edit that names two more", nil, edit("m49", "u2", "u3"), 1 + 2},
		{"edit that names nobody any more", []events.Command{edit("m49", "u2", "u3")}, edit("m49"), 1 + 2},
		{"edit that names all", nil, events.Command{Verb: events.GroupEdit, Inbox: "g", ID: "m49", MentionAll: true}, 1},
		{"edit of a message in a page", nil, edit("m0", "u2"), 2 + 1},
		{"edit in a thread, that makes one follow it", talk, edit("t1", "u9"), 2 + 1 + 3},
		{"edit of a C2C message", nil, events.Command{Verb: events.UserEdit, Inbox: "u0", ID: "m19", From: "peer", Mentions: []string{"u0"}}, 1},

		{"level", nil, in(events.Command{Verb: events.UserLevel, Level: events.LevelMentions}), 1},
		{"label", nil, in(events.Command{Verb: events.UserLabel, Add: []string{"archived"}}), 1},
		{"filter", nil, events.Command{Verb: events.UserFilter, Inbox: "u0", Name: "f", Filter: &events.Filter{Kind: events.Group}}, 1},
		{"block, in one group with unread messages", nil, events.Command{Verb: events.UserBlock, Inbox: "u0", Users: []string{"u1"}, Blocked: true}, 2},

		{"purge", nil, events.Command{Verb: events.GroupPurge, Inbox: "g", Before: "m40"}, 1},
		{"clear", nil, in(events.Command{Verb: events.UserClear}), 1},
		{"import of a C2C conversation", nil, events.Command{Verb: events.UserImport, Inbox: "x", Conversations: []events.Import{{Conversation: peer, Unread: 3}}}, 1},
		{"import of a group's", nil, events.Command{Verb: events.UserImport, Inbox: "x", Conversations: []events.Import{{Conversation: group, Unread: 3}}}, 5},

		{"read, with receipts", []events.Command{receipts}, in(events.Command{Verb: events.UserRead}), 3},
		{"message, with receipts", []events.Command{receipts}, message(events.Command{}), 2},
		{"message whose readers its sender is told of", []events.Command{receipts}, message(events.Command{Receipt: true}), 3},
		{"join of one", nil, events.Command{Verb: events.GroupJoin, Inbox: "g", Users: []string{"x"}}, 4},
		{"leave of one", nil, events.Command{Verb: events.GroupLeave, Inbox: "g", Users: []string{"u0"}}, 5},
	}
}
