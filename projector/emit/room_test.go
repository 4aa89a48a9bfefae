package emit

import (
	"fmt"
	"testing"

	"reddot/events"
	"reddot/projector/dirty"
	"reddot/projector/fold"
	"reddot/projector/store"
)

// TestRoomForLongLists: to find out that a user's list is long takes as many rows
// as a round has room for like any other look. Who waits behind is notified in a later
// round.
func TestRoomForLongLists(t *testing.T) {
	const users, conversations = 20, 12
	s := openStore(t)
	defer s.Close()
	var fx fold.Effects
	for i := range users * conversations {
		c := events.Command{Verb: events.UserMessage, Inbox: fmt.Sprint("u", i%users), From: fmt.Sprint("p", i/users), ID: "m"}
		if err := s.Apply(&store.Entry{Seq: events.Seq(i + 1), Time: 1700000000000, Command: c}, &fx); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := s.Commit(); err != nil {
		t.Fatal(err)
	}
	snap, err := s.Snapshot()
	if err != nil {
		t.Fatal(err)
	}
	defer snap.Close()
	e := New(Config{Store: s, Bounds: Bounds{Long: conversations - 2}}, nil, nil)
	snap.Bound(e.cfg.Bounds.Long)
	g := &rounds{backlog: newBacklog(0, nil), emitter: e, readers: &readers{cfg: &e.cfg, long: map[string]bool{}}}
	upto := dirty.Stamp{Seq: users * conversations}
	r := g.begin(upto, 1)
	for i := range users {
		g.add(r, fmt.Sprint("u", i), upto, promptLane)
	}
	g.upto = upto
	room := 3 * e.cfg.Bounds.Long
	if err := g.notifyNext(t.Context(), snap, &g.prompt, &room); err != nil {
		t.Fatal(err)
	}
	if n := g.long.len(); n != 3 {
		t.Errorf("%d users were found to have long lists in a round with room for 3", n)
	}
}
