package client_test

import (
	"slices"
	"testing"
	"time"

	"reddot/api/client"
	"reddot/events"
)

// TestWalk is what an app with a badge goes through, callback by callback:
// each of its users is told of what the others do, and of nothing else.
func TestWalk(t *testing.T) {
	t.Parallel()
	h := start(t)
	c := h.client(t, client.Options{})
	ctx := t.Context()
	alice, bob, carol := c.User("alice"), c.User("bob"), c.User("carol")
	script(t, c,
		message("alice", "bob", "m1"), message("alice", "bob", "m2"), message("alice", "carol", "c1"),
		join("team", "alice", "bob", "carol"), groupMessage("team", "carol", "g1"))

	a, b, x := listen(t, alice), listen(t, bob), listen(t, carol)
	for _, r := range []*recorder{a, b, x} {
		r.ready()
	}
	equal(t, a, "group_team 1", "c2c_carol 1", "c2c_bob 2", "total 4")
	equal(t, b, "group_team 1", "total 1")
	equal(t, x, "group_team 0", "total 0")
	at := func(s int64) client.CommandOption { return client.At(time.UnixMilli(1700000000000 + s*1000)) }
	step := func(seq events.Seq, err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}

	// Bob writes.
	step(c.MessageReceived(ctx, "alice", client.Message{ID: "m3", From: "bob"}, at(1)))
	a.hears("c2c_bob 3", "total 5")

	// Alice reads some, then all of it.
	step(alice.MarkC2CRead(ctx, "bob", client.Upto("m2"), at(2)))
	a.hears("c2c_bob 1", "total 3")
	b.hears("alice has read up to m2 @1700000002000")
	step(alice.MarkC2CRead(ctx, "bob", at(3)))
	a.hears("c2c_bob 0", "total 2")
	b.hears("alice has read up to m3 @1700000003000")

	// The group: alice and bob count carol's message, nobody gets a receipt.
	step(c.GroupMessage(ctx, "team", client.Message{ID: "g2", From: "carol", Mentions: []string{"bob"}}, at(4)))
	a.hears("group_team 2", "total 3")
	b.hears("group_team 2", "total 2")
	x.hears("group_team 0")
	step(alice.MarkGroupRead(ctx, "team", client.Upto("g1"), at(5)))
	a.hears("group_team 1", "total 2")
	step(alice.MarkGroupRead(ctx, "team", at(6)))
	a.hears("group_team 0", "total 1")

	// All: what was unread changes, and its sender gets the receipt.
	step(bob.MarkAllRead(ctx, at(7)))
	b.hears("group_team 0", "total 0")
	step(alice.MarkAllRead(ctx, at(8)))
	a.hears("c2c_carol 0", "total 0")
	x.hears("alice has read up to c1 @1700000008000")

	// What changes nothing is told to nobody (rule quiet).
	step(alice.MarkAllRead(ctx, at(9)))
	step(alice.MarkUnread(ctx, client.C2C("bob"), client.FromMessage("m3"), client.WaitEmitted()))
	a.hears("c2c_bob 1", "total 1")
	equal(t, b)
	equal(t, x)
	for _, r := range []*recorder{a, b, x} {
		r.converges()
	}
}

// equal checks what was told since the last time.
func equal(t *testing.T, r *recorder, want ...string) {
	t.Helper()
	if got := r.take(); !slices.Equal(want, got) {
		t.Errorf("%s was told %q, want %q", r.user.ID(), got, want)
	}
}
