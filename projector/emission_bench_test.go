package projector_test

import (
	"fmt"
	"log/slog"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"reddot/events"
	"reddot/projector"
	"reddot/projector/log"
	"reddot/projector/loop"
	"reddot/projector/store"
	"reddot/projector/testkit"
)

// BenchmarkEmission has everybody in a group notified of a message: from the
// command to the last event stored.
func BenchmarkEmission(b *testing.B) {
	for _, members := range []int{10, 100, 1_000} {
		b.Run(fmt.Sprintf("group-of-%d", members), func(b *testing.B) {
			bus := newBus(b)
			p := bus.run(b.TempDir(), func(c *projector.Config) { c.FanoutLimit = uint64(members) })
			a := bus.author()
			a.group("g", members)
			p.settle(a.flush())
			n := 0
			b.ReportAllocs()
			for b.Loop() {
				n++
				a.write(events.Command{Verb: events.GroupMessage, Inbox: "g", From: "u0", ID: fmt.Sprintf("%019d", n)})
				p.settle(a.last())
			}
			b.ReportMetric(float64(n*members)/b.Elapsed().Seconds(), "events/s")
		})
	}
}

// BenchmarkEmissionOfMany has a thousand users notified of a C2C message each:
// from the first command to the last event stored.
func BenchmarkEmissionOfMany(b *testing.B) {
	const users = 1_000
	bus := newBus(b)
	p := bus.run(b.TempDir())
	a := bus.author()
	n := 0
	b.ReportAllocs()
	for b.Loop() {
		for i := range users {
			n++
			a.message(fmt.Sprint("u", i), "bob", fmt.Sprintf("%019d", n))
		}
		p.settle(a.last())
	}
	b.ReportMetric(float64(n)/b.Elapsed().Seconds(), "events/s")
}

// BenchmarkBuild folds a log into a store without notifying anybody: reading,
// decoding, folding and committing, overlapped.
func BenchmarkBuild(b *testing.B) {
	const commands, users = 20_000, 2_000
	bus := newBus(b)
	bus.run(b.TempDir()).stop() // makes the streams
	a := bus.author()
	a.group("g", 1_000)
	for i := range commands {
		id := fmt.Sprintf("%019d", i)
		if i%3 == 0 {
			a.write(events.Command{Verb: events.GroupMessage, Inbox: "g", From: fmt.Sprint("u", i%1_000), ID: id})
		} else {
			a.message(fmt.Sprint("u", i%users), fmt.Sprint("u", (i+1)%users), id)
		}
	}
	last := a.flush()
	b.ReportAllocs()
	for b.Loop() {
		build(b, bus, last)
	}
	b.ReportMetric(float64(b.N)*commands/b.Elapsed().Seconds(), "commands/s")
}

// build folds the log into a fresh store in memory.
func build(b *testing.B, bus *bus, last events.Seq) {
	log := testkit.Must(log.Find(b.Context(), bus.js, bus.subjects, slog.New(slog.DiscardHandler)))(b)
	s := testkit.Must(store.Open(store.Config{Dir: "store", FS: vfs.NewMem(), Identity: log.Identity()}))(b)
	if err := loop.Build(b.Context(), log, s, last, nil); err != nil {
		b.Fatal(err)
	}
	if err := s.Close(); err != nil {
		b.Fatal(err)
	}
}

// group makes u0, u1 and so on members of a group.
func (a *author) group(name string, members int) {
	c := events.Command{Verb: events.GroupJoin, Inbox: name}
	for i := range members {
		c.Users = append(c.Users, fmt.Sprint("u", i))
	}
	a.write(c)
}
