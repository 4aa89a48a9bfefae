package projector_test

import (
	"fmt"
	"strings"
	"testing"

	"reddot/events"
	"reddot/projector"
	"reddot/projector/testkit"
)

// TestManyRemoved erases one who has more conversations than there is room for
// in a message: their names come in several events.
func TestManyRemoved(t *testing.T) {
	testkit.Unraced(t)
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
