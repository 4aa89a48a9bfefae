package view_test

import (
	"encoding/base64"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"reddot/events"
	"reddot/projector/fold"
	"reddot/projector/testkit"
	"reddot/projector/view"
)

// list asks for the whole list at once.
func list(t testing.TB, rows fold.Reader, q events.ConversationsRequest) events.ConversationsReply {
	t.Helper()
	q.Limit, q.After = new(10_000), ""
	reply, err := view.Conversations(rows, "u", q)
	if err != nil || reply.Next != "" {
		t.Fatalf("the whole list: next %q, %v", reply.Next, err)
	}
	return reply
}

// traffic draws what may happen between two pages. It returns the
// conversation whose place in the list changes, if one does.
func traffic(rng *rand.Rand, id *int) (c events.Command, moved string) {
	k := c2c(fmt.Sprint("peer", rng.IntN(30)))
	if rng.IntN(3) == 0 {
		k = group(fmt.Sprint("group", rng.IntN(15)))
	}
	switch n := rng.IntN(10); {
	case n < 4:
		*id++
		c := message(k, k.ID, fmt.Sprint("m", *id))
		if rng.IntN(4) == 0 {
			c.Mentions = []string{"u"}
		}
		return c, k.String()
	case n < 6:
		return act(events.UserRead, k), ""
	case n < 7:
		return act(events.UserUnread, k), ""
	case n < 8:
		return act(events.UserDelete, k), ""
	case n < 9 && k.Kind == events.Group:
		return events.Command{Verb: events.GroupLeave, Inbox: k.ID, Users: []string{"u"}}, ""
	case k.Kind == events.Group:
		return join(k.ID, "u"), k.String()
	}
	c = act(events.UserMute, k)
	c.Muted = rng.IntN(2) == 0
	return c, ""
}

// TestPaging pages through a list while it changes. Every page is a part of
// the list as it then is; no conversation comes twice; and one that matches the
// filter all the time and keeps its place comes.
func TestPaging(t *testing.T) {
	rng := testkit.Rand(t)
	r := newRig(t)
	id := 0
	for range testkit.Effort(400) {
		c, _ := traffic(rng, &id)
		r.do(c)
	}
	for range testkit.Effort(150) {
		q := events.ConversationsRequest{
			UnreadOnly: rng.IntN(3) == 0, Mentioned: rng.IntN(3) == 0, Kind: events.Kind(rng.IntN(3)), Limit: new(1 + rng.IntN(8)),
		}
		var came []string
		always := map[string]bool{} // what has matched and kept its place so far
		for first := true; first || q.After != ""; first = false {
			r.read(func(rows fold.Reader) {
				whole := list(t, rows, q)
				matches := names(whole.Conversations)
				if first {
					for _, name := range matches {
						always[name] = true
					}
				}
				for name := range always {
					if !slices.Contains(matches, name) {
						delete(always, name)
					}
				}
				page, err := view.Conversations(rows, "u", q)
				if err != nil {
					t.Fatal(err)
				}
				checkPage(t, q, whole, page)
				came = append(came, names(page.Conversations)...)
				q.After = page.Next
			})
			for range rng.IntN(6) {
				c, moved := traffic(rng, &id)
				r.do(c)
				delete(always, moved)
			}
		}
		if sorted := slices.Sorted(slices.Values(came)); len(slices.Compact(sorted)) != len(came) {
			t.Fatalf("%+v: a conversation came twice: %q", q, came)
		}
		for name := range always {
			if !slices.Contains(came, name) {
				t.Fatalf("%+v: %s has not come: %q", q, name, came)
			}
		}
	}
}

func names(conversations []events.Conversation) (all []string) {
	for _, c := range conversations {
		all = append(all, c.Conversation)
	}
	return all
}

// checkPage: a page is a stretch of the whole list, at most as long as asked
// for, and the last one if and only if nothing comes behind it.
func checkPage(t *testing.T, q events.ConversationsRequest, whole, page events.ConversationsReply) {
	t.Helper()
	if page.Totals != whole.Totals || page.Version != whole.Version || page.User != "u" {
		t.Fatalf("%+v: the page's head %+v is not the list's %+v", q, page, whole)
	}
	all, got := whole.Conversations, page.Conversations
	start := len(all)
	if len(got) > 0 {
		start = slices.Index(names(all), got[0].Conversation)
	}
	if start < 0 || start+len(got) > len(all) || len(got) > q.Most() {
		t.Fatalf("%+v: page %q of %q", q, names(got), names(all))
	}
	if d := cmp.Diff(all[start:start+len(got)], got); len(got) > 0 && d != "" {
		t.Fatalf("%+v: (- list, + page)\n%s", q, d)
	}
	if last := start+len(got) == len(all); last != (page.Next == "") || q.After == "" && start != 0 && len(all) > 0 {
		t.Fatalf("%+v: page %q of %q, next %q", q, names(got), names(all), page.Next)
	}
	for _, c := range got {
		id, _ := events.ParseConversation(c.Conversation)
		if q.Kind != events.NoKind && id.Kind != q.Kind || q.UnreadOnly && c.Unread == 0 && !c.MarkedUnread || q.Mentioned && c.Mentions == 0 {
			t.Fatalf("%+v: %+v does not match", q, c)
		}
	}
}

