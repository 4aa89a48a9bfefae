package webhook

import (
	"cmp"
	"container/heap"
	"slices"
	"time"
)

// schedule is what an endpoint is to be told, and when: lanes of items, one per user. It
// has no clock and does nothing: who owns it says what time it is.
//
// Invariant: of a lane one item at a time is in flight, and of each thing at most one
// waits.
type schedule struct {
	lanes  map[string]*lane
	queue  queue // lanes with something that waits and nothing in flight, the first due first
	delay  time.Duration
	jitter func(time.Duration) time.Duration

	flying   int
	waiting  int
	failures int       // in a row
	probes   int       // of them, since one at a time is tried
	gate     time.Time // nothing is sent before
	paused   bool
}

// lane is what waits for one user.
type lane struct {
	name    string
	waiting []*item
	flying  *item
	at      int // in the queue; -1: it is not there
	due     time.Time
}

func newSchedule(delay time.Duration, jitter func(time.Duration) time.Duration) *schedule {
	return &schedule{lanes: map[string]*lane{}, delay: delay, jitter: jitter}
}

// level is where a badge is, beside what was told.
type level uint8

const (
	news  level = iota // other than what was told, or nobody knows what that was
	rise               // more than was told
	equal              // as it was told
)

// flies is what is in flight about a thing; nil: nothing.
func (s *schedule) flies(lane, key string) *item {
	if l := s.lanes[lane]; l != nil && l.flying != nil && l.flying.key == key {
		return l.flying
	}
	return nil
}

// offer takes an item, and returns the pieces that need not be told any more: what it
// supersedes, and itself if there is nothing to tell.
func (s *schedule) offer(now time.Time, it *item, where level) (settled []*piece) {
	l := s.lanes[it.lane]
	if l == nil {
		l = &lane{name: it.lane, at: -1}
		s.lanes[it.lane] = l
	}
	it.since, it.due, it.rising = now, now, where == rise
	if it.rising {
		it.due = now.Add(s.delay)
	}
	if i := slices.IndexFunc(l.waiting, func(o *item) bool { return o.key == it.key }); i >= 0 {
		old := l.waiting[i]
		if it.rising && old.rising { // held back since the first of them
			it.due = old.due
		}
		settled = it.absorb(old)
		l.waiting = slices.Delete(l.waiting, i, i+1)
		s.waiting--
	}
	if where == equal && !it.sent {
		settled = append(settled, it.pieces...)
	} else {
		l.waiting = append(l.waiting, it)
		s.waiting++
	}
	s.place(l)
	return settled
}

// place puts a lane where it belongs in the queue, or forgets it.
func (s *schedule) place(l *lane) {
	if l.at >= 0 && (l.flying != nil || len(l.waiting) == 0) {
		heap.Remove(&s.queue, l.at)
	}
	switch {
	case l.flying != nil:
		return
	case len(l.waiting) == 0:
		delete(s.lanes, l.name)
		return
	}
	l.due = l.first().due
	if l.at >= 0 {
		heap.Fix(&s.queue, l.at)
	} else {
		heap.Push(&s.queue, l)
	}
}

// first is the item of a lane that is due first.
func (l *lane) first() *item {
	return slices.MinFunc(l.waiting, func(a, b *item) int {
		return cmp.Or(a.due.Compare(b.due), cmp.Compare(a.newest().place, b.newest().place))
	})
}

// probing reports whether one request at a time is tried, as all the last ones failed.
func (s *schedule) probing() bool { return s.failures >= failsProbed }

// take returns what is to be sent now; nil: nothing before wake, which is zero if that is
// not known.
func (s *schedule) take(now time.Time) (it *item, wake time.Time) {
	switch {
	case s.paused || len(s.queue) == 0:
		return nil, time.Time{}
	case s.flying >= maxInFlight || s.probing() && s.flying > 0:
		return nil, time.Time{} // the end of one of them
	case now.Before(s.gate):
		return nil, s.gate
	}
	l := s.queue[0]
	it = l.first()
	if s.probing() {
		if it, wake = s.choose(now); it == nil {
			return nil, wake
		}
		l, it.probe = s.lanes[it.lane], true
	} else if it.due.After(now) {
		return nil, it.due
	}
	l.waiting = slices.DeleteFunc(l.waiting, func(o *item) bool { return o == it })
	l.flying = it
	s.waiting--
	s.flying++
	s.place(l)
	return it, time.Time{}
}

// choose returns what the endpoint is probed with: what was tried least, so that one item
// that it never takes does not stand before all others. A badge that is held back waits.
func (s *schedule) choose(now time.Time) (best *item, wake time.Time) {
	for _, l := range s.queue {
		for _, it := range l.waiting {
			switch {
			case it.rising && it.attempts == 0 && it.due.After(now):
				if wake.IsZero() || it.due.Before(wake) {
					wake = it.due
				}
			case best == nil || cmp.Or(cmp.Compare(it.attempts, best.attempts), it.since.Compare(best.since)) < 0:
				best = it
			}
		}
	}
	return best, wake
}

