package client

import (
	"cmp"
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"

	"reddot/events"
)

// TestVectors plays testdata/book: the JavaScript client has to tell the same. Its README.md
// says how they read.
func TestVectors(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("../../testdata/book/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatalf("no vectors: %v", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
			t.Parallel()
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			v := newVector()
			for block := range strings.SplitSeq(string(text), "\n\n") {
				v.play(t, block)
			}
		})
	}
}

// vector is a feed without a connection, and one listener.
type vector struct {
	f       *feed
	s       *Subscription
	reading *reading // since a reset
	late    []string // receipts that came during it
	filters bool     // some have been told
	told    []string
}

func newVector() *vector {
	f := &feed{client: &Client{opts: Options{Logger: slog.New(slog.DiscardHandler)}}, user: &User{id: "alice"}, wake: make(chan struct{}, 1)}
	f.mu.book, f.mu.listeners, f.mu.permitted, f.mu.online = newBook(), map[*Subscription]struct{}{}, true, true
	v := &vector{f: f}
	v.s = &Subscription{
		feed: f, wake: make(chan struct{}, 1), quit: make(chan struct{}), ready: make(chan struct{}),
		reported: map[string]events.Seq{}, reportedThreads: map[string]events.Seq{}, reportedReceipts: map[string]events.Seq{},
		listener: Listener{
			ConversationsChanged: func(all []events.Conversation) { v.tell("changed", sorted(all, showConversation)) },
			ConversationsRemoved: func(names []string) { v.tell("deleted", sorted(names, func(s string) string { return s })) },
			ThreadsChanged:       func(all []events.Thread) { v.tell("thread", sorted(all, showThread)) },
			ThreadsRemoved: func(all []ThreadName) {
				v.tell("unfollowed", sorted(all, func(n ThreadName) string { return n.Conversation + "/" + n.Thread }))
			},
			TotalUnreadChanged: func(now events.Totals) { v.told = append(v.told, fmt.Sprintf("totals %d", now.Unread)) },
			FiltersChanged:     v.tellFilters,
			C2CReadReceipt:     func(all []events.Receipt) { v.tell("receipt", sorted(all, showReceipt)) },
			GroupReadReceipt:   v.tellReaders,
			Error:              func(err error) { v.told = append(v.told, "error "+err.Error()) },
		},
	}
	f.add(v.s)
	return v
}

func (v *vector) tell(what string, items []string) {
	v.told = append(v.told, what+" "+strings.Join(items, " "))
}

// tellFilters leaves out that a user who keeps none has none.
func (v *vector) tellFilters(all events.NamedTotals) {
	var items []string
	for name, of := range all {
		items = append(items, fmt.Sprintf("%s=%d", name, of.Unread))
	}
	slices.Sort(items)
	if v.filters = v.filters || len(items) > 0; v.filters {
		v.told = append(v.told, strings.TrimSpace("filters "+strings.Join(items, " ")))
	}
}

func (v *vector) tellReaders(all []events.GroupReceipts) {
	var items []string
	for _, g := range all {
		for _, r := range g.Receipts {
			items = append(items, fmt.Sprintf("%s/%s=%d/%d", g.Group, r.ID, r.Read, r.Members))
		}
	}
	slices.Sort(items)
	v.tell("readers", items)
}

// play enters a block's events and compares what is told then.
func (v *vector) play(t *testing.T, block string) {
	t.Helper()
	entered, want, found := strings.Cut(block, "----")
	if !found {
		t.Fatalf("no ---- in %q", block)
	}
	for line := range strings.Lines(entered) {
		if name, data, ok := strings.Cut(strings.TrimSpace(line), " "); ok && name != "#" {
			if err := v.enter(name, []byte(data)); err != nil {
				t.Fatalf("%s: %v", line, err)
			}
		}
	}
	v.told = nil
	for r := v.s.next(); !r.empty(); r = v.s.next() {
		v.s.report(&r)
	}
	if diff := gocmp.Diff(asTold(want), v.told); diff != "" {
		t.Errorf("%s(-want +told):\n%s", entered, diff)
	}
}

