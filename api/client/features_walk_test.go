package client_test

import (
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"reddot/api/client"
	"reddot/events"
)

// listenFull starts a recorder that hears everything, and waits for the first state.
func listenFull(tb testing.TB, u *client.User) *recorder {
	tb.Helper()
	r := newRecorder(tb, u)
	r.start(r.full())
	r.ready()
	return r
}

// must fails where a command is not stored.
func must(t *testing.T) func(events.Seq, error) {
	return func(_ events.Seq, err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
}

// TestWalkThreads is what an app that shows threads goes through, callback by
// callback.
func TestWalkThreads(t *testing.T) {
	t.Parallel()
	h := start(t)
	c := h.client(t, client.Options{})
	ctx, step := t.Context(), must(t)
	alice, bob, carol := c.User("alice"), c.User("bob"), c.User("carol")
	script(t, c, events.Command{Verb: events.PolicySet, ThreadPolicy: events.ThreadsApart},
		join("team", "alice", "bob", "carol"), groupMessage("team", "alice", "g1"))
	a, b, x := listenFull(t, alice), listenFull(t, bob), listenFull(t, carol)
	equal(t, a, "group_team 0", "total 0", "filters []")
	equal(t, b, "group_team 1", "total 1", "filters []")
	equal(t, x, "group_team 1", "total 1", "filters []")

	// Bob answers alice: she wrote what the thread hangs on, he wrote in it.
	reply := func(id string, mentions ...string) {
		step(c.GroupMessage(ctx, "team", client.Message{ID: id, From: "bob", Thread: "g1", Mentions: mentions}))
	}
	reply("g2")
	a.hears("group_team 0", "group_team/g1 1", "total 0")
	b.hears("group_team/g1 0")

	// Carol follows it, from here on, and is named.
	step(carol.Follow(ctx, client.Group("team"), "g1", true))
	x.hears("group_team/g1 0")
	reply("g3", "carol")
	a.hears("group_team 0", "group_team/g1 2", "total 0")
	b.hears("group_team/g1 0")
	x.hears("group_team 1", "group_team/g1 1", "total 1")

	step(alice.MarkGroupRead(ctx, "team", client.InThread("g1"), client.Upto("g2")))
	a.hears("group_team 0", "group_team/g1 1", "total 0")
	step(alice.Mute(ctx, client.Group("team"), true, client.InThread("g1")))
	a.hears("group_team 0", "group_team/g1 1", "total 0")
	step(alice.Follow(ctx, client.Group("team"), "g1", false))
	a.hears("group_team/g1 removed")
	step(alice.MarkUnread(ctx, client.Group("team"), client.FromMessage("g2"), client.InThread("g1")))
	a.hears("group_team/g1 2")
	step(carol.MarkAllRead(ctx, client.AllThreads()))
	x.hears("group_team 1", "group_team/g1 0", "total 1")

	one, err := alice.Thread(ctx, client.Group("team"), "g1")
	if err != nil || one.Unread != 2 || !one.Following || !one.Muted || one.FirstUnread != "g2" || one.ReadUpto != "g1" {
		t.Errorf("alice's thread is %+v, %v", one, err)
	}
	why, err := alice.ExplainThread(ctx, client.Group("team"), "g1", 0)
	if err != nil || why.Unread != 2 || len(why.Messages) != 2 || why.Thread == nil {
		t.Errorf("it is explained by %+v, %v", why, err)
	}
	page, err := bob.ThreadsPage(ctx, events.ThreadsRequest{Conversation: events.ConversationID{Kind: events.Group, ID: "team"}, Limit: new(1)})
	if err != nil || len(page.Threads) != 1 || page.Threads[0].Thread != "g1" || page.Next != "" {
		t.Errorf("bob's threads are %+v, %v", page, err)
	}

	// Whoever comes later hears of all of it at once.
	late := listenFull(t, carol)
	equal(t, late, "group_team 1", "group_team/g1 0", "total 1", "filters []")

	step(c.Leave(ctx, "team", []string{"carol"}))
	for _, r := range []*recorder{x, late} {
		r.hears("group_team removed", "group_team/g1 removed", "total 0")
	}
	for _, r := range []*recorder{a, b, x, late} {
		r.converges()
	}
}

// TestWalkSettings is what an app with folders, filters and a block list goes
// through.
func TestWalkSettings(t *testing.T) {
	t.Parallel()
	h := start(t)
	c := h.client(t, client.Options{})
	ctx, step := t.Context(), must(t)
	alice := c.User("alice")
	script(t, c, message("alice", "bob", "m1"), events.Command{Verb: events.UserMessage, Inbox: "alice", From: "bob", ID: "m2", Mentions: []string{"alice"}},
		message("alice", "carol", "c1"))
	a := listenFull(t, alice)
	equal(t, a, "c2c_carol 1", "c2c_bob 2", "total 3", "filters []")

	label := "work"
	step(alice.SetFilter(ctx, "work", events.Filter{Label: &label}))
	a.hears("filters [work=0]")
	step(alice.Label(ctx, client.C2C("carol"), []string{"work"}, nil))
	a.hears("c2c_carol 1", "filters [work=1]")
	step(alice.Label(ctx, client.C2C("carol"), []string{events.LabelArchived}, nil))
	a.hears("c2c_carol 1", "total 2", "filters [work=0]")
	step(alice.Label(ctx, client.C2C("carol"), nil, []string{events.LabelArchived}))
	a.hears("c2c_carol 1", "total 3", "filters [work=1]")
	step(alice.SetLevel(ctx, client.C2C("bob"), events.LevelMentions))
	a.hears("c2c_bob 2", "total 2")
	step(alice.Block(ctx, []string{"bob"}, true))
	a.hears("c2c_bob 0", "total 1")
	step(alice.Block(ctx, []string{"bob"}, false))
	a.hears("c2c_bob 2", "total 2")
	step(c.Edit(ctx, "alice", "bob", "m2", nil))
	a.hears("c2c_bob 2", "total 1")
	step(alice.ClearHistory(ctx, client.C2C("bob"))) // at level mentions, with none left
	a.hears("c2c_bob 0")
	step(alice.Import(ctx, []events.Import{{Conversation: events.ConversationID{Kind: events.Group, ID: "crew"}, Unread: 7, Mentions: 2}}))
	a.hears("group_crew 7", "total 8")
	step(c.Purge(ctx, "crew", client.BeforeTime(time.UnixMilli(1)))) // nothing is before it
	step(alice.DropFilter(ctx, "work"))
	a.hears("filters []")

	step(alice.SetFilter(ctx, "crew", events.Filter{Kind: events.Group}))
	a.hears("filters [crew=7]")
	late := listenFull(t, alice)
	equal(t, late, "group_crew 7", "c2c_carol 1", "c2c_bob 0", "total 8", "filters [crew=7]")
	totals, err := alice.Totals(ctx, events.TotalsRequest{Label: &label})
	if err != nil || totals.Totals.Unread != 1 || totals.Filters["crew"].Mentions != 2 {
		t.Errorf("of what is labelled %+v, %v", totals, err)
	}
	a.converges()
	late.converges()
}

// TestWalkReceipts is what an app goes through that shows by how many a message is
// read.
func TestWalkReceipts(t *testing.T) {
	t.Parallel()
	h := start(t)
	c := h.client(t, client.Options{})
	ctx, step := t.Context(), must(t)
	alice, bob, carol := c.User("alice"), c.User("bob"), c.User("carol")
	script(t, c, events.Command{Verb: events.PolicySet, GroupReceipts: events.ReceiptsSender}, join("team", "alice", "bob", "carol"))
	b := listenFull(t, bob)
	b.take()
	step(c.GroupMessage(ctx, "team", client.Message{ID: "g1", From: "bob", Receipt: true}))
	step(c.GroupMessage(ctx, "team", client.Message{ID: "g2", From: "bob"}))
	b.until("the messages", func() bool {
		last := b.list["group_team"].LastMessage
		return last != nil && last.ID == "g2"
	})
	b.take()

	at := client.At(time.UnixMilli(1700000000123))
	step(alice.MarkGroupRead(ctx, "team", at))
	b.hears("team/g1 read by 1 of 2")
	step(carol.MarkGroupRead(ctx, "team", client.Private()))
	step(carol.MarkUnread(ctx, client.Group("team"), client.FromMessage("g1")))
	step(carol.MarkGroupRead(ctx, "team", client.Upto("g1"), client.WaitEmitted()))
	b.hears("team/g1 read by 2 of 2")

	all, err := bob.GroupReceipts(ctx, "team", []string{"g2", "g1", "nothing"})
	want := []events.GroupReceipt{{ID: "g2", Read: 1, Members: 2}, {ID: "g1", Read: 2, Members: 2}}
	same(t, "GroupReceipts", err, want, all.Receipts)
	var readers []events.Reader
	for r, err := range bob.Readers(ctx, events.ReadersRequest{Group: "team", ID: "g2", Limit: new(1)}) {
		if err != nil {
			t.Fatal(err)
		}
		readers = append(readers, r)
	}
	if diff := cmp.Diff([]events.Reader{{User: "alice", At: 1700000000123}}, readers); diff != "" {
		t.Errorf("readers (-want +got):\n%s", diff)
	}
	others, err := bob.ReadersPage(ctx, events.ReadersRequest{Group: "team", ID: "g2", Read: new(false)})
	same(t, "ReadersPage", err, events.ReadersReply{ID: "g2", Read: 1, Members: 2, Users: []events.Reader{{User: "carol"}}}, others)
	b.converges()
}

// TestFeatureErrors checks what questions about threads and readers fail with.
func TestFeatureErrors(t *testing.T) {
	t.Parallel()
	h := start(t)
	c := h.client(t, client.Options{})
	alice, mallory, ctx := c.User("alice"), c.User("mallory"), t.Context()
	script(t, c, join("team", "alice", "bob"), groupMessage("team", "bob", "g1"))
	readers := events.ReadersRequest{Group: "team", ID: "g1"}
	is := func(what string, err, want error) {
		t.Helper()
		if err != nil != (want != nil) || want != nil && !errors.Is(err, want) {
			t.Errorf("%s: %v, want %v", what, err, want)
		}
	}
	is("off", second(alice.ReadersPage(ctx, readers)), client.ErrUnavailable)
	is("off", second(alice.GroupReceipts(ctx, "team", []string{"g1"})), client.ErrUnavailable)
	script(t, c, events.Command{Verb: events.PolicySet, GroupReceipts: events.ReceiptsMembers})
	is("a member", second(alice.ReadersPage(ctx, readers)), nil)
	is("who is none", second(mallory.ReadersPage(ctx, readers)), client.ErrForbidden)
	is("who is none", second(mallory.GroupReceipts(ctx, "team", []string{"g1"})), client.ErrForbidden)
	script(t, c, events.Command{Verb: events.PolicySet, GroupReceipts: events.ReceiptsSender})
	is("who has not sent it", second(alice.ReadersPage(ctx, readers)), client.ErrForbidden)
	is("no such message", second(alice.ReadersPage(ctx, events.ReadersRequest{Group: "team", ID: "g9"})), client.ErrNotFound)
	is("31 messages", second(alice.GroupReceipts(ctx, "team", make([]string, 31))), events.ErrBadRequest)
	is("a cursor of nobody's", second(c.User("bob").ReadersPage(ctx, events.ReadersRequest{Group: "team", ID: "g1", After: "%"})), events.ErrBadRequest)

	is("no such thread", second(alice.Thread(ctx, client.Group("team"), "t9")), client.ErrNotFound)
	is("no such conversation", second(mallory.Thread(ctx, client.Group("team"), "")), client.ErrNotFound)
	is("no such thread", second(alice.ExplainThread(ctx, client.Group("team"), "t9", 0)), client.ErrNotFound)
	is("no receipt", second(alice.PeerThreadReceipt(ctx, "bob", "t9")), client.ErrNotFound)
	is("the main timeline", second(alice.Thread(ctx, client.Group("team"), "")), nil)
	is("a cursor of nobody's", second(alice.ThreadsPage(ctx, events.ThreadsRequest{After: "%"})), events.ErrBadRequest)
	for _, err := range alice.Threads(ctx, events.ThreadsRequest{Conversation: events.ConversationID{Kind: events.Group, ID: "crew"}}) {
		is("no such conversation", err, client.ErrNotFound)
	}
}
