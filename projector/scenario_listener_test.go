package projector_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"reddot/events"
	"reddot/projector/twin"
)

// listener is what a client knows that keeps a user's list by change events
// alone.
type listener struct {
	version events.Seq
	totals  events.Totals
	list    map[string]events.Conversation
	threads map[string]events.Thread // followed ones, by conversation and thread
	filters events.NamedTotals
	partial bool // further events of the same change follow
}

func (w *world) listener(user string) *listener {
	l := w.listeners[user]
	if l == nil {
		l = &listener{list: map[string]events.Conversation{}, threads: map[string]events.Thread{}}
		w.listeners[user] = l
	}
	return l
}

// unversioned leaves versions out of a comparison.
var unversioned = cmp.Options{
	cmp.Comparer(func(a, b events.Conversation) bool {
		a.Version, b.Version = 0, 0
		return a.Equal(b)
	}),
	cmpopts.IgnoreFields(events.Thread{}, "Version"), cmpopts.EquateEmpty(),
}

// hear enters an event and checks what holds for every one. alone says that
// it is of one command: then it must show a change (rule quiet).
func (w *world) hear(h heard, alone bool) {
	subject := w.subjects.Rejected()
	switch {
	case h.change != nil:
		subject = w.subjects.Change(h.change.User)
		w.hearChange(*h.change, h.more, alone)
	case h.receipt != nil:
		subject = w.subjects.Receipt(h.receipt.User)
		if r := h.receipt; r.Conversation != "c2c_"+r.Peer || r.User == r.Peer {
			w.Errorf("%s: receipt %+v", w.line, r)
		}
	case h.readers != nil:
		subject = w.subjects.GroupReceipt(h.readers.User)
		w.hearReaders(*h.readers)
	default:
		if alone && h.rejected.Seq != w.last {
			w.Errorf("%s: rejected %+v", w.line, h.rejected)
		}
	}
	if h.subject != subject {
		w.Errorf("%s: an event for %s is heard on %s", w.line, subject, h.subject)
	}
}

func (w *world) hearChange(c events.Change, more, alone bool) {
	l := w.listener(c.User)
	w.users[c.User] = true
	before, threads := maps.Clone(l.list), maps.Clone(l.threads)
	if l.partial && c.Version != l.version || !l.partial && c.Version <= l.version {
		w.Errorf("%s: version %d comes after %d", w.line, c.Version, l.version)
	}
	again := more && len(c.Removed) > 0 // and in the list again: the next event tells what there is
	if n := len(c.Conversations); n > events.MaxChangeConversations || more && n < events.MaxChangeConversations && !(again && n == 0) {
		w.Errorf("%s: %d conversations in one event", w.line, n)
	}
	for _, v := range c.Conversations {
		if v.Version > c.Version || v.Version < l.list[v.Conversation].Version {
			w.Errorf("%s: version %d of %s in a change with version %d", w.line, v.Version, v.Conversation, c.Version)
		}
		l.list[v.Conversation] = v
	}
	w.hearThreads(l, &c)
	if alone && c.Totals == l.totals && cmp.Equal(before, l.list, unversioned) &&
		cmp.Equal(threads, l.threads, unversioned) && cmp.Equal(c.Filters, l.filters, cmpopts.EquateEmpty()) {
		w.Errorf("%s: rule quiet: the change event for %s shows no change", w.line, c.User)
	}
	l.version, l.totals, l.filters, l.partial = c.Version, c.Totals, c.Filters, more
	if alone && !more {
		w.sumFilters(l, &c)
	}
	if sum := twin.Sum(maps.Values(l.list), c.Totals); !more && sum != c.Totals {
		w.Errorf("%s: rule total: %s hears\n%+v, but the list sums up to\n%+v", w.line, c.User, c.Totals, sum)
	}
}

// audit compares what listeners know with what a query says: they must have
// heard of every change. Where fan-out is limited they need not have.
func (w *world) audit() {
	if w.limit > 0 {
		return
	}
	v := w.view()
	defer func() { w.check(v.Close()) }()
	for user := range w.users {
		r, l := w.list(v, user, events.ConversationsRequest{}), w.listener(user)
		w.auditThreads(v, user, l)
		list := map[string]events.Conversation{}
		for _, c := range r.Conversations {
			list[c.Conversation] = c
		}
		if diff := cmp.Diff(list, l.list, unversioned); diff != "" {
			w.Errorf("%s: %s asks and hears different things (-asks +hears):\n%s", w.line, user, diff)
		}
		if diff := cmp.Diff(r.Totals, l.totals); diff != "" || r.Version < l.version {
			w.Errorf("%s: %s asks at version %d and has heard %d, different totals (-asks +hears):\n%s", w.line, user, r.Version, l.version, diff)
		}
	}
}

// outcomes enters the events of a batch and says what listeners know then,
// the last receipts and all refusals.
func (w *world) outcomes(all []heard) string {
	changed, receipts, rejected := map[string]bool{}, map[string]heard{}, ""
	for _, h := range all {
		w.hear(h, false)
		switch {
		case h.change != nil:
			changed[h.change.User] = true
		case h.receipt != nil:
			receipts[h.receipt.User+" "+h.receipt.Peer+" "+h.receipt.Thread] = h
		case h.readers != nil: // how many of them are merged is a matter of time
		default:
			rejected += w.event(h)
		}
	}
	w.audit()
	var out strings.Builder
	for _, user := range slices.Sorted(maps.Keys(changed)) {
		l := w.listener(user)
		out.WriteString("in the end " + w.header(user, l.version, l.totals) + "\n")
		list := slices.SortedFunc(maps.Values(l.list), func(a, b events.Conversation) int {
			return strings.Compare(a.Conversation, b.Conversation)
		})
		out.WriteString(w.conversations(list, nil))
	}
	for _, key := range slices.Sorted(maps.Keys(receipts)) {
		out.WriteString("in the end " + w.event(receipts[key]))
	}
	return out.String() + rejected
}

