package client

import (
	"slices"

	"reddot/events"
)

// maxFigures messages of a group have figures kept for a slow callback: reddot
// reports them of no more.
const maxFigures = events.MaxReceipts

// figures are the last group receipts that a listener has not heard of yet, in the
// order of their groups' first.
type figures struct{ groups []events.GroupReceipts }

// add merges an event: the newer figures of a message stay.
func (f *figures) add(e *events.GroupReceipts) {
	at := slices.IndexFunc(f.groups, func(known events.GroupReceipts) bool { return known.Group == e.Group })
	if at < 0 {
		f.groups = append(f.groups, events.GroupReceipts{User: e.User, Group: e.Group})
		at = len(f.groups) - 1
	}
	known := &f.groups[at]
	known.Version, known.At = e.Version, e.At
	for _, r := range e.Receipts {
		known.Receipts = slices.DeleteFunc(known.Receipts, func(k events.GroupReceipt) bool { return k.ID == r.ID })
		known.Receipts = append(known.Receipts, r)
	}
	if over := len(known.Receipts) - maxFigures; over > 0 {
		known.Receipts = slices.Delete(known.Receipts, 0, over)
	}
}

// take empties it.
func (f *figures) take() []events.GroupReceipts {
	groups := f.groups
	f.groups = nil
	return groups
}
