package client

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"reddot/events"
	"reddot/projector/testkit"
)

// TestBookThreads plays random histories of a user's followed threads to a book,
// as TestBookConverges does those of the list: events, some of them lost before a
// reading, and readings whose pages are of different versions. In the end the book
// shows the last state, and no version goes backward on the way.
func TestBookThreads(t *testing.T) {
	t.Parallel()
	seed := testkit.Seed(t)
	for run := range uint64(testkit.Effort(1_000)) {
		rng := rand.New(rand.NewPCG(seed, run))
		h := newThreadHistory(rng, 5+rng.IntN(40))
		b := newBook()
		p := &threadPlayer{h: h, rng: rng, book: &b}
		if err := p.play(); err != nil {
			t.Fatalf("run %d: %v", run, err)
		}
		want := map[string]events.Thread{}
		for _, v := range h[len(h)-1].threads {
			want[threadKey(&v)] = v
		}
		if diff := cmp.Diff(want, b.threads); diff != "" {
			t.Fatalf("run %d: the book differs (-want +got):\n%s", run, diff)
		}
	}
}

// threadState is what a user follows at one version, newest activity first, and
// what the command of that version took away.
type threadState struct {
	version events.Seq
	threads []events.Thread
	ended   []events.Thread // followed no longer, as an event shows them
	removed string          // the conversation that left the list
}

func newThreadHistory(rng *rand.Rand, n int) []threadState {
	h := []threadState{{}}
	for v := events.Seq(1); len(h) <= n; v += events.Seq(1 + rng.IntN(3)) {
		s := threadState{version: v, threads: slices.Clone(h[len(h)-1].threads)}
		x := events.Thread{
			Conversation: fmt.Sprintf("group_g%d", rng.IntN(3)), Thread: fmt.Sprintf("t%d", rng.IntN(4)),
			Unread: uint64(rng.IntN(5)), Following: true, Version: v,
		}
		at := slices.IndexFunc(s.threads, func(y events.Thread) bool { return threadKey(&y) == threadKey(&x) })
		switch {
		case rng.IntN(8) == 0:
			s.removed = x.Conversation
			s.threads = slices.DeleteFunc(s.threads, func(y events.Thread) bool { return y.Conversation == x.Conversation })
		case at < 0:
			s.threads = slices.Insert(s.threads, 0, x)
		case rng.IntN(4) == 0:
			s.threads = slices.Delete(s.threads, at, at+1)
			x.Following = false
			s.ended = []events.Thread{x}
		case rng.IntN(2) == 0: // a message: to the top
			s.threads = slices.Insert(slices.Delete(s.threads, at, at+1), 0, x)
		default:
			s.threads[at] = x
		}
		h = append(h, s)
	}
	return h
}

type threadPlayer struct {
	h    []threadState
	rng  *rand.Rand
	book *book
	sent int // events up to this state were sent
}

// play loses some events, then reads while events come, again where the threads
// moved meanwhile, and does so again now and then.
func (p *threadPlayer) play() error {
	for again := true; again; again = p.rng.IntN(2) == 0 {
		p.sent += p.rng.IntN(len(p.h) - p.sent) // lost
		for moved := true; moved; {
			p.book.begin(true)
			r := p.read()
			for p.sent < len(p.h)-1 && p.rng.IntN(2) == 0 {
				p.event()
			}
			if err := p.check(func() { p.book.enterReading(r) }); err != nil {
				return err
			}
			moved = r.moved
		}
	}
	for p.sent < len(p.h)-1 {
		if err := p.check(p.event); err != nil {
			return err
		}
	}
	return nil
}

// event sends the next event, of one state or of several merged ones: threads that
// are followed and have changed, those whose following ended, and the
// conversations that left the list.
func (p *threadPlayer) event() {
	from := p.sent
	p.sent = min(len(p.h)-1, p.sent+1+p.rng.IntN(3))
	last := p.h[p.sent]
	e := &events.Change{Version: last.version}
	followed := map[string]bool{}
	for _, v := range last.threads {
		followed[threadKey(&v)] = true
		if v.Version > p.h[from].version {
			e.Threads = append(e.Threads, v)
		}
	}
	removed := map[string]bool{}
	for _, s := range p.h[from+1 : p.sent+1] {
		for _, v := range s.ended {
			if !followed[threadKey(&v)] {
				e.Threads = append(e.Threads, v)
			}
		}
		if s.removed != "" {
			removed[s.removed] = true
		}
	}
	// One that is back in the list when the event is made is not reported as removed;
	// its threads that ended are, each for itself.
	for name := range removed {
		back := slices.ContainsFunc(last.threads, func(v events.Thread) bool { return v.Conversation == name })
		if !back {
			e.Removed = append(e.Removed, name)
			continue
		}
		for _, v := range p.h[from].threads {
			if v.Conversation == name && !followed[threadKey(&v)] {
				v.Following, v.Version = false, last.version
				e.Threads = append(e.Threads, v)
			}
		}
	}
	p.book.enterChange(e, false)
}

