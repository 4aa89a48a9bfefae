package fold

import (
	"slices"

	"reddot/events"
)

// label folds the labels of a conversation (rule label): some are taken off, then
// others put on.
func (s *step) label() {
	k, c, log, ok := s.loadNamed()
	if !ok {
		return
	}
	if c == nil {
		c = NewC2C()
		log = c.Log
	}
	labels := slices.DeleteFunc(slices.Clone(c.Labels), func(label string) bool { return slices.Contains(s.c.Remove, label) })
	labels = append(labels, s.c.Add...)
	slices.Sort(labels)
	labels = slices.Compact(labels)
	switch {
	case len(labels) > events.MaxLabels:
		s.refuse(ReasonLabels)
		return
	case slices.Equal(labels, c.Labels):
		s.ignore()
		return
	}
	c.Labels = labels
	s.changed(k, c, log)
	s.putOrDrop(k, c)
}

// Labelled reports whether a conversation has a label.
func (c *Conversation) Labelled(label string) bool {
	_, found := slices.BinarySearch(c.Labels, label)
	return found
}
