package view

import (
	"container/heap"
	"slices"
	"sort"

	"reddot/events"
	"reddot/projector/fold"
)

// page keeps the first of a user's conversations, however many there are: a heap
// of those found so far with the last of them on top.
type page struct {
	most    int
	entries []entry
}

func (p *page) Len() int           { return len(p.entries) }
func (p *page) Less(i, j int) bool { return byPlace(p.entries[i], p.entries[j]) > 0 }
func (p *page) Swap(i, j int)      { p.entries[i], p.entries[j] = p.entries[j], p.entries[i] }
func (p *page) Push(x any)         { p.entries = append(p.entries, x.(entry)) }

// Pop implements heap.Interface; nothing is taken off.
func (p *page) Pop() any { panic("view: a page is never popped") }

// add enters a conversation, if it is one of the first.
func (p *page) add(e *entry) {
	switch {
	case len(p.entries) < p.most:
		p.entries = append(p.entries, *e)
		if len(p.entries) == p.most {
			heap.Init(p)
		}
	case byPlace(*e, p.entries[0]) < 0:
		p.entries[0] = *e
		heap.Fix(p, 0)
	}
}

// sorted are the conversations in order.
func (p *page) sorted() []entry {
	slices.SortFunc(p.entries, byPlace)
	return p.entries
}

// order is a user's whole list in order, and what replies say of it.
type order struct {
	version events.Seq
	totals  events.Totals
	entries []entry
}

// orderOf returns that of a user, which is not to be changed; nil: it is not worth while.
func orderOf(r fold.Reader, user string) *order {
	o, _ := r.Derived(user, func() any {
		o := new(order)
		o.version, _ = each(r, user, func(e *entry) {
			e.addTo(&o.totals, &events.Filter{})
			o.entries = append(o.entries, *e)
		})
		slices.SortFunc(o.entries, byPlace)
		return o
	}).(*order)
	return o
}

// behind are the first conversations behind a place that are wanted, at most so many.
func (o *order) behind(p place, most int, wanted func(*entry) bool) (found []entry) {
	from := sort.Search(len(o.entries), func(i int) bool { return o.entries[i].behind(p) })
	for i := from; i < len(o.entries) && len(found) < most; i++ {
		if wanted(&o.entries[i]) {
			found = append(found, o.entries[i])
		}
	}
	return found
}