// read reads pages of two; the state may move on between two pages, and events
// may be entered.
func (p *threadPlayer) read() *reading {
	const size = 2
	at := p.sent
	for p.h[at].version < p.book.version {
		at++
	}
	r := &reading{version: p.h[at].version, totalsAt: p.h[at].version, followed: true, threadsAt: p.h[at].version}
	seen := map[string]bool{}
	for {
		s := p.h[at]
		r.moved = r.moved || s.version != r.threadsAt
		n := 0
		for _, v := range s.threads {
			if key := threadKey(&v); !seen[key] && n < size {
				seen[key] = true
				r.threads = append(r.threads, v)
				n++
			}
		}
		if n < size {
			return r
		}
		if p.rng.IntN(3) == 0 {
			at += p.rng.IntN(min(3, len(p.h)-at))
		}
		for p.sent < at && p.rng.IntN(2) == 0 {
			p.event()
		}
		at = max(at, p.sent)
	}
}

// check does something to the book and checks that no version went backward.
func (p *threadPlayer) check(do func()) error {
	before := maps.Clone(p.book.threads)
	do()
	for key, v := range p.book.threads {
		if v.Version < before[key].Version {
			return fmt.Errorf("%q: version %d comes after %d", key, v.Version, before[key].Version)
		}
	}
	return nil
}

// TestBookFilters: the totals of filters are those of the newest event or reading,
// and none are kept where none are sent.
func TestBookFilters(t *testing.T) {
	t.Parallel()
	b := newBook()
	one := events.NamedTotals{"work": {Unread: 1}}
	two := events.NamedTotals{"work": {Unread: 2}}
	b.enterChange(&events.Change{Version: 5, Filters: two}, false)
	b.enterReading(&reading{version: 4, totalsAt: 4, filters: &one})
	if !maps.Equal(b.filters, two) {
		t.Errorf("an older reading left %+v", b.filters)
	}
	b.enterReading(&reading{version: 6, totalsAt: 6})
	if !maps.Equal(b.filters, two) {
		t.Errorf("a reading that did not ask left %+v", b.filters)
	}
	b.enterChange(&events.Change{Version: 7}, false)
	if len(b.filters) > 0 {
		t.Errorf("all are dropped, and %+v is left", b.filters)
	}
}

// TestBookAddsUp: what conversations put into the totals (rules total, level and
// label).
func TestBookAddsUp(t *testing.T) {
	t.Parallel()
	c := func(v events.Conversation) events.Conversation {
		v.Conversation, v.Unread, v.Mentions = "group_g", 5, 2
		v.Threads = events.ThreadTotals{Unread: 7, Mentions: 3, Threads: 2}
		return v
	}
	whole := events.Totals{Unread: 5, Group: 5, Mentions: 2, Conversations: 1, Threads: events.ThreadTotals{Unread: 7, Mentions: 3, Threads: 2}}
	mentions := events.Totals{Unread: 2, Group: 2, Mentions: 2, Conversations: 1, Threads: events.ThreadTotals{Unread: 3, Mentions: 3, Threads: 1}}
	for _, x := range []struct {
		what string
		c    events.Conversation
		want events.Totals
	}{
		{"level all", c(events.Conversation{}), whole},
		{"level all, a label", c(events.Conversation{Labels: []string{"pinned"}}), whole},
		{"level mentions", c(events.Conversation{Level: "mentions"}), mentions},
		{"level none", c(events.Conversation{Level: "none", Muted: true}), events.Totals{Muted: 5}},
		{"archived", c(events.Conversation{Level: "mentions", Labels: []string{"a", "archived"}}), events.Totals{Muted: 5}},
		{"the mark", events.Conversation{Conversation: "c2c_bob", MarkedUnread: true}, events.Totals{Conversations: 1}},
		{"the mark at level mentions", events.Conversation{Conversation: "c2c_bob", MarkedUnread: true, Level: "mentions"}, events.Totals{}},
	} {
		b := newBook()
		x.c.Version = 1
		if _, whole := b.enterChange(&events.Change{Version: 1, Totals: x.want, Conversations: []events.Conversation{x.c}}, false); !whole {
			t.Errorf("%s sums up to %+v, want %+v", x.what, b.sum, x.want)
		}
		b.enterChange(&events.Change{Version: 2, Removed: []string{x.c.Conversation}}, false)
		if b.sum != (events.Totals{}) {
			t.Errorf("%s: the empty list sums up to %+v", x.what, b.sum)
		}
	}
}

// TestFigures: of each message the last figures are kept, of a group at most so
// many.
func TestFigures(t *testing.T) {
	t.Parallel()
	var f figures
	event := func(version events.Seq, group, id string, read uint64) {
		f.add(&events.GroupReceipts{User: "bob", Version: version, At: events.Time(version), Group: group,
			Receipts: []events.GroupReceipt{{ID: id, Read: read, Members: 9}}})
	}
	event(1, "team", "m1", 1)
	event(2, "crew", "m1", 1)
	event(3, "team", "m2", 1)
	event(4, "team", "m1", 2)
	want := []events.GroupReceipts{
		{User: "bob", Version: 4, At: 4, Group: "team", Receipts: []events.GroupReceipt{{ID: "m2", Read: 1, Members: 9}, {ID: "m1", Read: 2, Members: 9}}},
		{User: "bob", Version: 2, At: 2, Group: "crew", Receipts: []events.GroupReceipt{{ID: "m1", Read: 1, Members: 9}}},
	}
	if diff := cmp.Diff(want, f.take()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	for i := range 2 * maxFigures {
		event(events.Seq(i), "team", fmt.Sprint("m", i), 1)
	}
	kept := f.take()
	if n := len(kept[0].Receipts); n != maxFigures || kept[0].Receipts[n-1].ID != fmt.Sprint("m", 2*maxFigures-1) {
		t.Errorf("%d are kept", n)
	}
	if f.take() != nil {
		t.Error("some are taken twice")
	}
}
