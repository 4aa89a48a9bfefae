package view

import (
	"slices"

	"reddot/events"
	"reddot/projector/fold"
)

// Changed is what a user is notified of: the totals, those of the filters that the
// user keeps, some conversations of the list, newest activity first, and threads.
type Changed struct {
	Version events.Seq
	Totals  events.Totals
	Filters events.NamedTotals // nil: the user keeps none
	Rows    int                // that were looked at
	News    int                // how many threads have changed
	entries []entry
	threads []thread
}

// Change finds what a user is notified of: those conversations that include asks for, and
// the followed threads that have changed after a seq, or all of them where every says so of
// a conversation.
func Change(r fold.Reader, user string, since events.Seq, include func(fold.Key, *fold.Summary) bool, every func(fold.Key) bool) (c Changed) {
	sums := newSums(r, user, events.Filter{})
	c.Version, c.Rows = each(r, user, func(e *entry) {
		sums.add(e)
		if include(e.key, e.Summary) {
			c.entries = append(c.entries, *e)
		}
		if e.row.Timelines == 0 {
			return
		}
		threads, changed := e.item(r).changedThreads(r, since, every(e.key))
		c.threads = append(c.threads, threads...)
		c.News += changed
	})
	c.Totals, c.Filters = sums.totals, sums.named()
	slices.SortFunc(c.entries, byPlace)
	return c
}

// Len is how many conversations and threads there are that have not been taken.
func (c *Changed) Len() int { return len(c.entries) + len(c.threads) }

// TakeThreads takes the next threads, n at most.
func (c *Changed) TakeThreads(r fold.Reader, n int) (views []events.Thread) {
	n = min(n, len(c.threads))
	for _, t := range c.threads[:n] {
		views = append(views, t.view(r))
	}
	c.threads = c.threads[n:]
	return views
}

// Take takes the next conversations, n at most. The rows are those that Change was
// given.
func (c *Changed) Take(r fold.Reader, n int) []events.Conversation {
	n = min(n, len(c.entries))
	if n == 0 {
		return nil
	}
	views := make([]events.Conversation, n)
	for i := range views {
		views[i] = c.entries[i].view(r)
	}
	clear(c.entries[:n])
	c.entries = c.entries[n:]
	return views
}
