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
	sum      events.Totals             // of list; equals totals if nothing is missing (rule total)
	receipts map[string]events.Receipt // the last one by peer

	// gone are the conversations that events removed while the list is being
	// read, with the event's version: a page may still show them. nil while it
	// is not being read.
	gone map[string]events.Seq

	// torn says that the list is not what the totals are of, and that events
	// which mend that are on their way.
	torn bool
}

func newBook() book {
	return book{list: map[string]events.Conversation{}, receipts: map[string]events.Receipt{}}
}

// reading is a user's list as it was read, page by page.
type reading struct {
	version       events.Seq    // of the first page; what changed later comes as events
	totals        events.Totals // of the last page
	totalsAt      events.Seq    // version of the last page
	conversations []events.Conversation
}

// enterChange enters a change event and returns the conversations that look
// different now or are gone. more says that further events of the same
// version follow. whole is false if the list does not add up to the totals,
// which means that an event is missing; while the list is being read, the
// reading will show it.
func (b *book) enterChange(c *events.Change, more bool) (touched []string, whole bool) {
	if c.Version < b.version {
		return nil, true
	}
	b.version = c.Version
	b.enterTotals(c.Totals, c.Version)
	for _, v := range c.Conversations {
		if b.put(v) {
			touched = append(touched, v.Conversation)
		}
	}
	for _, name := range c.Removed {
		if known, ok := b.list[name]; ok && known.Version <= c.Version {
			b.drop(name)
			touched = append(touched, name)
		}
		if b.gone != nil {
			b.gone[name] = c.Version
		}
	}
	whole = b.sum == b.totals
	// A reading may know newer totals than the events that came so far.
	b.torn = more || !whole && (c.Version < b.totalsAt || b.gone != nil)
	return touched, whole || b.torn
}

// enterReading enters a whole list and returns the conversations that look
// different now or are gone. What changed after the reading's version stays:
// events reported it.
func (b *book) enterReading(r *reading) (touched []string) {
	seen := make(map[string]struct{}, len(r.conversations))
	for _, v := range r.conversations {
		seen[v.Conversation] = struct{}{}
		if b.gone[v.Conversation] < v.Version && b.put(v) {
			touched = append(touched, v.Conversation)
		}
	}
	present := len(touched)
	for name, v := range b.list {
		if _, ok := seen[name]; !ok && v.Version <= r.version {
			b.drop(name)
			touched = append(touched, name)
		}
	}
	slices.Sort(touched[present:])
	b.enterTotals(r.totals, r.totalsAt)
	b.version = max(b.version, r.version)
	b.gone = nil
	b.torn = b.sum != b.totals
	return touched
}

// enterReceipt enters a receipt and reports whether it is news.
func (b *book) enterReceipt(r events.Receipt) bool {
	if known, ok := b.receipts[r.Peer]; ok && known.Version >= r.Version {
		return false
	}
	b.receipts[r.Peer] = r
	return true
}

func (b *book) enterTotals(t events.Totals, at events.Seq) {
	if at >= b.totalsAt {
		b.totals, b.totalsAt = t, at
	}
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

// count adds a conversation to a sum, times 1 or, to take it off, -1.
func count(sum *events.Totals, v *events.Conversation, times uint64) {
	if v.Muted {
		sum.Muted += times * v.Unread
		return
	}
	sum.Unread += times * v.Unread
	sum.Mentions += times * v.Mentions
	if strings.HasPrefix(v.Conversation, C2C("")) {
		sum.C2C += times * v.Unread
	} else {
		sum.Group += times * v.Unread
	}
	if v.Unread > 0 || v.MarkedUnread {
		sum.Conversations += times
	}
}

// looksSame compares all but the versions.
func looksSame(a, b events.Conversation) bool {
	a.Version, b.Version = 0, 0
	return a.Equal(b)
}

// order lists every conversation of the book as a reading showed them, those
// that are newer than it in front.
func (b *book) order(r *reading) []string {
	names := make([]string, 0, len(b.list))
	seen := make(map[string]struct{}, len(r.conversations))
	for _, v := range r.conversations {
		_, twice := seen[v.Conversation]
		seen[v.Conversation] = struct{}{}
		if _, listed := b.list[v.Conversation]; listed && !twice {
			names = append(names, v.Conversation)
		}
	}
	var newer []string
	for name := range b.list {
		if _, ok := seen[name]; !ok {
			newer = append(newer, name)
		}
	}
	slices.SortFunc(newer, func(x, y string) int {
		return cmp.Or(cmp.Compare(b.list[y].Version, b.list[x].Version), cmp.Compare(x, y))
	})
	return append(newer, names...)
}

// receiptPeers lists the peers with a receipt, in the order in which they
// read.
func (b *book) receiptPeers() []string {
	peers := make([]string, 0, len(b.receipts))
	for peer := range b.receipts {
		peers = append(peers, peer)
	}
	slices.SortFunc(peers, func(x, y string) int {
		return cmp.Compare(b.receipts[x].Version, b.receipts[y].Version)
	})
	return peers
}
