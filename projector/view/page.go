package view

import (
	"container/heap"
	"slices"
)

// page keeps the first of a user's conversations, however many there are: a heap
// of those found so far with the last of them on top.
type page struct {
	most  int
	items []counted
}

func (p *page) Len() int           { return len(p.items) }
func (p *page) Less(i, j int) bool { return byPlace(p.items[i], p.items[j]) > 0 }
func (p *page) Swap(i, j int)      { p.items[i], p.items[j] = p.items[j], p.items[i] }
func (p *page) Push(x any)         { p.items = append(p.items, x.(counted)) }

// Pop implements heap.Interface; nothing is taken off.
func (p *page) Pop() any { panic("view: a page is never popped") }

// add enters a conversation, if it is one of the first.
func (p *page) add(i counted) {
	switch {
	case len(p.items) < p.most:
		p.items = append(p.items, i)
		if len(p.items) == p.most {
			heap.Init(p)
		}
	case byPlace(i, p.items[0]) < 0:
		p.items[0] = i
		heap.Fix(p, 0)
	}
}

// sorted are the conversations in order.
func (p *page) sorted() []counted {
	slices.SortFunc(p.items, byPlace)
	return p.items
}
