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
