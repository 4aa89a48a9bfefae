package projector_test

import (
	"fmt"
	"strings"
	"testing"

	"reddot/events"
	"reddot/projector"
)

// TestManyRemoved erases one who has more conversations than there is room for
// in a message: their names come in several events.
func TestManyRemoved(t *testing.T) {
	for _, in := range []struct {
		encoding events.Encoding
		peers    int
		letter   string
	}{{events.Msgpack, 4_500, "p"}, {events.JSON, 1_000, "\x01"}} { // of either, the names take more than 1 MiB
		t.Run(in.encoding.String(), func(t *testing.T) {
			b := newBus(t)
			a := b.author()
			p := b.run(t.TempDir(), func(c *projector.Config) { c.Encoding = in.encoding })
			for i := range in.peers {
				a.message("alice", fmt.Sprintf("%s%06d", strings.Repeat(in.letter, 240), i), "m1")
			}
			p.settle(a.flush())
			a.write(events.Command{Verb: events.UserReadAll, Inbox: "alice"})
			p.settle(a.flush())
			a.write(events.Command{Verb: events.UserErase, Inbox: "alice"})
			a.message("bob", "alice", "m1")
			p.settle(a.flush())
			l := newLedger(t)
			for _, s := range b.storedEvents(1) {
				if c, ok := l.enter(&s).(*events.Change); ok && len(c.Conversations)+len(c.Removed) > events.MaxChangeConversations {
					t.Errorf("event %d tells of %d conversations and %d that are removed", s.seq, len(c.Conversations), len(c.Removed))
				}
			}
			v := p.view(a.last())
			defer v.Close()
			l.settled(v, "alice")
			l.settled(v, "bob")
		})
	}
}

// TestLongestNames tells of many conversations at once with names that take the
// most room.
func TestLongestNames(t *testing.T) {
	for _, encoding := range []events.Encoding{events.Msgpack, events.JSON} {
		t.Run(encoding.String(), func(t *testing.T) {
			b := newBus(t)
			a := b.author()
			p := b.run(t.TempDir(), func(c *projector.Config) { c.Encoding = encoding })
			name := func(i int) string { return fmt.Sprintf("%s%03d", strings.Repeat("\x01", events.MaxID-3), i) }
			for i := range events.MaxChangeConversations {
				a.message(name(0), name(i), name(0))
				a.message(name(0), name(i), name(1))
				a.write(events.Command{Verb: events.UserRead, Inbox: name(0), Conversation: events.ConversationID{Kind: events.C2C, ID: name(i)}, Upto: name(0)})
			}
			p.settle(a.flush())
			a.write(events.Command{Verb: events.UserReadAll, Inbox: name(0)})
			p.settle(a.flush())
			l := newLedger(t)
			for _, s := range b.storedEvents(1) {
				l.enter(&s)
			}
			v := p.view(a.last())
			defer v.Close()
			l.settled(v, name(0))
		})
	}
}
