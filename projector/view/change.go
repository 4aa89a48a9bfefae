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
	items   []item
	threads []thread
}

// Change finds what a user is notified of: those conversations that include asks for, and
// the followed threads that have changed after a seq, or all of them where every says so of
// a log.
func Change(r fold.Reader, user string, since events.Seq, include func(fold.Key, *fold.Conversation, *fold.Log) bool, every func(*fold.Log) bool) (c Changed) {
	sums := newSums(r, user, events.Filter{})
	c.Version, c.Rows = each(r, user, func(i item) {
		if !i.in {
			return
		}
		sums.add(i.figures(r))
		if include(i.key, i.row, i.log) {
			c.items = append(c.items, i)
		}
		threads, changed := i.changedThreads(r, since, every(i.log))
		c.threads = append(c.threads, threads...)
		c.News += changed
	})
	c.Totals, c.Filters = sums.totals, sums.named()
	slices.SortFunc(c.items, byPlace)
	return c
}

// Len is how many conversations and threads there are that have not been taken.
func (c *Changed) Len() int { return len(c.items) + len(c.threads) }

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
	n = min(n, len(c.items))
	if n == 0 {
		return nil
	}
	views := make([]events.Conversation, n)
	for i := range views {
		views[i] = c.items[i].view(r)
	}
	clear(c.items[:n])
	c.items = c.items[n:]
	return views
}
