package view

import (
	"reddot/events"
	"reddot/projector/fold"
)

// matches reports whether a conversation is one of those that a filter names (rule
// filter).
func (e *entry) matches(f *events.Filter) bool {
	if f.Kind != events.NoKind && f.Kind != e.key.Kind || f.Mentioned && e.Mentions == 0 || f.Without != "" && e.row.Labelled(f.Without) {
		return false
	}
	switch {
	case f.Label == nil:
		return true
	case *f.Label == "":
		return len(e.row.Labels) == 0
	}
	return e.row.Labelled(*f.Label)
}

// addTo adds what a conversation of the list puts into the totals of a filter, as its
// level and its being archived let it (rules level, label, filter, total).
func (e *entry) addTo(t *events.Totals, f *events.Filter) {
	if !e.matches(f) {
		return
	}
	level := e.row.Level
	if e.row.Labelled(events.LabelArchived) && (f.Label == nil || *f.Label != events.LabelArchived) {
		level = events.LevelNone
	}
	if level == events.LevelNone {
		t.Muted += e.Unread
	}
	unread, shows, threads := e.Unread, e.Unread > 0 || e.row.Marked, e.Apart
	if !f.IncludeMuted {
		switch level {
		case events.LevelNone:
			return
		case events.LevelMentions:
			unread, shows = e.Mentions, e.Mentions > 0
			threads = events.ThreadTotals{Unread: threads.Mentions, Mentions: threads.Mentions, Threads: e.ApartNamed}
		}
	}
	t.Unread += unread
	if e.key.Kind == events.C2C {
		t.C2C += unread
	} else {
		t.Group += unread
	}
	t.Mentions += e.Mentions
	t.Threads.Unread += threads.Unread
	t.Threads.Mentions += threads.Mentions
	t.Threads.Threads += threads.Threads
	if shows {
		t.Conversations++
	}
}

// sums are some totals of a user, and those of the filters that the user keeps, made
// in one pass.
type sums struct {
	filter  events.Filter
	totals  events.Totals
	kept    []fold.NamedFilter
	filters []events.Totals // of each of kept
}

func newSums(r fold.Reader, user string, f events.Filter) sums {
	kept := r.Settings(user).Filters
	return sums{filter: f, kept: kept, filters: make([]events.Totals, len(kept))}
}

func (s *sums) add(e *entry) {
	e.addTo(&s.totals, &s.filter)
	for i := range s.kept {
		e.addTo(&s.filters[i], &s.kept[i].Filter)
	}
}

// named are the totals of the kept filters; nil: there are none.
func (s *sums) named() events.NamedTotals {
	if len(s.kept) == 0 {
		return nil
	}
	all := events.NamedTotals{}
	for i := range s.kept {
		all[s.kept[i].Name] = s.filters[i]
	}
	return all
}

// Totals answers a TotalsRequest (rule total). It is what is asked for most: no
// list is made for it.
func Totals(r fold.Reader, user string, q events.TotalsRequest) events.TotalsReply {
	reply := events.TotalsReply{User: user}
	sums := newSums(r, user, q.Filter())
	reply.Version, _ = each(r, user, sums.add)
	reply.Totals, reply.Filters = sums.totals, sums.named()
	return reply
}
