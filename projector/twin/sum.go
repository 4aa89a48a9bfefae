package twin

import (
	"iter"
	"slices"
	"strings"

	"reddot/events"
)

// Sum adds up the conversations of a list (rule total). At level "mentions" a
// conversation does not show how many of its threads have mentions: as many as
// totals say that belong to the sum, if there can be so many.
func Sum(list iter.Seq[events.Conversation], totals events.Totals) events.Totals {
	return SumOf(events.Filter{}, list, totals)
}

// SumOf adds up the conversations of a list that a filter lets through (rule filter).
func SumOf(f events.Filter, list iter.Seq[events.Conversation], totals events.Totals) (t events.Totals) {
	least, most := uint64(0), uint64(0) // threads with mentions at level "mentions"
	for c := range list {
		if !lets(f, &c) {
			continue
		}
		if level(&c) == events.LevelMentions && !f.IncludeMuted && c.Threads.Mentions > 0 {
			least++
			most += min(c.Threads.Mentions, c.Threads.Threads)
		}
		add(&t, f, &c, 0)
	}
	if known := t.Threads.Threads; totals.Threads.Threads >= known+least && totals.Threads.Threads <= known+most {
		t.Threads.Threads = totals.Threads.Threads
	}
	return t
}

// lets reports whether a filter is about a conversation.
func lets(f events.Filter, c *events.Conversation) bool {
	switch {
	case f.Kind != events.NoKind && !strings.HasPrefix(c.Conversation, f.Kind.String()+"_"),
		f.Label != nil && *f.Label == "" && len(c.Labels) > 0,
		f.Label != nil && *f.Label != "" && !slices.Contains(c.Labels, *f.Label),
		f.Without != "" && slices.Contains(c.Labels, f.Without),
		f.Mentioned && c.Mentions == 0:
		return false
	}
	return true
}

func level(c *events.Conversation) events.Level {
	switch {
	case c.Muted:
		return events.LevelNone
	case c.Level == "":
		return events.LevelAll
	}
	l, _ := events.ParseLevel(c.Level)
	return l
}

// add adds what a conversation's level and labels let into totals (rules level,
// label, filter). threads is how many of its threads have mentions.
func add(t *events.Totals, f events.Filter, c *events.Conversation, threads uint64) {
	archived := slices.Contains(c.Labels, events.LabelArchived) && !(f.Label != nil && *f.Label == events.LabelArchived)
	if archived || level(c) == events.LevelNone {
		t.Muted += c.Unread
		if !f.IncludeMuted {
			return
		}
	}
	unread, marked, apart := c.Unread, c.MarkedUnread, c.Threads
	if level(c) == events.LevelMentions && !f.IncludeMuted {
		unread, marked = c.Mentions, false
		apart = events.ThreadTotals{Unread: c.Threads.Mentions, Mentions: c.Threads.Mentions, Threads: threads}
	}
	t.Unread += unread
	if strings.HasPrefix(c.Conversation, "c2c_") {
		t.C2C += unread
	} else {
		t.Group += unread
	}
	t.Mentions += c.Mentions
	if unread > 0 || marked {
		t.Conversations++
	}
	t.Threads.Unread += apart.Unread
	t.Threads.Mentions += apart.Mentions
	t.Threads.Threads += apart.Threads
}
