package store_test

import (
	"fmt"
	"testing"

	"reddot/events"
	"reddot/projector/fold"
	"reddot/projector/view"
)

// TestReadAllOfMany: a read of everything finds all that is unread, whether
// the user is kept in mind, has too much unread for that, or has been
// forgotten with the cache.
func TestReadAllOfMany(t *testing.T) {
	for _, hot := range []int{1, 1 << 20} {
		r := newRig(t, 0)
		r.store.Shrink(hot, 1<<20)
		r.do(events.Command{Verb: events.GroupJoin, Inbox: "g", Users: []string{"u", "v"}})
		for round, peers := range []int{1, 3, 300, 3, 0, 300} {
			for i := range peers {
				r.do(events.Command{Verb: events.UserMessage, Inbox: "u", From: fmt.Sprint("peer", i), ID: fmt.Sprint(round, "-", i)})
				if i%100 == 99 {
					r.commit()
				}
			}
			r.do(events.Command{Verb: events.GroupMessage, Inbox: "g", From: "v", ID: fmt.Sprint(round)})
			r.do(events.Command{Verb: events.UserReadAll, Inbox: "u", Kind: events.Group})
			if got := len(r.fx.Changed); got != 1 {
				t.Errorf("round %d: a read of all groups changes %d conversations", round, got)
			}
			r.do(events.Command{Verb: events.UserReadAll, Inbox: "u"})
			if got := len(r.fx.Changed); got != peers {
				t.Errorf("round %d: a read of everything changes %d conversations of %d", round, got, peers)
			}
			r.commit()
			if err := reading(func(rows fold.Reader) {
				if got := view.Totals(rows, "u", events.TotalsQuery{}).Totals; got.Unread != 0 {
					t.Errorf("round %d: %+v", round, got)
				}
			})(r.store); err != nil {
				t.Fatal(err)
			}
		}
	}
}
