package client

import (
	"cmp"
	"slices"
	"strings"

	"reddot/events"
)

// book is what is known of one user: everything that events said and readings
// of the list showed. Each datum carries the version it is of, and the newer
// one stays, so events and readings may be entered in any order in which they
// can arrive.
//
// Invariant: no version in the book goes backward.
type book struct {
	version  events.Seq // change events below it have nothing new
	totals   events.Totals
	totalsAt events.Seq // the version the totals are of
	list     map[string]events.Conversation
	sum      events.Totals // of list; see addsUp

	filters   events.NamedTotals // the totals of the user's filters
	filtersAt events.Seq         // the version they are of

	threads  map[string]events.Thread  // those that the user follows, by threadKey; nil until somebody wants them
	receipts map[string]events.Receipt // the last one by receiptKey

	// gone are the conversations that events removed while the state is being
	// read, and the threads that were followed until then, with the event's
	// version: a page may still show them. nil while nothing is read.
	gone map[string]events.Seq

	// torn says that the list is not what the totals are of, and that events
	// which mend that are on their way.
	torn bool
}

func newBook() book {
	return book{list: map[string]events.Conversation{}, receipts: map[string]events.Receipt{}}
}

// begin prepares the book for a reading.
func (b *book) begin(threads bool) {
	b.gone = map[string]events.Seq{}
	if threads && b.threads == nil {
		b.threads = map[string]events.Thread{}
	}
}

// reading is a user's state as it was read, page by page.
type reading struct {
	version       events.Seq    // of the first page; what changed later comes as events
	totals        events.Totals // of the last page of the list
	totalsAt      events.Seq    // version of that page
	conversations []events.Conversation

	filters *events.NamedTotals // of the version of totals; nil: not asked for

	followed  bool // threads were asked for
	threads   []events.Thread
	threadsAt events.Seq // version of their first page
	moved     bool       // they changed while they were read
}

// touched is what looks different now or is gone.
type touched struct {
	conversations []string // names
	threads       []string // by threadKey
}

// enterChange enters a change event. more says that further events of the same
// version follow. whole is false if the list does not add up to the totals,
// which means that an event is missing; while the list is being read, the
// reading will show it.
func (b *book) enterChange(c *events.Change, more bool) (t touched, whole bool) {
	if c.Version < b.version {
		return t, true
	}
	b.version = c.Version
	b.enterTotals(c.Totals, c.Version)
	b.enterFilters(c.Filters, c.Version)
	for _, v := range c.Conversations {
		if b.put(v) {
			t.conversations = append(t.conversations, v.Conversation)
		}
	}
	for _, name := range c.Removed {
		if known, ok := b.list[name]; ok && known.Version <= c.Version {
			b.drop(name)
			t.conversations = append(t.conversations, name)
		}
		if b.gone != nil {
			b.gone[name] = c.Version
		}
	}
	t.threads = b.enterThreads(c)
	whole = b.addsUp()
	// A reading may know newer totals than the events that came so far.
	b.torn = more || !whole && (c.Version < b.totalsAt || b.gone != nil)
	return t, whole || b.torn
}

// enterReading enters a reading. What changed after its version stays: events
// reported it.
func (b *book) enterReading(r *reading) (t touched) {
	seen := make(map[string]struct{}, len(r.conversations))
	for _, v := range r.conversations {
		seen[v.Conversation] = struct{}{}
		if b.gone[v.Conversation] < v.Version && b.put(v) {
			t.conversations = append(t.conversations, v.Conversation)
		}
	}
	present := len(t.conversations)
	for name, v := range b.list {
		if _, ok := seen[name]; !ok && v.Version <= r.version {
			b.drop(name)
			t.conversations = append(t.conversations, name)
		}
	}
	slices.Sort(t.conversations[present:])
	t.threads = b.enterFollowed(r)
	b.enterTotals(r.totals, r.totalsAt)
	if r.filters != nil {
		b.enterFilters(*r.filters, r.totalsAt)
	}
	b.version = max(b.version, r.version)
	b.gone = nil
	b.torn = !b.addsUp()
	return t
}

// enterReceipt enters a receipt and reports whether it is news.
func (b *book) enterReceipt(r events.Receipt) bool {
	key := receiptKey(r.Peer, r.Thread)
	if known, ok := b.receipts[key]; ok && known.Version >= r.Version {
		return false
	}
	b.receipts[key] = r
	return true
}

