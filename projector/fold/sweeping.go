package fold

import (
	"math"

	"reddot/events"
)

// begin leaves the rows that the command changes to be swept. All that was changed
// before is committed, so that what was read must be read again.
func (s *step) begin(w *Sweep) {
	w.Seq, w.At, w.ID = s.seq, s.at, s.c.Inbox
	s.BeginSweep(w)
	s.fx.Begun = w
}

// sweep writes down a few of the rows that commands have left.
func (s *step) sweep() {
	p := s.Sweeps()
	if p == nil {
		return
	}
	w, at := p.Oldest(), p.Progress()
	for n := s.budget(p); n > 0; {
		row, ok := s.NextRow(w, at.Last)
		if !ok {
			s.EndSweep(w)
			return
		}
		at.Last = row.Name
		if s.sweepRow(w, row) {
			at.Swept++
			n--
		}
	}
	s.PutProgress(at)
}

// budget is how many rows the command sweeps.
func (s *step) budget(p *Sweeps) uint64 {
	pace, w := s.Pace(), s.fx.Begun
	switch {
	case w == nil:
		return pace.Each
	case len(p.sweeps) > pace.MostSweeps:
		return math.MaxUint64
	case p.rows() > pace.Most:
		return max(pace.Each, w.Rows)
	case w.Kind == SweepErase:
		return pace.Burst
	}
	return pace.Each
}

// sweepRow writes down one row, and reports whether it was one of the sweep's. All
// of those who joined or left are: so many of them are counted wherever batches
// end.
func (s *step) sweepRow(w *Sweep, row SweptRow) bool {
	k := row.Conversation
	if k.Kind == events.NoKind {
		s.DropRow(row.Name)
		return true
	}
	stored := s.Stored(k)
	if w.Kind == SweepJoin {
		if stored == nil {
			s.sweepJoin(k, w)
		}
		return true
	}
	ends := stored != nil && stored.begun(k) < w.Seq
	if ends {
		s.bury(k, w, stored)
	}
	return ends || w.Kind == SweepLeave
}

// sweepJoin writes down the row of one who joined, unless the membership has ended.
func (s *step) sweepJoin(k Key, w *Sweep) {
	if by := s.Sweeps().endOf(k, w); by != nil {
		s.end(k, by, w.member(), joined(w.member()))
		return
	}
	s.Rows.PutConversation(k, w.member())
	s.PutMember(k.ID, k.User, joined(w.member()))
}

// bury deletes the row of what a sweep's command has ended.
func (s *step) bury(k Key, w *Sweep, c *Conversation) {
	var m Member
	if k.Kind == events.Group {
		s.dropPending(k, c)
		s.endTimelines(k, c)
		m = memberOf(s, k, c)
	}
	s.DeleteConversation(k)
	s.end(k, w, c, m)
	if k.Kind == events.Group {
		s.forget(k.ID, k.User, m)
	}
}

// end is what there is to do when something has ended that needs no row any more.
func (s *step) end(k Key, w *Sweep, c *Conversation, m Member) {
	lost := max(s.Lost(k.User), c.Version)
	if w.listed(s, k, c, s.Sweeps().blockedAt(s, k.User, w)) {
		lost = max(lost, w.Seq)
		if w.Seq == s.seq {
			s.left(k)
		} else {
			s.fx.Swept = append(s.fx.Swept, Departure{k, w.Seq, w.At})
		}
	}
	s.SetLost(k.User, lost)
	if k.Kind != events.Group || w.Kind != SweepErase {
		return
	}
	if log := s.group(k.ID); log.Dismissed < w.Seq {
		less(&log.Members, GroupKey(k.ID), "its members")
		s.uncount(k.ID, log, gone{k.User, m})
		s.PutGroup(k.ID, log)
	}
}

// PutConversation implements Rows. What has ended is buried before the row of what
// began after it takes its place.
func (s *step) PutConversation(k Key, c *Conversation) {
	if p := s.Sweeps(); p.concerns(k) {
		if stored := s.Stored(k); stored != c {
			p.follow(k, stored, func(w *Sweep, dead *Conversation) {
				if dead == stored {
					s.bury(k, w, dead)
				} else {
					s.end(k, w, dead, joined(dead))
				}
			})
			if k.Kind == events.Group {
				s.PutMember(k.ID, k.User, joined(c))
			}
		}
	}
	s.Rows.PutConversation(k, c)
}

// empty reports whether a group has no members.
func (s *step) empty(g string, log *Log) bool {
	return log == nil || log.Members == 0 || log.Members <= s.Sweeps().erasures() && s.present(g, log) == 0
}

// present is the number of a group's members: its log counts those who have been
// erased until they are swept.
func (s *step) present(g string, log *Log) uint64 {
	n, gone := log.Members, uint64(len(erased(s, g, log)))
	if n < gone {
		Break(GroupKey(g), "%d of %d members have been erased", gone, n)
	}
	return n - gone
}
