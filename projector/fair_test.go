package projector_test

import (
	"slices"
	"strings"
	"testing"

	"reddot/events"
	"reddot/projector"
	"reddot/projector/testkit"
)

// atOnce has what was written be folded in one batch, and emitted from there on: a
// user is notified when it is his turn, however fast the machine is.
func atOnce(t *testing.T, write func(*author), change ...func(*projector.Config)) (*bus, *author, *process) {
	t.Helper()
	b := newBus(t)
	a := b.author()
	dir := t.TempDir()
	b.run(dir).stop() // makes the streams
	write(a)
	a.flush()
	p := b.run(dir, change...)
	p.settle(a.last())
	return b, a, p
}

// place is that of the first event of a subject among all.
func place(t *testing.T, all []stored, subject string) int {
	t.Helper()
	i := slices.IndexFunc(all, func(s stored) bool { return s.subject == subject })
	if i < 0 {
		t.Fatalf("there is no event %s", subject)
	}
	return i
}

// TestPromptBesideBulk has one user get a message while a command that touches
// many is emitted: the user does not wait for the many.
func TestPromptBesideBulk(t *testing.T) {
	users := testkit.Effort(6_000)
	crowd := make([]string, users)
	for i := range crowd {
		crowd[i] = member(i)
	}
	join := events.Command{Verb: events.GroupJoin, Inbox: "hall", Users: crowd}
	leave := events.Command{Verb: events.GroupLeave, Inbox: "hall", Users: crowd}
	for _, bulk := range []struct {
		name     string
		write    func(*author)
		notified int // of users, at least
	}{
		{"join", func(a *author) { a.write(join) }, users},
		{"join and leave", func(a *author) { a.write(join); a.write(leave) }, users},
		{"join and dismissal", func(a *author) {
			a.write(join)
			a.write(events.Command{Verb: events.GroupDismiss, Inbox: "hall"})
		}, users},
		{"message", func(a *author) {
			a.write(join)
			a.write(events.Command{Verb: events.GroupMessage, Inbox: "hall", From: "x", ID: "m1"})
		}, users},
		{"receipts", func(a *author) {
			for i := range crowd {
				a.message("reader", member(i), "m1")
			}
			a.write(events.Command{Verb: events.UserReadAll, Inbox: "reader"})
		}, 0},
	} {
		t.Run(bulk.name, func(t *testing.T) {
			b, a, p := atOnce(t, func(a *author) {
				bulk.write(a)
				a.message("zoe", "yan", "m1") // by name the last
				a.write(events.Command{Verb: events.UserRead, Inbox: "zoe", Conversation: events.ConversationID{Kind: events.C2C, ID: "yan"}})
			}, limited(uint64(users)))
			all := b.storedEvents(1)
			for _, subject := range []string{"evt.zoe.change", "evt.yan.receipt"} {
				if i := place(t, all, subject); i > users/2 || len(all) < users {
					t.Errorf("%s is event %d of %d", subject, i, len(all))
				}
			}
			l := newLedger(t)
			for _, s := range all {
				l.enter(&s)
			}
			v := p.view(a.last())
			defer v.Close()
			for i := 0; i < users; i += 7 {
				l.settled(v, member(i))
			}
			l.settled(v, "zoe")
			if len(l.users) < bulk.notified {
				t.Errorf("%d users are notified", len(l.users))
			}
		})
	}
}

// TestLongListAside has users with long lists notified, and one with a short one: the
// list is emitted in the end, in events that belong together.
func TestLongListAside(t *testing.T) {
	testkit.Unraced(t)
	const peers = 3_000
	b, a, p := atOnce(t, func(a *author) {
		for i := range peers {
			a.message("ann", member(i), "m1")
			a.message("bea", member(i), "m1")
		}
		a.write(events.Command{Verb: events.UserReadAll, Inbox: "bea"})
		a.message("zoe", "yan", "m1")
	})
	all := b.storedEvents(1)
	if i, j := place(t, all, "evt.zoe.change"), place(t, all, "evt.ann.change"); i > j {
		t.Errorf("the one with a short list is notified by event %d, one with a long list with %d", i, j)
	}
	l := newLedger(t)
	for _, s := range all {
		l.enter(&s)
	}
	check := func(users ...string) {
		t.Helper()
		v := p.view(a.last())
		defer v.Close()
		for _, user := range users {
			l.settled(v, user)
		}
	}
	check("ann", "bea", "zoe")
	read := all[len(all)-1].seq
	hear := func() (subjects []string) {
		p.settle(a.flush())
		for _, s := range b.storedEvents(read + 1) {
			read = s.seq
			l.enter(&s)
			if !strings.HasSuffix(s.subject, ".receipt") {
				subjects = append(subjects, s.subject)
			}
		}
		return subjects
	}
	a.message("ann", member(7), "m2")
	if got := hear(); !slices.Equal(got, []string{"evt.ann.change"}) {
		t.Errorf("a message is emitted in %q", got)
	}
	a.write(events.Command{Verb: events.UserDelete, Inbox: "ann", Conversation: events.ConversationID{Kind: events.C2C, ID: member(8)}})
	if got := hear(); !slices.Equal(got, []string{"evt.ann.change"}) {
		t.Errorf("a deletion is emitted in %q", got)
	}
	check("ann")
	a.write(events.Command{Verb: events.UserErase, Inbox: "ann"})
	hear()
	check("ann")
}

// TestOwnWatchersOnly: a message in a large group costs a look at those who watch
// and are its members, however many others watch.
func TestOwnWatchersOnly(t *testing.T) {
	testkit.Unraced(t)
	const others, own = 10_000, 3
	f := newFanout(t, 10)
	crowd := make([]string, others)
	for i := range crowd {
		crowd[i] = member(i)
	}
	f.join("plaza", crowd...)
	f.join("hall", "a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k", "sender")
	f.notified()
	for _, user := range append(crowd, "a", "b", "sender") {
		if _, err := f.p.Watch(user); err != nil {
			t.Fatal(err)
		}
	}
	looks := f.p.Figures().Looks
	f.say("hall", "sender", "m1")
	f.wantTold("a message", "a", "b", "sender")
	if n := f.p.Figures().Looks - looks; n != own {
		t.Errorf("a message takes %d looks at users, not %d", n, own)
	}
	f.join("hall", crowd[5], "l")
	f.notified()
	looks = f.p.Figures().Looks
	f.say("hall", "sender", "m2")
	f.wantTold("a message after the join of a watcher", "a", "b", "sender", crowd[5])
	if n := f.p.Figures().Looks - looks; n != own+1 {
		t.Errorf("a message takes %d looks at users, not %d", n, own+1)
	}
	f.message("a", "x", "m1")
	f.wantTold("a C2C message", "a")
	for _, user := range []string{"a", "b", "sender", crowd[5]} {
		f.agrees(user)
	}
}

// TestRowsLooked: an event takes one look at its user's list, and no other.
func TestRowsLooked(t *testing.T) {
	const peers = 100
	b := newBus(t)
	a := b.author()
	p := b.run(t.TempDir())
	for i := range peers {
		a.message("ann", member(i), "m1")
	}
	a.message("bob", "x", "m1")
	p.settle(a.flush())
	before := p.Figures()
	a.message("ann", member(3), "m2")
	p.settle(a.flush())
	after := p.Figures()
	if looks, rows := after.Looks-before.Looks, after.Rows-before.Rows; looks != 1 || rows != peers {
		t.Errorf("one message takes %d looks at %d rows", looks, rows)
	}
}
