package projector_test

import (
	"maps"

	"github.com/google/go-cmp/cmp"

	"reddot/events"
	"reddot/projector"
	"reddot/projector/twin"
)

// hearThreads enters the threads of a change: one that is no longer followed leaves
// what the listener keeps, as those of a conversation that leaves the list do.
func (w *world) hearThreads(l *listener, c *events.Change) {
	if n := len(c.Threads); n > events.MaxChangeThreads {
		w.Errorf("%s: %d threads in one event", w.line, n)
	}
	for _, t := range c.Threads {
		key := t.Conversation + " " + t.Thread
		if t.Version > c.Version || t.Version < l.threads[key].Version {
			w.Errorf("%s: version %d of thread %s in a change with version %d", w.line, t.Version, key, c.Version)
		}
		if l.threads[key] = t; !t.Following {
			delete(l.threads, key)
		}
	}
	for _, name := range c.Removed {
		delete(l.list, name)
		maps.DeleteFunc(l.threads, func(_ string, t events.Thread) bool { return t.Conversation == name })
	}
}

// changedThreads renders the threads of a change.
func (w *world) changedThreads(list []events.Thread) (out string) {
	for i := range list {
		out += "  thread " + w.thread(&list[i]) + "\n"
	}
	return out
}

// sumFilters checks that the totals of filters are the sums of what the listener's
// list shows (rule filter).
func (w *world) sumFilters(l *listener, c *events.Change) {
	for name, got := range c.Filters {
		f := w.filtered[c.User+" "+name]
		if sum := twin.SumOf(f, maps.Values(l.list), got); sum != got {
			w.Errorf("%s: rule filter: %s hears of filter %s\n%+v, but the list sums up to\n%+v", w.line, c.User, name, got, sum)
		}
	}
}

// hearReaders checks an event about who has read messages (rule read-by).
func (w *world) hearReaders(r events.GroupReceipts) {
	for _, m := range r.Receipts {
		if m.Read > m.Members || m.Read == 0 {
			w.Errorf("%s: %s is said to be read by %d of %d", w.line, m.ID, m.Read, m.Members)
		}
	}
	if n := len(r.Receipts); n == 0 || n > events.MaxReceipts {
		w.Errorf("%s: %d messages in one event", w.line, n)
	}
}

// auditThreads compares what a listener knows of threads and filters with what a
// query says.
func (w *world) auditThreads(v *projector.View, user string, l *listener) {
	all, err := w.allThreads(v, user, events.ThreadsRequest{})
	w.check(err)
	asked := map[string]events.Thread{}
	for _, t := range all {
		asked[t.Conversation+" "+t.Thread] = t
	}
	if diff := cmp.Diff(asked, l.threads, unversioned); diff != "" {
		w.Errorf("%s: %s asks and hears of different threads (-asks +hears):\n%s", w.line, user, diff)
	}
	r, err := v.Totals(user, events.TotalsRequest{})
	w.check(err)
	if diff := cmp.Diff(r.Filters, l.filters, unversioned); diff != "" {
		w.Errorf("%s: %s asks and hears of different filters (-asks +hears):\n%s", w.line, user, diff)
	}
}
