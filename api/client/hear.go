package client

import (
	"fmt"
	"strconv"

	"github.com/nats-io/nats.go"

	"reddot/events"
)

// hear enters one event. It is called for one after the other.
func (f *feed) hear(m *nats.Msg) {
	var change events.Change
	var receipt events.Receipt
	var figures events.GroupReceipts
	var event any
	var user *string
	switch m.Subject {
	case f.changes:
		event, user = &change, &change.User
	case f.receipt:
		event, user = &receipt, &receipt.User
	case f.groupReceipt:
		event, user = &figures, &figures.User
	default:
		return // of a later version of reddot
	}
	if m.Header.Get(nats.JSStream) != f.client.subjects.EventStream() {
		f.strange(m, "it does not come from the event stream")
		return
	}
	err := events.Unmarshal(m.Header.Get(events.HeaderContentType), m.Data, event)
	strange := err == nil && *user != f.user.id
	if strange {
		f.strange(m, "it is not for this user")
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.checkChain(m) // the next event names this one, whoever has stored it
	if strange {
		return
	}
	if err != nil {
		f.report(fmt.Errorf("read an event on %s: %w", m.Subject, err))
		f.missedAny()
		return
	}
	switch m.Subject {
	case f.receipt:
		if f.mu.book.enterReceipt(receipt) {
			f.markReceipts([]string{receiptKey(receipt.Peer, receipt.Thread)})
		}
	case f.groupReceipt:
		f.markFigures(&figures)
	default:
		touched, whole := f.mu.book.enterChange(&change, m.Header.Get(events.HeaderMore) != "")
		if !whole {
			f.missed()
		}
		f.mark(touched)
	}
}

// strange counts a message that reddot has not sent, and logs the first one. It
// says nothing that is believed.
func (f *feed) strange(m *nats.Msg, why string) {
	f.client.strange.Add(1)
	f.mu.Lock()
	defer f.mu.Unlock()
	if !f.mu.warned {
		f.mu.warned = true
		f.client.opts.Logger.Warn("reddot listener: a message that reddot has not sent is dropped, and so are others like it",
			"user", f.user.id, "subject", m.Subject, "reason", why)
	}
}

// checkChain notices events that were dropped here for want of room, or lost on
// the way: each names the one before it on its subject. f.mu is held.
func (f *feed) checkChain(m *nats.Msg) {
	missing := f.checkDropped()
	seq, err := strconv.ParseUint(m.Header.Get(nats.JSSequence), 10, 64)
	if err == nil {
		before, err := strconv.ParseUint(m.Header.Get(nats.JSLastSequence), 10, 64)
		known := f.mu.stored[m.Subject]
		missing = missing || err == nil && known > 0 && before > known
		f.mu.stored[m.Subject] = seq
	}
	if missing {
		f.missedAny()
	}
}

// checkDropped reports whether events were dropped here since it last looked.
// f.mu is held.
func (f *feed) checkDropped() bool {
	dropped, err := f.mu.sub.Dropped()
	if err != nil || dropped == f.mu.dropped {
		return false
	}
	f.mu.dropped = dropped
	return true
}
