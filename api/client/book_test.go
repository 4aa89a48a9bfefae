package client

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"reddot/events"
	"reddot/projector/testkit"
)

// TestBookConverges plays random histories of a user to a book: events in
// their order, some of them lost before a reading, and readings whose pages are
// of different versions, with events coming before, between and after. In the
// end the book shows the last state.
//
// Invariant: no version in the book goes backward.
func TestBookConverges(t *testing.T) {
	t.Parallel()
	seed := testkit.Seed(t)
	for run := range uint64(testkit.Effort(1_000)) {
		rng := rand.New(rand.NewPCG(seed, run))
		h := newHistory(rng, 5+rng.IntN(40))
		b := newBook()
		r := &reader{h: h, rng: rng, book: &b}
		if err := r.play(); err != nil {
			t.Fatalf("run %d: %v", run, err)
		}
		if diff := cmp.Diff(h.last().list(), b.list); diff != "" {
			t.Fatalf("run %d: the book differs (-want +got):\n%s", run, diff)
		}
		if b.totals != b.sum || b.totals != h.last().totals() {
			t.Fatalf("run %d: totals %+v, want %+v", run, b.totals, h.last().totals())
		}
	}
}

// state is a user's list at one version, newest activity first.
type state struct {
	version events.Seq
	order   []events.Conversation
}

func (s state) list() map[string]events.Conversation {
	list := map[string]events.Conversation{}
	for _, v := range s.order {
		list[v.Conversation] = v
	}
	return list
}

func (s state) totals() (t events.Totals) {
	for i := range s.order {
		count(&t, &s.order[i], 1)
	}
	return t
}

// history is a user's states, one after the other.
type history []state

func (h history) last() state { return h[len(h)-1] }

// newHistory draws a history.
func newHistory(rng *rand.Rand, n int) history {
	h := history{{}}
	for v := events.Seq(1); len(h) <= n; v += events.Seq(1 + rng.IntN(3)) {
		s := state{version: v, order: slices.Clone(h.last().order)}
		name := fmt.Sprintf("c2c_p%d", rng.IntN(8))
		at := slices.IndexFunc(s.order, func(c events.Conversation) bool { return c.Conversation == name })
		c := events.Conversation{Conversation: name, Version: v, Unread: uint64(rng.IntN(5)), Threads: events.ThreadTotals{Unread: uint64(rng.IntN(3))}}
		c.Mentions = uint64(rng.IntN(int(c.Unread) + 1))
		switch rng.IntN(8) {
		case 0, 1:
			c.Muted, c.Level = true, "none"
		case 2, 3:
			c.Level = "mentions"
		case 4:
			c.Labels = []string{"archived", "pinned"}
		}
		switch {
		case at < 0:
			s.order = slices.Insert(s.order, 0, c)
		case rng.IntN(4) == 0:
			s.order = slices.Delete(s.order, at, at+1)
		case rng.IntN(2) == 0: // a message: to the top
			s.order = slices.Insert(slices.Delete(s.order, at, at+1), 0, c)
		default: // a read: it stays
			s.order[at] = c
		}
		h = append(h, s)
	}
	return h
}

// change is the event that leads from one state to a later one. It names as
// removed also what came and went in between.
func (h history) change(from, to int) *events.Change {
	last := h[to].list()
	c := &events.Change{Version: h[to].version, Totals: h[to].totals()}
	for _, v := range h[to].order {
		if v.Version > h[from].version {
			c.Conversations = append(c.Conversations, v)
		}
	}
	gone := map[string]bool{}
	for _, s := range h[from:to] {
		for name := range s.list() {
			if _, ok := last[name]; !ok {
				gone[name] = true
			}
		}
	}
	c.Removed = slices.Sorted(maps.Keys(gone))
	return c
}

// reader feeds a book from a history.
type reader struct {
	h    history
	rng  *rand.Rand
	book *book
	sent int // events up to this state were sent
}

// play loses some events, then subscribes and reads while events come, and
// does so again now and then.
func (r *reader) play() error {
	for first := true; first || r.rng.IntN(2) == 0; first = false {
		r.sent += r.rng.IntN(len(r.h) - r.sent) // lost
		r.book.gone = map[string]events.Seq{}
		if err := r.enter(r.read()); err != nil {
			return err
		}
	}
	for r.sent < len(r.h)-1 {
		if err := r.event(); err != nil {
			return err
		}
	}
	return nil
}

// event sends the next event, of one state or of several merged ones, in one
// part or in two.
func (r *reader) event() error {
	from := r.sent
	r.sent = min(len(r.h)-1, r.sent+1+r.rng.IntN(3))
	e := r.h.change(from, r.sent)
	if len(e.Conversations) < 2 || r.rng.IntN(2) == 0 {
		return r.enterChange(e, false)
	}
	second := *e
	e.Conversations, second.Conversations = e.Conversations[:1], e.Conversations[1:]
	if r.rng.IntN(2) == 0 {
		second.Removed = nil
	} else {
		e.Removed = nil
	}
	if err := r.enterChange(e, true); err != nil {
		return err
	}
	return r.enterChange(&second, false)
}

// enterChange enters an event. Since none was lost after the reading, there
// must be no alarm.
func (r *reader) enterChange(e *events.Change, more bool) error {
	return r.check(func() error {
		if _, whole := r.book.enterChange(e, more); !whole {
			return fmt.Errorf("version %d: an event is thought to be missing", e.Version)
		}
		return nil
	})
}

