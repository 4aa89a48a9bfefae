package fold_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"reddot/events"
	"reddot/projector/fold"
	"reddot/projector/store"
)

// benchBatch is how many commands are folded before they are committed, which
// is not timed.
const benchBatch = 1024

// Who and what the benchmark's commands are about.
const (
	benchPeers   = 1_000 // conversations of "me"
	benchMembers = 1_000 // of the group "g", "me" among them
)

// foldBench folds commands into a store in memory: what is timed are the rules
// and the cache of rows.
type foldBench struct {
	*testing.B
	store *store.Store
	entry store.Entry
	fx    fold.Effects
}

func newFoldBench(b *testing.B) *foldBench {
	s, err := store.Open(store.Config{Dir: "store", FS: vfs.NewMem(), Identity: events.StreamID{Name: "S", Created: time.Unix(1, 0)}})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		if err := s.Close(); err != nil {
			b.Error(err)
		}
	})
	f := &foldBench{B: b, store: s}
	join := events.Command{Verb: events.GroupJoin, Inbox: "g", Users: []string{"me"}}
	for i := range benchMembers - 1 {
		join.Users = append(join.Users, benchMember(i))
	}
	f.fold(&join)
	return f
}

func benchMember(i int) string { return fmt.Sprintf("member%04d", i%(benchMembers-1)) }

func benchID(i int) string { return fmt.Sprintf("%019d", i) }

func (f *foldBench) fold(c *events.Command) {
	f.entry.Seq++
	f.entry.Time = 1_700_000_000_000 + events.Time(f.entry.Seq)
	f.entry.Command = *c
	if err := f.store.Apply(&f.entry, &f.fx); err != nil {
		f.Fatal(err)
	}
}

// run times the commands that next draws, each after one that before draws,
// which is not timed.
func (f *foldBench) run(before, next func(i int) events.Command) {
	f.ReportAllocs()
	var batch [benchBatch]events.Command
	for i := 0; f.Loop(); i++ {
		if i%benchBatch == 0 {
			f.StopTimer()
			for j := range batch {
				if before != nil {
					c := before(i + j)
					f.fold(&c)
				}
				batch[j] = next(i + j)
			}
			if _, err := f.store.Commit(); err != nil {
				f.Fatal(err)
			}
			f.StartTimer()
		}
		f.fold(&batch[i%benchBatch])
	}
}

func toMe(i int) events.Command {
	return events.Command{Verb: events.UserMessage, Inbox: "me", From: fmt.Sprintf("peer%04d", i%benchPeers), ID: benchID(i)}
}

func toGroup(i int) events.Command {
	return events.Command{Verb: events.GroupMessage, Inbox: "g", From: benchMember(i), ID: benchID(i)}
}

// reads is a read by "me" of the conversation of a message, up to it or of
// everything.
func reads(m events.Command, upto bool) events.Command {
	c := events.Command{Verb: events.UserRead, Inbox: "me", Conversation: events.ConversationID{Kind: events.C2C, ID: m.From}}
	if m.Verb == events.GroupMessage {
		c.Conversation = events.ConversationID{Kind: events.Group, ID: "g"}
	}
	if upto {
		c.Upto = m.ID
	}
	return c
}

// BenchmarkApply folds commands of one kind.
func BenchmarkApply(b *testing.B) {
	for _, c := range []struct {
		name         string
		before, next func(i int) events.Command
	}{
		{"c2c-message", nil, toMe},
		{"group-message", nil, toGroup},
		{"c2c-read", toMe, func(i int) events.Command { return reads(toMe(i), false) }},
		{"c2c-read-upto", toMe, func(i int) events.Command { return reads(toMe(i), true) }},
		{"group-read", toGroup, func(i int) events.Command { return reads(toGroup(i), false) }},
		{"group-read-upto", toGroup, func(i int) events.Command { return reads(toGroup(i), true) }},
		{"c2c-revoke", toMe, func(i int) events.Command {
			m := toMe(i)
			return events.Command{Verb: events.UserRevoke, Inbox: "me", From: m.From, ID: m.ID}
		}},
		{"group-revoke", toGroup, func(i int) events.Command {
			return events.Command{Verb: events.GroupRevoke, Inbox: "g", ID: benchID(i)}
		}},
		{"duplicate", toMe, toMe},
		{"join-and-leave", nil, func(i int) events.Command {
			verb := events.GroupJoin
			if i%2 == 1 {
				verb = events.GroupLeave
			}
			return events.Command{Verb: verb, Inbox: "g", Users: []string{fmt.Sprintf("guest%d", i/2)}}
		}},
	} {
		b.Run(c.name, func(b *testing.B) { newFoldBench(b).run(c.before, c.next) })
	}
}
