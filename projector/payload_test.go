package projector_test

import (
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"reddot/events"
	"reddot/projector"
	"reddot/projector/emit/journal"
	"reddot/projector/testkit"
)

// TestLongestNames tells of many conversations at once, with names that take the
// most room, on a usual server and on one that takes no larger messages than an
// emitter needs.
func TestLongestNames(t *testing.T) {
	testkit.Unraced(t)
	for _, in := range []struct {
		encoding   events.Encoding
		maxPayload int32 // 0: the usual one
	}{{events.Msgpack, 0}, {events.JSON, 0}, {events.Msgpack, journal.LeastPayload}, {events.JSON, journal.LeastPayload}} {
		t.Run(fmt.Sprint(in.encoding, in.maxPayload), func(t *testing.T) {
			b := newBusWith(t, in.maxPayload)
			a := b.author()
			p := b.run(t.TempDir(), func(c *projector.Config) { c.Encoding = in.encoding })
			name := func(i int) string { return fmt.Sprintf("%s%03d", strings.Repeat("\x01", events.MaxID-3), i) }
			for i := range events.MaxChangeConversations {
				a.message(name(0), name(i), name(0))
				a.message(name(0), name(i), name(1))
				a.write(events.Command{Verb: events.UserRead, Inbox: name(0), Conversation: events.ConversationID{Kind: events.C2C, ID: name(i)}, Upto: name(0)})
			}
			p.settle(a.flush())
			a.write(events.Command{Verb: events.UserReadAll, Inbox: name(0)})
			a.garble(a.subjects.Prefix()+".cmd."+strings.Repeat("\x01", 3_000), []byte("{}"))
			p.settle(a.flush())
			a.write(events.Command{Verb: events.UserErase, Inbox: name(0)})
			p.settle(a.flush())
			l := newLedger(t)
			for _, s := range b.storedEvents(1) {
				l.enter(&s)
			}
			v := p.view(a.last())
			defer v.Close()
			l.settled(v, name(0))
			if r := l.refusals[a.last()-1]; r.Reason == "" {
				t.Error("a refusal with the longest subject is not told")
			}
		})
	}
}

// TestPayloadTooSmall: a server that takes too small messages is refused at the
// start, with what to do.
func TestPayloadTooSmall(t *testing.T) {
	b := newBusWith(t, journal.LeastPayload/2)
	_, err := projector.Open(testkit.Context(t), projector.Config{Conn: b.Connect(), Subjects: b.subjects, Dir: t.TempDir(), Logger: slog.New(slog.DiscardHandler)})
	testkit.WantError(t, err, journal.ErrPayload, "set max_payload to 32768 or more")
}
