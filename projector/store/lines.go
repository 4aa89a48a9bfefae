package store

import (
	"cmp"
	"slices"
	"strings"

	"reddot/events"
	"reddot/projector/fold"
	"reddot/projector/store/row"
)

// lineKey names a timeline of a conversation.
type lineKey struct {
	events.ConversationID
	thread string
}

func compareLines(a, b lineKey) int {
	return cmp.Or(compareConversations(a.ConversationID, b.ConversationID), strings.Compare(a.thread, b.thread))
}

// linesOf are the rows of a conversation's timelines.
func (l *userList) linesOf(id events.ConversationID) []*fold.Timeline {
	i, _ := slices.BinarySearchFunc(l.lines, lineKey{ConversationID: id}, compareLines)
	n := i
	for n < len(l.lines) && l.lines[n].ConversationID == id {
		n++
	}
	return l.timelines[i:n:n]
}

// putTimelines sets the changed rows of timelines, of the list's era.
func (l *listChange) putTimelines(first *entry[fold.Timeline]) {
	l.lines, l.timelines = slices.Clone(l.lines), slices.Clone(l.timelines)
	for e := first; e != nil; e = e.next {
		k, era, thread, _ := row.ParseTimeline(e.key)
		if line := (lineKey{k.ConversationID, thread}); era == l.era {
			i, found := slices.BinarySearchFunc(l.lines, line, compareLines)
			put(&l.lines, &l.timelines, i, found, line, e.row)
			l.forget(k.ConversationID)
		}
	}
}

// timelinesInList finds the rows of a conversation's timelines in the list of its user,
// if that is known.
func (s *Snapshot) timelinesInList(k fold.Key) (all []*fold.Timeline, known bool) {
	l := s.list
	if l == nil || s.listUser != k.User {
		s.rows.key = append(s.rows.key[:0], k.User...)
		if l, known = tablesOf(s.store.hidden).lists.Get(s.rows.key, s.position.Applied); !known {
			return nil, false
		}
	}
	return l.linesOf(k.ConversationID), true
}