// read reads pages of two. The state may move on between two pages, and events
// may be entered.
func (r *reader) read() *reading {
	const size = 2
	out := &reading{}
	at := r.sent // the events sent so far are shown at least,
	for r.h[at].version < r.book.version {
		at++ // and what the book knows, for that is asked for
	}
	after := ""
	for page := 0; ; page++ {
		at = max(at, r.sent)
		at += r.rng.IntN(min(3, len(r.h)-at))
		s := r.h[at]
		if page == 0 {
			out.version = s.version
		}
		out.totals, out.totalsAt = s.totals(), s.version
		rest := r.behind(s, after)
		out.conversations = append(out.conversations, rest[:min(size, len(rest))]...)
		if len(rest) <= size {
			return out
		}
		after = r.cursor(s, rest[size-1])
		for r.sent < at && r.rng.IntN(2) == 0 {
			if err := r.event(); err != nil {
				panic(err)
			}
		}
	}
}

// The cursor is a place in the order by activity. A conversation's activity is
// the version that moved it to the top last.
func (r *reader) activity(s state, name string) events.Seq {
	var activity events.Seq
	listed := false
	for _, x := range r.h {
		if x.version > s.version {
			break
		}
		at := slices.IndexFunc(x.order, func(c events.Conversation) bool { return c.Conversation == name })
		if at == 0 && (!listed || x.order[0].Version == x.version) {
			activity = x.version
		}
		listed = at >= 0
	}
	return activity
}

func (r *reader) cursor(s state, c events.Conversation) string {
	return fmt.Sprint(r.activity(s, c.Conversation))
}

func (r *reader) behind(s state, cursor string) []events.Conversation {
	if cursor == "" {
		return s.order
	}
	var place events.Seq
	if _, err := fmt.Sscan(cursor, &place); err != nil {
		panic(err)
	}
	return slices.DeleteFunc(slices.Clone(s.order), func(c events.Conversation) bool {
		return r.activity(s, c.Conversation) >= place
	})
}

// enter enters a reading, after some of the events that came meanwhile.
func (r *reader) enter(out *reading) error {
	for r.sent < len(r.h)-1 && r.rng.IntN(2) == 0 {
		if err := r.event(); err != nil {
			return err
		}
	}
	return r.check(func() error {
		r.book.enterReading(out)
		return nil
	})
}

// check does something to the book and checks that no version went backward,
// and that a list which is not said to be torn adds up.
func (r *reader) check(do func() error) error {
	before, version, totalsAt := maps.Clone(r.book.list), r.book.version, r.book.totalsAt
	if err := do(); err != nil {
		return err
	}
	if !r.book.torn && r.book.sum != r.book.totals {
		return fmt.Errorf("rule total: %+v, the list sums up to %+v", r.book.totals, r.book.sum)
	}
	if r.book.version < version || r.book.totalsAt < totalsAt {
		return fmt.Errorf("version %d, totals %d come after %d, %d", r.book.version, r.book.totalsAt, version, totalsAt)
	}
	for name, c := range r.book.list {
		if c.Version < before[name].Version {
			return fmt.Errorf("%s: version %d comes after %d", name, c.Version, before[name].Version)
		}
	}
	return nil
}

// TestBookQuiet checks what counts as a visible change.
func TestBookQuiet(t *testing.T) {
	t.Parallel()
	b := newBook()
	at := func(version events.Seq, last *events.LastMessage) *events.Change {
		return &events.Change{Version: version, Conversations: []events.Conversation{{Conversation: "group_g", Version: version, LastMessage: last}}}
	}
	for _, x := range []struct {
		what string
		c    *events.Change
		want string
	}{
		{"new", at(1, nil), "group_g"},
		{"the same again", at(1, nil), ""},
		{"a newer version that looks the same", at(2, nil), ""},
		{"a message", at(3, &events.LastMessage{ID: "m"}), "group_g"},
		{"the same message", at(4, &events.LastMessage{ID: "m"}), ""},
		{"another", at(5, &events.LastMessage{ID: "n"}), "group_g"},
		{"an old version", at(4, &events.LastMessage{ID: "m"}), ""},
		{"removed", &events.Change{Version: 6, Removed: []string{"group_g"}}, "group_g"},
		{"removed again", &events.Change{Version: 6, Removed: []string{"group_g"}}, ""},
	} {
		if touched, _ := b.enterChange(x.c, false); strings.Join(touched.conversations, " ") != x.want {
			t.Errorf("%s: touched %q, want %q", x.what, touched.conversations, x.want)
		}
	}
	if b.sum != b.totals {
		t.Errorf("the empty list sums up to %+v", b.sum)
	}
}

// TestBookReceipts checks that the newer receipt stays.
func TestBookReceipts(t *testing.T) {
	t.Parallel()
	b := newBook()
	for _, x := range []struct {
		version events.Seq
		news    bool
	}{{5, true}, {5, false}, {4, false}, {9, true}} {
		if news := b.enterReceipt(events.Receipt{Peer: "bob", Version: x.version}); news != x.news {
			t.Errorf("receipt with version %d: news %v", x.version, news)
		}
	}
	if b.enterReceipt(events.Receipt{Peer: "carol", Version: 7}); !slices.Equal(b.receiptKeys(), []string{"carol", "bob"}) {
		t.Errorf("receipts of %v", b.receiptKeys())
	}
}
