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
				if got := view.Totals(rows, "u", events.TotalsRequest{}).Totals; got.Unread != 0 {
					t.Errorf("round %d: %+v", round, got)
				}
			})(r.store); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// TestReadAllTellsLater: what was read in private, up to a time, or not at all is
// found by the next read of everything, with as many receipts as are due.
func TestReadAllTellsLater(t *testing.T) {
	for _, hot := range []int{1, 1 << 20} {
		for _, peers := range []int{1, 3, 300} {
			r := newRig(t, 0)
			r.store.Shrink(hot, 1<<20)
			readAll := func(what string, c events.Command, changed, receipts int) {
				t.Helper()
				c.Verb, c.Inbox = events.UserReadAll, "u"
				r.do(c)
				if len(r.fx.Changed) != changed || len(r.fx.Receipts) != receipts || r.fx.Ignored != (changed+receipts == 0) {
					t.Errorf("%d peers: %s changes %d conversations and sends %d receipts, want %d and %d (ignored: %v)",
						peers, what, len(r.fx.Changed), len(r.fx.Receipts), changed, receipts, r.fx.Ignored)
				}
				if len(r.log)%2 == 0 {
					r.commit()
				}
			}
			readAll("one of nothing", events.Command{}, 0, 0)
			for i := range peers {
				r.do(events.Command{Verb: events.UserMessage, Inbox: "u", From: fmt.Sprint("peer", i), ID: "m1", At: 1000, HasAt: true})
				r.do(events.Command{Verb: events.UserSent, Inbox: "u", To: fmt.Sprint("peer", i), ID: "o1", At: 2000, HasAt: true})
				if i%100 == 99 {
					r.reopen()
				}
			}
			r.do(events.Command{Verb: events.UserSent, Inbox: "u", To: "who never wrote", ID: "o1"})
			readAll("one up to before", events.Command{UptoAt: 999, HasUptoAt: true}, 0, 0)
			readAll("one of groups", events.Command{Kind: events.Group}, 0, 0)
			readAll("a private one up to a time", events.Command{UptoAt: 1000, HasUptoAt: true, Private: true}, peers, 0)
			readAll("a private one", events.Command{Private: true}, peers+1, 0)
			readAll("another private one", events.Command{Private: true}, 0, 0)
			r.commit()
			readAll("an open one", events.Command{}, 0, peers)
			readAll("another open one", events.Command{}, 0, 0)
			r.do(events.Command{Verb: events.UserMessage, Inbox: "u", From: "peer0", ID: "m2"})
			readAll("one of the last message", events.Command{}, 1, 1)
			r.commit()
			r.verify()
		}
	}
}
