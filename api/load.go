package api

import "context"

// load is what one user has under way, or all who ask about no user.
type load struct {
	calls  int // admitted and not yet left
	queued int // of them not waiting
	bytes  int // of bodies of the queued
	waits  []*waiter

	// sent is closed when the user's newest command was handed on.
	sent chan struct{}
}

// waiter is one request that waits. Its end tells it to.
type waiter struct {
	load *load
	end  context.CancelCauseFunc
}

// crowd is who waits, by how many requests each has waiting.
//
// Invariant: total is the sum of len(l.waits) over all loads of levels.
type crowd struct {
	levels []map[*load]struct{} // by len(waits); the first stays empty
	total  int
}

func newCrowd(most int) crowd { return crowd{levels: make([]map[*load]struct{}, most+1)} }

// move notes that a load's waits have changed from before.
func (c *crowd) move(l *load, before int) {
	c.total += len(l.waits) - before
	if before > 0 {
		delete(c.levels[before], l)
	}
	if n := len(l.waits); n > 0 {
		if c.levels[n] == nil {
			c.levels[n] = map[*load]struct{}{}
		}
		c.levels[n][l] = struct{}{}
	}
}

// add adds a request at the end of its load's.
func (c *crowd) add(w *waiter) {
	w.load.waits = append(w.load.waits, w)
	c.move(w.load, len(w.load.waits)-1)
}

// remove takes a request out, unless it was dropped.
func (c *crowd) remove(w *waiter) {
	for i, other := range w.load.waits {
		if other == w {
			w.load.waits = append(w.load.waits[:i], w.load.waits[i+1:]...)
			c.move(w.load, len(w.load.waits)+1)
			return
		}
	}
}

// drop ends the oldest of a load's waits.
func (c *crowd) drop(l *load, why error) {
	oldest := l.waits[0]
	c.remove(oldest)
	oldest.end(why)
}

// greediest is one of those with the most requests waiting; nil if nobody waits.
func (c *crowd) greediest() *load {
	for n := len(c.levels) - 1; n > 0; n-- {
		for l := range c.levels[n] {
			return l
		}
	}
	return nil
}
