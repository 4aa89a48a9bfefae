package view_test

import (
	"fmt"
	"testing"

	"reddot/events"
	"reddot/projector/fold"
	"reddot/projector/view"
)

// lurker has 200,000 unread messages of a group, every 40th of which was
// recalled, after 20,000 recalled ones and as many own ones.
func lurker(b *testing.B) (*rig, fold.Key) {
	r, k := newRig(b), group("g")
	r.do(join(k.ID, "u", "x"))
	flood(r, k, 20_000, true)
	for i := range 200_000 {
		id := fmt.Sprint("m", i)
		if r.do(message(k, "x", id)); i%40 == 0 {
			r.do(revoke(k, id))
		}
	}
	return r, k
}

func benchmarkViews(b *testing.B, views map[string]func(fold.Reader), r *rig, next func()) {
	for _, name := range []string{"totals", "conversations", "conversation", "explain"} {
		b.Run(name, func(b *testing.B) {
			r.TB = b
			b.ReportAllocs()
			r.read(func(rows fold.Reader) {
				for b.Loop() {
					views[name](rows)
				}
			})
		})
		b.Run(name+" after a message", func(b *testing.B) {
			r.TB = b
			b.ReportAllocs()
			for b.Loop() {
				next()
				r.read(views[name])
			}
		})
	}
}

func viewsOf(b *testing.B, k fold.Key) map[string]func(fold.Reader) {
	return map[string]func(fold.Reader){
		"totals":       func(rows fold.Reader) { view.Totals(rows, "u", events.TotalsRequest{}) },
		"conversation": func(rows fold.Reader) { view.Conversation(rows, k) },
		"explain":      func(rows fold.Reader) { view.Explain(rows, k, nil, events.MaxLimit) },
		"conversations": func(rows fold.Reader) {
			if _, err := view.Conversations(rows, "u", events.ConversationsRequest{Limit: new(events.DefaultLimit)}); err != nil {
				b.Error(err)
			}
		},
	}
}

// BenchmarkViewsOfLurker shows a conversation with 200,000 unread messages.
func BenchmarkViewsOfLurker(b *testing.B) {
	r, k := lurker(b)
	id := 0
	benchmarkViews(b, viewsOf(b, k), r, func() {
		id++
		r.do(message(k, "x", fmt.Sprint("new", id)))
	})
}

// BenchmarkViewsOfMany shows a user with 2,000 conversations.
func BenchmarkViewsOfMany(b *testing.B) {
	r := newRig(b)
	peer := func(i int) string { return fmt.Sprint("peer", i%2000) }
	for i := range 10_000 {
		r.do(message(c2c(peer(i)), peer(i), fmt.Sprint("m", i)))
	}
	id := 0
	benchmarkViews(b, viewsOf(b, c2c("peer7")), r, func() {
		id++
		r.do(message(c2c(peer(id)), peer(id), fmt.Sprint("new", id)))
	})
}

// BenchmarkPages reads a list of 100,000 conversations, half of them groups, page by page: the
// first page, those behind it, and those behind it while others write in one of the groups.
func BenchmarkPages(b *testing.B) {
	const n = 100_000
	r := newRig(b)
	for i := range n / 2 {
		peer, g := fmt.Sprint("peer", i), group(fmt.Sprint("g", i))
		r.do(message(c2c(peer), peer, "m"), join(g.ID, "u", "x"), message(g, "x", "m"))
	}
	next := ""
	page := func(rows fold.Reader) {
		reply, err := view.Conversations(rows, "u", events.ConversationsRequest{Limit: new(events.MaxLimit), After: next})
		if err != nil || len(reply.Conversations) == 0 {
			b.Fatal(err, len(reply.Conversations))
		}
		next = reply.Next
	}
	read := func(name string, each func()) {
		b.Run(name, func(b *testing.B) {
			r.TB = b
			r.read(page) // what is not in memory is read
			b.ReportAllocs()
			for b.Loop() {
				each()
				r.read(page)
			}
		})
	}
	read("first", func() { next = "" })
	read("next", func() {})
	read("next after a message in a group", func() { r.do(message(group("g7"), "x", fmt.Sprint("new", r.seq))) })
	read("next after a message to the user", func() { r.do(message(c2c("peer7"), "peer7", fmt.Sprint("new", r.seq))) })
}

// crowded has "u" in 1,000 groups, half of them with unread messages of x and of some
// of 1,000 others.
func crowded(b *testing.B) *rig {
	r := newRig(b)
	for n := range 1_000 {
		k := group(fmt.Sprint("g", n))
		if r.do(join(k.ID, "u")); n%2 == 0 {
			r.do(message(k, "x", "m0"), message(k, fmt.Sprint("b", n%10), "m1"))
		}
		if n%7 == 0 {
			c := act(events.UserLabel, k)
			c.Add = []string{events.LabelArchived, "star"}
			r.do(c)
		}
	}
	return r
}

// BenchmarkTotals makes the totals of a user with 1,000 conversations: without
// filters, with 5, and with 1,000 blocked users, ten of whom have written in every
// group with unread messages.
func BenchmarkTotals(b *testing.B) {
	r := crowded(b)
	totals := func(name string) {
		b.Run(name, func(b *testing.B) {
			r.TB = b
			b.ReportAllocs()
			r.read(func(rows fold.Reader) {
				for b.Loop() {
					view.Totals(rows, "u", events.TotalsRequest{})
				}
			})
		})
		b.Run(name+" after a message", func(b *testing.B) {
			r.TB = b
			for n := 0; b.Loop(); n++ {
				r.do(message(group("g0"), "x", fmt.Sprint(name, r.seq)))
				r.read(func(rows fold.Reader) { view.Totals(rows, "u", events.TotalsRequest{}) })
			}
		})
	}
	totals("plain")
	for n, f := range []events.Filter{{Kind: events.Group}, {Mentioned: true}, {Label: new("star")}, {Without: events.LabelArchived}, {IncludeMuted: true}} {
		r.do(events.Command{Verb: events.UserFilter, Inbox: "u", Name: fmt.Sprint("f", n), Filter: &f})
	}
	totals("filters")
	var users []string
	for n := range events.MaxBlocked {
		users = append(users, fmt.Sprint("b", n))
	}
	block := events.Command{Verb: events.UserBlock, Inbox: "u", Users: users, Blocked: true}
	r.do(block)
	totals("blocks")
	b.Run("block and unblock all", func(b *testing.B) {
		r.TB = b
		for b.Loop() {
			block.Blocked = !block.Blocked
			r.do(block)
		}
	})
	b.Run("block and unblock one", func(b *testing.B) {
		r.TB = b
		one := block
		for one.Users = users[4:5]; b.Loop(); {
			one.Blocked = !one.Blocked
			r.do(one)
		}
	})
}