// TestEquallyNew: conversations with the same place of activity, as those of one import, come
// once each, by name, whatever the size of a page, and with the list's totals.
func TestEquallyNew(t *testing.T) {
	r := newRig(t)
	imported := events.Command{Verb: events.UserImport, Inbox: "u"}
	for n := range 40 {
		for _, k := range []fold.Key{c2c(fmt.Sprint("p", n)), group(fmt.Sprint("g", n))} {
			imported.Conversations = append(imported.Conversations, events.Import{Conversation: k.ConversationID, Unread: uint64(n % 3)})
		}
	}
	r.do(imported, message(c2c("p7"), "p7", "m"))
	r.read(func(rows fold.Reader) {
		for limit := range 12 {
			q := events.ConversationsRequest{Limit: new(limit + 1), UnreadOnly: limit%2 == 0}
			whole := list(t, rows, q)
			all := names(whole.Conversations)
			if !slices.IsSorted(all[1:]) || all[0] != "c2c_p7" {
				t.Fatalf("the list is %q", all)
			}
			var came []string
			for first := true; first || q.After != ""; first = false {
				page, err := view.Conversations(rows, "u", q)
				if err != nil {
					t.Fatal(err)
				}
				checkPage(t, q, whole, page)
				came = append(came, names(page.Conversations)...)
				q.After = page.Next
			}
			if d := cmp.Diff(all, came); d != "" {
				t.Errorf("limit %d:\n%s", limit+1, d)
			}
		}
	})
}

// TestCursor: what no reply can have returned is refused.
func TestCursor(t *testing.T) {
	r := newRig(t)
	r.do(message(c2c("a b"), "a b", "1"), message(c2c("z"), "z", "1"))
	encode := func(s string) string { return base64.RawURLEncoding.EncodeToString([]byte(s)) }
	r.read(func(rows fold.Reader) {
		ask := func(after string) (events.ConversationsReply, error) {
			return view.Conversations(rows, "u", events.ConversationsRequest{Limit: new(1), After: after})
		}
		for _, after := range []string{
			"!", "c2c_a", "====", encode("1"), encode(" c2c_a"), encode("-1 c2c_a"), encode("1.5 c2c_a"),
			encode("18446744073709551616 c2c_a"), encode("+1 c2c_a"), encode("0x1 c2c_a"), encode("\x00\xff"), "\x00", "é",
		} {
			if reply, err := ask(after); !errors.Is(err, events.ErrCursor) {
				t.Errorf("after %q: %+v, %v", after, reply, err)
			}
		}
		first, err := ask("")
		if err != nil || first.Next == "" {
			t.Fatalf("first page %+v, %v", first, err)
		}
		second, err := ask(first.Next)
		if got := names(append(first.Conversations, second.Conversations...)); !slices.Equal(got, []string{"c2c_z", "c2c_a b"}) || err != nil || second.Next != "" {
			t.Errorf("both pages: %q, next %q, %v", got, second.Next, err)
		}
	})
}

// FuzzCursor gives any text as a cursor.
func FuzzCursor(f *testing.F) {
	r := newRig(f)
	for n := range 5 {
		r.do(message(c2c(fmt.Sprint("p", n)), fmt.Sprint("p", n), "1"))
	}
	f.Add("")
	f.Add(base64.RawURLEncoding.EncodeToString([]byte("3 c2c_p2")))
	f.Add("MyBjMmNfcDI=")
	f.Fuzz(func(t *testing.T, after string) {
		r := rig{TB: t, store: r.store}
		r.read(func(rows fold.Reader) {
			q := events.ConversationsRequest{Limit: new(2), After: after}
			reply, err := view.Conversations(rows, "u", q)
			if err != nil && !errors.Is(err, events.ErrCursor) || len(reply.Conversations) > 2 {
				t.Errorf("after %q: %+v, %v", after, reply, err)
			}
		})
	})
}

// TestLimits: a page holds as many conversations as asked for, up to the most.
func TestLimits(t *testing.T) {
	r := newRig(t)
	for n := range events.MaxLimit + 1 {
		peer := fmt.Sprintf("p%03d", n)
		r.do(message(c2c(peer), peer, "1"))
	}
	r.read(func(rows fold.Reader) {
		for _, limit := range []int{1, events.DefaultLimit, events.MaxLimit, events.MaxLimit + 1} {
			reply, err := view.Conversations(rows, "u", events.ConversationsRequest{Limit: new(limit)})
			if err != nil || len(reply.Conversations) != limit || (reply.Next == "") != (limit > events.MaxLimit) {
				t.Errorf("limit %d: %d conversations, next %q, %v", limit, len(reply.Conversations), reply.Next, err)
			}
			if reply.Conversations[0].Conversation != "c2c_p200" || reply.Totals.Unread != events.MaxLimit+1 {
				t.Errorf("limit %d: first %+v of %+v", limit, reply.Conversations[0], reply.Totals)
			}
		}
		nobody, err := view.Conversations(rows, "nobody", events.ConversationsRequest{Limit: new(1)})
		want := events.ConversationsReply{User: "nobody", Conversations: []events.Conversation{}}
		if d := cmp.Diff(want, nobody); d != "" || err != nil {
			t.Errorf("a user nobody has heard of: %v\n%s", err, d)
		}
	})
}
