package store_test

import (
	"bytes"
	"fmt"
	"maps"
	"slices"
	"testing"

	"reddot/events"
	"reddot/projector/fold"
	"reddot/projector/store"
	"reddot/projector/testkit"
	"reddot/projector/view"
)

// dues are messages that expire, by what shows them and by their ids.
type dues map[fold.Key]map[string]events.Time

// expire takes out what a clock ends.
func (d dues) expire(at events.Time) {
	for _, all := range d {
		maps.DeleteFunc(all, func(_ string, due events.Time) bool { return due <= at })
	}
}

// next is when the next message expires.
func (d dues) next() (at events.Time, any bool) {
	for _, all := range d {
		for _, due := range all {
			if !any || due < at {
				at, any = due, true
			}
		}
	}
	return at, any
}

// TestExpiry has messages come to inboxes and a group, all of which expire, with clocks,
// erasures, commits and crashes in between: the counts and what expires next are those
// of lists of them, wherever batches end, and the rows are in order.
func TestExpiry(t *testing.T) {
	seed := testkit.Seed(t)
	r := newRigAt(t, seed, slow)
	r.do(events.Command{Verb: events.GroupJoin, Inbox: "g", Users: []string{"m"}})
	group := fold.Key{User: "m", ConversationID: fold.GroupKey("g").ConversationID}
	alive, clock := dues{group: {}}, events.Time(0)
	for n := range testkit.Effort(3_000) {
		k := fold.Key{User: []string{"a", "a", "b"}[r.rng.IntN(3)], ConversationID: events.ConversationID{Kind: events.C2C, ID: []string{"x", "y"}[r.rng.IntN(2)]}}
		id, due := fmt.Sprint("m", n), max(clock+events.Time(r.rng.IntN(60))-5, 0)
		switch r.rng.IntN(10) {
		case 0:
			clock += events.Time(r.rng.IntN(20))
			r.do(events.Command{Verb: events.ClockSet, At: clock, HasAt: true})
			alive.expire(clock)
		case 1:
			if r.rng.IntN(4) > 0 {
				continue
			}
			r.do(events.Command{Verb: events.UserErase, Inbox: k.User})
			maps.DeleteFunc(alive, func(of fold.Key, _ map[string]events.Time) bool { return of.User == k.User })
		case 2, 3, 4:
			r.do(events.Command{Verb: events.GroupMessage, Inbox: "g", From: "s", ID: id, ExpiresAt: due, HasExpiresAt: true, Mentions: []string{"m"}})
			k = group
		default:
			r.do(events.Command{Verb: events.UserMessage, Inbox: k.User, From: k.ID, ID: id, ExpiresAt: due, HasExpiresAt: true})
		}
		if c := r.log[len(r.log)-1].Command; c.HasExpiresAt && (due > clock || clock == 0) {
			if alive[k] == nil {
				alive[k] = map[string]events.Time{}
			}
			alive[k][id] = due
		}
		if clock > 0 || r.rng.IntN(2) == 0 {
			r.checkExpiry(alive)
		}
	}
	digests := digestsOf(t, r, func() int { return 1 })
	for seq, digest := range digestsOf(t, r, func() int { return 1 + r.rng.IntN(40) }, func(s *store.Store) { s.Shrink(1<<9, 1<<9) }) {
		if digest != digests[seq] {
			t.Fatalf("seq %d: digest %s in other batches, %s one by one", seq, digest, digests[seq])
		}
	}
}

// checkExpiry compares the counts with what is alive, and after a commit what expires
// next.
func (r *rig) checkExpiry(alive dues) {
	r.t.Helper()
	err := r.store.Read(func(rows fold.Reader) error {
		for k, all := range alive {
			c, _ := view.Conversation(rows, k)
			if want := uint64(len(all)); c.Unread != want || k.Kind == events.Group && c.Mentions != want {
				r.t.Fatalf("seq %d: %+v has %d unread, %d mentions; %d are alive", len(r.log), k, c.Unread, c.Mentions, want)
			}
		}
		return nil
	})
	testkit.OK(r.t, err)
	if r.rng.IntN(4) > 0 {
		return
	}
	if r.commit(); r.rng.IntN(20) == 0 {
		r.crash()
		r.commit()
	}
	r.verify()
	snap := testkit.Must(r.store.Snapshot())(r.t)
	defer snap.Close()
	at, any, err := snap.NextDue()
	testkit.OK(r.t, err)
	if want, there := alive.next(); r.pending() == nil && (at != want || any != there) || any && there && at > want {
		r.t.Fatalf("seq %d: the next message expires at %d, %v; the list says at %d, %v", len(r.log), at, any, want, there)
	}
}