// asTold is what a block wants as this client tells it: with one call for conversations
// that are new and for those that have changed, here in the order of their names.
func asTold(want string) (told []string) {
	var changed []string
	for line := range strings.SplitSeq(strings.TrimSpace(want), "\n") {
		what, rest, _ := strings.Cut(line, " ")
		items := strings.Fields(rest)
		slices.Sort(items)
		switch what {
		case "":
		case "new", "changed":
			changed = append(changed, items...)
		default:
			told = append(told, strings.TrimSpace(what+" "+strings.Join(items, " ")))
		}
	}
	if len(changed) > 0 {
		slices.Sort(changed)
		told = slices.Insert(told, 0, "changed "+strings.Join(changed, " "))
	}
	return told
}

// streamed is the data of any event of a stream.
type streamed struct {
	events.Change
	Receipts []struct {
		events.Receipt
		Group   string `json:"group"`
		ID      string `json:"id"`
		Read    uint64 `json:"read"`
		Members uint64 `json:"members"`
	} `json:"receipts"`
	More bool `json:"more"`
}

func (v *vector) enter(name string, data []byte) error {
	var e streamed
	if err := json.Unmarshal(data, &e); err != nil {
		return err
	}
	f := v.f
	switch {
	case name == "reset":
		f.mu.Lock()
		if f.missed(); f.mu.listed == 0 {
			v.s.since = f.mu.asked
		}
		f.mu.book.begin(true)
		f.mu.Unlock()
		v.reading, v.late = &reading{followed: true}, nil
	case name == "live" && v.reading != nil:
		f.enter(f.mu.asked, v.reading)
		f.mu.Lock()
		defer f.mu.Unlock()
		f.mu.settled, v.reading = f.mu.asked, nil
		f.markReceipts(v.late)
	case name == "live":
	case name == "receipts":
		v.receive(&e)
	case name != "change":
		return fmt.Errorf("no event %q", name)
	case v.reading != nil:
		r := v.reading
		r.version, r.totals, r.totalsAt, r.filters, r.threadsAt = e.Version, e.Totals, e.Version, &e.Filters, e.Version
		r.conversations, r.threads = append(r.conversations, e.Conversations...), append(r.threads, e.Threads...)
	default:
		f.mu.Lock()
		defer f.mu.Unlock()
		touched, whole := f.mu.book.enterChange(&e.Change, e.More)
		f.mark(touched)
		if !whole {
			return fmt.Errorf("an event is thought to be missing before version %d", e.Version)
		}
	}
	return nil
}

func (v *vector) receive(e *streamed) {
	f := v.f
	f.mu.Lock()
	defer f.mu.Unlock()
	for i := range e.Receipts {
		r := &e.Receipts[i]
		if r.Group != "" {
			f.markFigures(&events.GroupReceipts{Version: r.Version, Group: r.Group, Receipts: []events.GroupReceipt{{ID: r.ID, Read: r.Read, Members: r.Members}}})
			continue
		}
		if !f.mu.book.enterReceipt(r.Receipt) {
			continue
		}
		key := receiptKey(r.Peer, r.Thread)
		if v.reading != nil {
			v.late = append(v.late, key)
		} else {
			f.markReceipts([]string{key})
		}
	}
}

func sorted[T any](all []T, show func(T) string) []string {
	items := make([]string, len(all))
	for i, x := range all {
		items[i] = show(x)
	}
	slices.SortFunc(items, cmp.Compare)
	return items
}

func showCount(unread, mentions uint64) string {
	if mentions == 0 {
		return fmt.Sprint(unread)
	}
	return fmt.Sprintf("%d/%d", unread, mentions)
}

func showConversation(c events.Conversation) string {
	return c.Conversation + "=" + showCount(c.Unread, c.Mentions)
}

func showThread(v events.Thread) string {
	return v.Conversation + "/" + v.Thread + "=" + showCount(v.Unread, v.Mentions)
}

func showReceipt(r events.Receipt) string {
	if r.Thread == "" {
		return r.Peer + "=" + r.Upto
	}
	return r.Peer + "/" + r.Thread + "=" + r.Upto
}
