package api

import (
	"encoding/json"
	"strconv"
	"strings"
	"testing"

	"github.com/nats-io/nats-server/v2/server"

	"reddot/events"
	"reddot/projector/testkit"
)

// TestLargeReplies: what does not fit into one message is cut, and pages lead
// on to all of it; what can't be cut is a 503.
func TestLargeReplies(t *testing.T) {
	source := newTwinSource()
	const people = 60
	for i := range people {
		source.message(t, "alice", strings.Repeat("p", 150)+strconv.Itoa(i), strings.Repeat("m", 200))
		source.message(t, "alice", "bob", strings.Repeat("b", 200)+strconv.Itoa(i))
	}
	a := start(t, source, func(o *server.Options) { o.MaxPayload = 8 << 10 })
	seen := map[string]bool{}
	for after, pages := "", 0; ; pages++ {
		body, _ := json.Marshal(map[string]any{"limit": 200, "after": after})
		r := unmarshal[events.ConversationsReply](t, a.want("200", "alice", events.QueryConversations, string(body)))
		for _, c := range r.Conversations {
			seen[c.Conversation] = true
		}
		if after = r.Next; after == "" {
			break
		}
		if pages > people {
			t.Fatal("the pages don't end")
		}
	}
	if len(seen) != people+1 {
		t.Errorf("%d conversations in the pages, want %d", len(seen), people+1)
	}
	e := unmarshal[events.Explanation](t, a.want("200", "alice", events.QueryExplain, `{"conversation":"c2c_bob","limit":200}`))
	if len(e.Messages) == 0 || len(e.Messages)+int(e.More) != people {
		t.Errorf("explained %d messages and %d more, want %d", len(e.Messages), e.More, people)
	}

	small := start(t, source, func(o *server.Options) { o.MaxPayload = 1 << 10 })
	small.want("503", "alice", events.QueryConversations, "")
	small.want("200", "alice", events.QueryTotals, "")
}

// TestLargeThreads: the same for threads and readers of a group.
func TestLargeThreads(t *testing.T) {
	source := newTwinSource()
	const people = 60
	var members []string
	for i := range people {
		members = append(members, strings.Repeat("u", 200)+strconv.Itoa(i))
	}
	do := func(c events.Command) {
		t.Helper()
		if r := source.apply(1_000, &c, true); r.Refused != "" {
			t.Fatal(r.Refused)
		}
	}
	do(events.Command{Verb: events.PolicySet, GroupReceipts: events.ReceiptsMembers})
	do(events.Command{Verb: events.GroupJoin, Inbox: "team", Users: append(members, "alice")})
	for i := range people {
		id := strings.Repeat("t", 200) + strconv.Itoa(i)
		do(events.Command{Verb: events.GroupMessage, Inbox: "team", ID: id, From: "alice", Thread: id})
	}
	a := start(t, source, func(o *server.Options) { o.MaxPayload = 8 << 10 })
	seen := map[string]bool{}
	for after, pages := "", 0; pages == 0 || after != ""; pages++ {
		body := testkit.Must(json.Marshal(map[string]any{"conversation": "group_team", "limit": 200, "after": after}))(t)
		r := unmarshal[events.ThreadsReply](t, a.want("200", "alice", events.QueryThreads, string(body)))
		for _, x := range r.Threads {
			seen[x.Thread] = true
		}
		after = r.Next
	}
	for after, pages := "", 0; pages == 0 || after != ""; pages++ {
		body := testkit.Must(json.Marshal(map[string]any{"group": "team", "id": strings.Repeat("t", 200) + "0", "read": false, "limit": 200, "after": after}))(t)
		r := unmarshal[events.ReadersReply](t, a.want("200", "alice", events.QueryReaders, string(body)))
		for _, x := range r.Users {
			seen[x.User] = true
		}
		if after = r.Next; r.Members != people || r.Read != 0 {
			t.Errorf("read by %d of %d", r.Read, r.Members)
		}
	}
	if len(seen) != 2*people {
		t.Errorf("%d threads and readers in the pages, want %d of each", len(seen), people)
	}
}