// TestMostExpire: one clock ends so many messages, or few that name many; the next goes
// on where it has ended, and nothing that comes late counts.
func TestMostExpire(t *testing.T) {
	r := newRig(t, 1)
	mentions := make([]string, 400)
	for i := range mentions {
		mentions[i] = fmt.Sprint("user", i)
	}
	r.do(events.Command{Verb: events.GroupJoin, Inbox: "g", Users: append([]string{"m"}, mentions...)})
	group := fold.Key{User: "m", ConversationID: fold.GroupKey("g").ConversationID}
	inbox := fold.Key{User: "a", ConversationID: events.ConversationID{Kind: events.C2C, ID: "x"}}
	for n := range 2_500 {
		r.do(events.Command{Verb: events.UserMessage, Inbox: "a", From: "x", ID: fmt.Sprint(n), ExpiresAt: 100, HasExpiresAt: true})
	}
	for n := range 10 {
		r.do(events.Command{Verb: events.GroupMessage, Inbox: "g", From: "s", ID: fmt.Sprint(n), ExpiresAt: 200, HasExpiresAt: true, Mentions: mentions})
	}
	for i, want := range []struct {
		at             events.Time
		inbox, group   uint64
		users, ignored int
	}{
		{99, 2_500, 10, 0, 1}, {100, 1_500, 10, 1, 0}, {100, 1_500, 10, 0, 1}, {101, 500, 10, 1, 0},
		{300, 0, 7, 401, 0}, {301, 0, 4, 400, 0}, {301, 0, 4, 0, 1}, {302, 0, 1, 400, 0}, {303, 0, 0, 400, 0}, {304, 0, 0, 0, 1},
	} {
		r.do(events.Command{Verb: events.ClockSet, At: want.at, HasAt: true})
		if len(r.fx.Changed) != want.users || r.fx.Ignored != (want.ignored > 0) {
			t.Errorf("clock %d: %d conversations are named, ignored %v", i, len(r.fx.Changed), r.fx.Ignored)
		}
		if n := len(r.fx.Noted); n != len(r.fx.Changed)+len(r.fx.Groups) || len(r.fx.Groups) > 1 {
			t.Errorf("clock %d: %d are noted, %d named, groups %q", i, n, len(r.fx.Changed), r.fx.Groups)
		}
		r.do(events.Command{Verb: events.UserMessage, Inbox: "a", From: "x", ID: fmt.Sprint("late", i), ExpiresAt: want.at, HasExpiresAt: true})
		testkit.OK(t, r.store.Read(func(rows fold.Reader) error {
			c, _ := view.Conversation(rows, inbox)
			g, _ := view.Conversation(rows, group)
			if c.Unread != want.inbox || g.Unread != want.group || c.LastMessage == nil || !c.LastMessage.Revoked {
				t.Errorf("clock %d: %d and %d are unread, last %+v", i, c.Unread, g.Unread, c.LastMessage)
			}
			return nil
		}))
		if i%3 == 0 {
			r.commit()
		}
	}
	r.commit()
	r.verify()
}

// TestDuesAreErased: nothing says any more when messages expire whose inbox is erased
// and swept, in a full page or not, before the time or not.
func TestDuesAreErased(t *testing.T) {
	r := newRigAt(t, 1, fold.Pace{})
	for n := range 3*fold.PageSize + 5 {
		r.do(events.Command{Verb: events.UserMessage, Inbox: "a", From: "x", ID: fmt.Sprint(n), ExpiresAt: events.Time(1000 + n%7), HasExpiresAt: n%3 > 0})
	}
	r.do(events.Command{Verb: events.UserMessage, Inbox: "b", From: "x", ID: "m", ExpiresAt: 1003, HasExpiresAt: true})
	r.do(events.Command{Verb: events.UserErase, Inbox: "a"})
	r.do(events.Command{Verb: events.UserMessage, Inbox: "a", From: "x", ID: "0", ExpiresAt: 1002, HasExpiresAt: true})
	for n := 0; r.pending() != nil; n++ {
		r.do(events.Command{Verb: events.UserMessage, Inbox: "y", From: "z", ID: fmt.Sprint(n)})
	}
	r.commit()
	var left []string
	eachRow(t, r.store.DB(), func(key, _ []byte) {
		if bytes.HasPrefix(key, []byte("v")) {
			left = append(left, store.AllFamilies().Name(key))
		}
	})
	want := []string{"expiry at 1002 of message 1 of the conversation of a (since seq 55) with c2c_x", "expiry at 1003 of message 1 of the conversation of b with c2c_x"}
	if !slices.Equal(left, want) {
		t.Errorf("left: %q", left)
	}
	r.verify()
}