// receiptKey names the receipts of a peer for one thread, or, where that is
// empty, for all else.
func receiptKey(peer, thread string) string {
	if thread == "" {
		return peer
	}
	return peer + "\x00" + thread // no id holds a NUL
}

func (b *book) enterTotals(t events.Totals, at events.Seq) {
	if at >= b.totalsAt {
		b.totals, b.totalsAt = t, at
	}
}

func (b *book) enterFilters(f events.NamedTotals, at events.Seq) {
	if at >= b.filtersAt {
		b.filters, b.filtersAt = f, at
	}
}

// addsUp reports whether the list adds up to the totals (rule total). In how
// many threads of a conversation at level "mentions" there are some, no
// conversation says.
func (b *book) addsUp() bool {
	sum, totals := b.sum, b.totals
	sum.Threads.Threads, totals.Threads.Threads = 0, 0
	return sum == totals
}

// put enters a conversation unless a newer one is known, and reports whether it
// looks different. A version may grow without that, as when a message is
// recalled that the user has read (rule quiet).
func (b *book) put(v events.Conversation) bool {
	known, ok := b.list[v.Conversation]
	if ok && known.Version >= v.Version {
		return false
	}
	if ok {
		b.drop(v.Conversation)
	}
	b.list[v.Conversation] = v
	count(&b.sum, &v, 1)
	return !ok || !looksSame(known, v)
}

// drop takes a conversation off the list.
func (b *book) drop(name string) {
	v := b.list[name]
	count(&b.sum, &v, ^uint64(0))
	delete(b.list, name)
}

// count adds a conversation to a sum, times 1 or, to take it off, -1 (rules total,
// level and label).
func count(sum *events.Totals, v *events.Conversation, times uint64) {
	if v.Muted || slices.Contains(v.Labels, events.LabelArchived) {
		sum.Muted += times * v.Unread
		return
	}
	unread, marked, threads := v.Unread, v.MarkedUnread, v.Threads
	if v.Level == events.LevelMentions.String() {
		unread, marked, threads.Unread = v.Mentions, false, threads.Mentions
	}
	sum.Unread += times * unread
	sum.Mentions += times * v.Mentions
	if strings.HasPrefix(v.Conversation, C2C("")) {
		sum.C2C += times * unread
	} else {
		sum.Group += times * unread
	}
	if unread > 0 || marked {
		sum.Conversations += times
	}
	sum.Threads.Unread += times * threads.Unread
	sum.Threads.Mentions += times * threads.Mentions
	sum.Threads.Threads += times * threads.Threads
}

// looksSame compares all but the versions.
func looksSame(a, b events.Conversation) bool {
	a.Version, b.Version = 0, 0
	return a.Equal(b)
}

// order lists every conversation of the book as a reading showed them, those
// that are newer than it in front.
func (b *book) order(r *reading) []string {
	read := make([]string, len(r.conversations))
	for i, v := range r.conversations {
		read[i] = v.Conversation
	}
	return ordered(read, b.list, func(v events.Conversation) events.Seq { return v.Version })
}

// ordered lists the names of what is known in the order in which they were read,
// those that were not in front, the newest first.
func ordered[V any](read []string, known map[string]V, version func(V) events.Seq) []string {
	names := make([]string, 0, len(known))
	seen := make(map[string]struct{}, len(read))
	for _, name := range read {
		_, twice := seen[name]
		seen[name] = struct{}{}
		if _, there := known[name]; there && !twice {
			names = append(names, name)
		}
	}
	var newer []string
	for name := range known {
		if _, ok := seen[name]; !ok {
			newer = append(newer, name)
		}
	}
	slices.SortFunc(newer, func(x, y string) int {
		return cmp.Or(cmp.Compare(version(known[y]), version(known[x])), cmp.Compare(x, y))
	})
	return append(newer, names...)
}

// receiptKeys lists the peers, and their threads, with a receipt, in the order in
// which they read.
func (b *book) receiptKeys() []string {
	keys := make([]string, 0, len(b.receipts))
	for key := range b.receipts {
		keys = append(keys, key)
	}
	slices.SortFunc(keys, func(x, y string) int {
		return cmp.Compare(b.receipts[x].Version, b.receipts[y].Version)
	})
	return keys
}
