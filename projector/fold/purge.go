package fold

import (
	"slices"

	"reddot/events"
)

// Purge is what was purged by one command. It changes the view of those who have any
// of it unread.
type Purge struct {
	From, To Cursor // what lies between the place before and the new one
	Seq      events.Seq
}

// purge ends the history of a group for all up to a place (rule purge). The read
// positions stay: so it writes one row, whatever the number of members and messages.
func (s *step) purge() {
	g := s.c.Inbox
	lk := GroupKey(g)
	var to Cursor
	if s.c.Before != "" {
		i, _ := s.Index(lk, s.c.Before)
		if i.Pos == 0 {
			s.refuse(ReasonNoMessage)
			return
		}
		to = i.Before()
	}
	log := s.Group(g)
	if log != nil && s.c.HasBeforeAt {
		to = further(to, s.notLater(lk, log, log.Purged.Pos, s.c.BeforeAt-1))
	}
	if log == nil || to.Pos <= log.Purged.Pos {
		s.ignore()
		return
	}
	p := Purge{From: log.Purged, To: to, Seq: s.seq}
	log.Purged = to
	if last := log.Last.Pos; last > p.From.Pos && last <= to.Pos {
		log.changedForAll(s.seq)
	}
	log.purged(p)
	if log.OfThreads().Order > 0 {
		log.ownThreads().Version = s.seq
	}
	s.fx.Groups = append(s.fx.Groups, g)
	s.PutGroup(g, log)
}

// purged lists a purge: of a thread, too, whose readers' view it may change after the
// conversation's has changed again.
func (l *Log) purged(p Purge) {
	kept := l.Purges
	if len(kept) == maxRecalls {
		if kept[0].Seq > l.Version {
			l.changedForAll(p.Seq)
		}
		kept = kept[1:]
	}
	l.Purges = append(slices.Clone(kept), p)
}