// finish takes what became of an item in flight, and returns the pieces that are settled;
// dead: the item is given up.
func (s *schedule) finish(now time.Time, it *item, r result) (settled []*piece, dead bool) {
	l := s.lanes[it.lane]
	l.flying = nil
	s.flying--
	defer s.place(l)
	probe := it.probe
	it.probe, it.reason, it.status = false, r.reason, r.status
	switch r.kind {
	case delivered:
		s.recover(now)
		return it.pieces, false
	case dropped:
		return it.pieces, false
	case notReady:
		it.due = now.Add(notReadyWait)
	case throttled:
		s.gate = later(s.gate, now.Add(min(r.wait, mostWait)))
		it.due, it.rising = s.gate, false
	case gone:
		s.paused = true
		it.due, it.rising = now, false
	case failed:
		it.sent = it.sent || r.unknown()
		it.attempts++
		s.failures++
		switch {
		case s.failures == failsProbed:
			s.probes = 1
			s.gate = later(s.gate, now.Add(s.jitter(steps[s.probes])))
		case probe:
			s.probes = min(s.probes+1, len(steps)-1)
			s.gate = later(s.gate, now.Add(s.jitter(steps[s.probes])))
		}
		if it.attempts > len(steps) {
			return nil, true
		}
		it.due, it.rising = now.Add(s.jitter(steps[it.attempts-1])), false
	}
	return s.back(l, it), false
}

// back has an item wait again; a newer one about the same absorbs it.
func (s *schedule) back(l *lane, it *item) (settled []*piece) {
	for _, o := range l.waiting {
		if o.key == it.key {
			return o.absorb(it)
		}
	}
	l.waiting = append(l.waiting, it)
	s.waiting++
	return nil
}

// restore has an item wait again that could not be given up.
func (s *schedule) restore(it *item, due time.Time) (settled []*piece) {
	l := s.lanes[it.lane]
	if l == nil {
		l = &lane{name: it.lane, at: -1}
		s.lanes[it.lane] = l
	}
	it.due = due
	settled = s.back(l, it)
	s.place(l)
	return settled
}

// recover takes note that the endpoint is there: what waits for it to come back is due.
func (s *schedule) recover(now time.Time) {
	back := s.probing()
	s.failures, s.probes = 0, 0
	if back {
		s.gate = time.Time{}
		s.release(now)
	}
}

// resume ends a pause, and any other wait of the endpoint.
func (s *schedule) resume(now time.Time) {
	s.paused, s.failures, s.probes, s.gate = false, 0, 0, time.Time{}
	s.release(now)
}

// release makes due what has failed before.
func (s *schedule) release(now time.Time) {
	for _, l := range s.lanes {
		for _, it := range l.waiting {
			if !it.rising && it.due.After(now) {
				it.due = now
			}
		}
		if len(l.waiting) > 0 {
			l.due = l.first().due
		}
	}
	heap.Init(&s.queue)
}

// expire takes out what could not be told for so long that it is given up.
func (s *schedule) expire(now time.Time) (dead []*item) {
	for _, l := range s.lanes {
		before := len(l.waiting)
		l.waiting = slices.DeleteFunc(l.waiting, func(it *item) bool {
			old := now.Sub(it.since) > givesUp
			if old && it.attempts <= len(steps) && !s.paused && !s.probing() && now.After(s.gate) {
				return false // it has its own turns left
			}
			if old {
				dead = append(dead, it)
			}
			return old
		})
		if len(l.waiting) != before {
			s.waiting -= before - len(l.waiting)
			s.place(l)
		}
	}
	return dead
}

// oldest is since when something waits; zero: nothing does.
func (s *schedule) oldest() (t time.Time) {
	for _, l := range s.lanes {
		if l.flying != nil {
			t = earlier(t, l.flying.since)
		}
		for _, it := range l.waiting {
			t = earlier(t, it.since)
		}
	}
	return t
}

func later(a, b time.Time) time.Time {
	if a.Before(b) {
		return b
	}
	return a
}

// earlier is the earlier one of two times, of which zero is none.
func earlier(a, b time.Time) time.Time {
	if a.IsZero() || b.Before(a) {
		return b
	}
	return a
}

// queue is a heap of lanes.
type queue []*lane

func (q queue) Len() int { return len(q) }

// Less implements heap.Interface: of what is due together the oldest event is first.
func (q queue) Less(i, j int) bool {
	if !q[i].due.Equal(q[j].due) {
		return q[i].due.Before(q[j].due)
	}
	return q[i].first().newest().place < q[j].first().newest().place
}

// Swap implements heap.Interface.
func (q queue) Swap(i, j int) {
	q[i], q[j] = q[j], q[i]
	q[i].at, q[j].at = i, j
}

// Push implements heap.Interface.
func (q *queue) Push(x any) {
	l := x.(*lane)
	l.at = len(*q)
	*q = append(*q, l)
}

// Pop implements heap.Interface.
func (q *queue) Pop() any {
	l := (*q)[len(*q)-1]
	l.at = -1
	(*q)[len(*q)-1] = nil
	*q = (*q)[:len(*q)-1]
	return l
}
