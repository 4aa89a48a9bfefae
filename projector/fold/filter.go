package fold

import (
	"slices"
	"strings"

	"reddot/events"
)

// Settings are what a user has set that is of no one conversation. They are never
// changed.
type Settings struct {
	Filters  []NamedFilter // by name
	Filtered events.Seq    // the command that last changed the filters; 0: none did
	Blocked  []string      // sorted
}

// NamedFilter is a filter that a user keeps.
type NamedFilter struct {
	Name string
	events.Filter
}

// Empty reports whether nothing is set.
func (s *Settings) Empty() bool { return len(s.Filters)+len(s.Blocked) == 0 }

func (s *Settings) filter(name string) (at int, found bool) {
	return slices.BinarySearchFunc(s.Filters, name, func(f NamedFilter, name string) int { return strings.Compare(f.Name, name) })
}

// filter folds the keeping or dropping of a filter (rule filter).
func (s *step) filter() {
	user := s.c.Inbox
	set := *s.Settings(user)
	i, found := set.filter(s.c.Name)
	switch f := s.c.Filter; {
	case f == nil && !found, found && f != nil && f.Equal(set.Filters[i].Filter):
		s.ignore()
		return
	case f == nil:
		set.Filters = slices.Delete(slices.Clone(set.Filters), i, i+1)
	case found:
		set.Filters = slices.Clone(set.Filters)
		set.Filters[i].Filter = *f
	case len(set.Filters) == events.MaxFilters:
		s.refuse(ReasonFilters)
		return
	default:
		set.Filters = slices.Insert(slices.Clone(set.Filters), i, NamedFilter{s.c.Name, *f})
	}
	set.Filtered = s.seq
	s.setSettings(user, &set)
}

// setSettings sets what a user has set, in which the command has changed the filters.
func (s *step) setSettings(user string, set *Settings) {
	s.SetSettings(user, set)
	s.fx.Filtered = user
}