const noEvents = "no events\n"

// render enters the events of one command and renders them.
func (w *world) render(all []heard) string {
	if len(all) == 0 {
		return noEvents
	}
	var out strings.Builder
	for _, h := range all {
		w.hear(h, true)
		out.WriteString(w.event(h))
	}
	return out.String()
}

// event renders an event in full.
func (w *world) event(h heard) string {
	switch {
	case h.change != nil:
		c := h.change
		more := ""
		if h.more {
			more = " more follows"
		}
		return fmt.Sprintf("change %s @%s%s\n%s", w.header(c.User, c.Version, c.Totals), w.time(c.At), more,
			w.conversations(c.Conversations, c.Removed)+w.changedThreads(c.Threads)+w.filters(c.Filters))
	case h.receipt != nil:
		r := h.receipt
		in := ""
		if r.Thread != "" {
			in = " in thread " + r.Thread
		}
		return fmt.Sprintf("receipt %s v%d: %s has read up to %s%s @%s\n", r.User, r.Version, r.Peer, r.Upto, in, w.time(r.At))
	case h.readers != nil:
		r := h.readers
		return fmt.Sprintf("group-receipt %s v%d group_%s:%s @%s\n", r.User, r.Version, r.Group, readBy(r.Receipts), w.time(r.At))
	}
	r := h.rejected
	return fmt.Sprintf("rejected %d %s @%s: %s\n", r.Seq, shorten(strings.TrimPrefix(r.Subject, w.subjects.Prefix()+".cmd.")), w.time(r.At), r.Reason)
}

// time renders a time; what the machine's clock said is "now".
func (w *world) time(t events.Time) string {
	if t >= w.began && t < w.began+events.Time(time.Hour.Milliseconds()) {
		return "now"
	}
	return fmt.Sprint(int64(t))
}

func (w *world) header(user string, version events.Seq, t events.Totals) string {
	return fmt.Sprintf("%s v%d %s", shorten(user), version, totals(t))
}

func (w *world) conversations(list []events.Conversation, removed []string) string {
	var lines []string
	for i := range list {
		lines = append(lines, "  "+w.conversation(&list[i])+"\n")
	}
	lines = elide(lines)
	if len(removed) > 0 {
		lines = append(lines, "  removed "+strings.Join(slices.Sorted(slices.Values(removed)), " ")+"\n")
	}
	return strings.Join(lines, "")
}

// manyLines is how many lines of a list are rendered; of more, the first two
// and the last.
const manyLines = 10

func elide(lines []string) []string {
	if n := len(lines); n > manyLines {
		return []string{lines[0], lines[1], fmt.Sprintf("  ... %d more ...\n", n-3), lines[n-1]}
	}
	return lines
}

func (w *world) conversation(c *events.Conversation) string {
	out := fmt.Sprintf("%s v%d unread=%d", c.Conversation, c.Version, c.Unread)
	if c.Mentions > 0 {
		out += fmt.Sprintf(" mentions=%d", c.Mentions)
	}
	if c.MarkedUnread {
		out += " marked"
	}
	if c.Muted {
		out += " muted"
	} else if c.Level != "" {
		out += " level=" + c.Level
	}
	if len(c.Labels) > 0 {
		out += " labels=" + shorten(strings.Join(c.Labels, ","))
	}
	out += apart(c.Threads)
	if c.FirstUnread != "" {
		out += " first=" + shorten(c.FirstUnread)
	}
	if c.ReadUpto != "" || c.ReadAt != 0 {
		out += " read=" + shorten(c.ReadUpto)
	}
	if c.ReadAt != 0 {
		out += "@" + w.time(c.ReadAt)
	}
	return out + w.lastMessage(c.LastMessage)
}

func (w *world) explanation(e *events.Explanation) string {
	out := fmt.Sprintf("unread=%d mentions=%d: %d since %q", e.Unread, e.Mentions, e.SinceRead, e.ReadUpto)
	if e.ReadAt != 0 {
		out += " @" + w.time(e.ReadAt)
	}
	out += fmt.Sprintf(" (seq %d), %d own, %d revoked", e.ReadSeq, e.Own, e.Revoked)
	for _, part := range []struct {
		n    int64
		name string
	}{{int64(e.Blocked), "blocked"}, {int64(e.Purged), "purged"}, {int64(e.Carried), "carried"}, {e.Threads, "by threads"}} {
		if part.n != 0 {
			out += fmt.Sprintf(", %d %s", part.n, part.name)
		}
	}
	out += "\n"
	var lines []string
	for _, m := range e.Messages {
		line := fmt.Sprintf("  %s by %s @%s seq %d", shorten(m.ID), m.From, w.time(m.At), m.Seq)
		if m.Mention {
			line += " mention"
		}
		if m.Thread != "" {
			line += " thread " + m.Thread
		}
		lines = append(lines, line+"\n")
	}
	out += strings.Join(elide(lines), "")
	if e.More > 0 {
		out += fmt.Sprintf("  and %d more\n", e.More)
	}
	for _, r := range e.PendingReads {
		private := ""
		if r.Private {
			private = ", in private"
		}
		out += fmt.Sprintf("  waits for %s, read @%s by seq %d%s\n", shorten(r.Upto), w.time(r.At), r.Seq, private)
	}
	return out
}

// shorten keeps a line of the script readable.
func shorten(s string) string {
	if len(s) <= 40 {
		return s
	}
	return fmt.Sprintf("%s... (%d bytes)", s[:12], len(s))
}
