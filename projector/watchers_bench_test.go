package projector_test

import (
	"fmt"
	"testing"

	"reddot/events"
	"reddot/projector"
	"reddot/projector/testkit"
)

// BenchmarkWatchersElsewhere has the one watcher of a large group told of a
// message, while others watch who are in another group and have 20 conversations
// each: from the command to the event stored.
func BenchmarkWatchersElsewhere(b *testing.B) {
	for _, others := range []int{0, 100, 1_000, 10_000} {
		b.Run(fmt.Sprintf("others-%d", others), func(b *testing.B) {
			bus := newBus(b)
			p := bus.run(b.TempDir(), func(c *projector.Config) { c.FanoutLimit = 10 })
			a := bus.author()
			a.group("hall", 20)
			a.group("plaza", 20)
			for i := range others {
				user := fmt.Sprint("other", i)
				if i%5_000 == 0 {
					p.settle(a.flush())
				}
				a.write(events.Command{Verb: events.GroupJoin, Inbox: "plaza", Users: []string{user}})
				for j := range 20 {
					a.message(user, fmt.Sprint("peer", j), "m1")
				}
			}
			p.settle(a.flush())
			for i := range others {
				testkit.Must(p.Watch(fmt.Sprint("other", i)))(b)
			}
			testkit.Must(p.Watch("u1"))(b)
			n := 0
			for b.Loop() {
				n++
				a.write(events.Command{Verb: events.GroupMessage, Inbox: "hall", From: "u0", ID: fmt.Sprintf("%019d", n)})
				p.settle(a.last())
			}
		})
	}
}
