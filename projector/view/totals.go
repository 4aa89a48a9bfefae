package view

import (
	"reddot/events"
	"reddot/projector/fold"
)

// figures are what a conversation in the list may put into totals.
type figures struct {
	kind             events.Kind
	unread, mentions uint64
	marked, archived bool
	level            events.Level
	row              *fold.Conversation
	threads          events.ThreadTotals // what counts apart
	named            uint64              // how many of those have mentions
}

func (i item) figures(r fold.Reader) figures {
	c, t := i.row, i.tally(r)
	threads, named := t.Apart()
	return figures{
		threads: threads, named: named,
		kind: i.key.Kind, unread: t.Unread(), mentions: t.Mentions(),
		marked: c.Marked, archived: c.Labelled(events.LabelArchived), level: c.Level, row: c,
	}
}

// matches reports whether a conversation is one of those that a filter names (rule
// filter).
func (n *figures) matches(f *events.Filter) bool {
	if f.Kind != events.NoKind && f.Kind != n.kind || f.Mentioned && n.mentions == 0 || f.Without != "" && n.row.Labelled(f.Without) {
		return false
	}
	switch {
	case f.Label == nil:
		return true
	case *f.Label == "":
		return len(n.row.Labels) == 0
	}
	return n.row.Labelled(*f.Label)
}

// addTo adds what a conversation puts into the totals of a filter, as its level and
// its being archived let it (rules level, label, filter, total).
func (n *figures) addTo(t *events.Totals, f *events.Filter) {
	if !n.matches(f) {
		return
	}
	level := n.level
	if n.archived && (f.Label == nil || *f.Label != events.LabelArchived) {
		level = events.LevelNone
	}
	if level == events.LevelNone {
		t.Muted += n.unread
	}
	unread, shows, threads := n.unread, n.unread > 0 || n.marked, n.threads
	if !f.IncludeMuted {
		switch level {
		case events.LevelNone:
			return
		case events.LevelMentions:
			unread, shows = n.mentions, n.mentions > 0
			threads = events.ThreadTotals{Unread: threads.Mentions, Mentions: threads.Mentions, Threads: n.named}
		}
	}
	t.Unread += unread
	if n.kind == events.C2C {
		t.C2C += unread
	} else {
		t.Group += unread
	}
	t.Mentions += n.mentions
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

func (s *sums) add(n figures) {
	n.addTo(&s.totals, &s.filter)
	for i := range s.kept {
		n.addTo(&s.filters[i], &s.kept[i].Filter)
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
	reply.Version, _ = each(r, user, func(i item) {
		if i.in {
			sums.add(i.figures(r))
		}
	})
	reply.Totals, reply.Filters = sums.totals, sums.named()
	return reply
}
