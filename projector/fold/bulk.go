package fold

import "reddot/events"

// Told is a conversation that left its user's list by an earlier command.
type Told struct {
	Key
	Seq events.Seq // of that command
	At  events.Time
}

// begin leaves the rows that the command changes to be swept. Rows that were read
// before must be read anew.
func (s *step) begin(w *Sweep) {
	w.Seq, w.At, w.ID = s.seq, s.at, s.c.Inbox
	s.BeginSweep(w)
	s.fx.Begun = w
}

// sweep writes down a few of the rows that commands have left.
func (s *step) sweep() {
	p := s.Pending()
	if p == nil {
		return
	}
	pace, at := s.Pace(), s.Progress()
	budget := pace.Each
	if w := s.fx.Begun; w != nil {
		budget = pace.Burst
		if p.rows(at) > pace.Most {
			budget = max(budget, w.Rows)
		}
		if len(p.sweeps) > pace.MostSweeps {
			budget = ^uint64(0)
		}
	}
	w := p.Oldest()
	for n := uint64(0); n < budget; {
		row, ok := s.NextRow(w, at.Last)
		if !ok {
			s.EndSweep(w)
			return
		}
		at.Last = row.Name
		if row.Conversation.Kind == events.NoKind {
			s.DropRow(row.Name)
		} else if c := s.Stored(row.Conversation); c != nil && c.begun(row.Conversation) < w.Seq {
			s.bury(row.Conversation, w, c)
		} else {
			continue
		}
		n++
		at.Swept++
	}
	s.PutProgress(at)
}

// bury deletes the row of what a sweep's command has ended.
func (s *step) bury(k Key, w *Sweep, c *Conversation) {
	version := max(s.UserVersion(k.User), c.Version)
	if w.listed(s, k, c) {
		version = max(version, w.Seq)
		if w.Seq == s.seq {
			s.left(k)
		} else {
			s.fx.Swept = append(s.fx.Swept, Told{k, w.Seq, w.At})
		}
	}
	if k.Kind == events.Group {
		s.dropEarly(k, c)
		s.clearSets(k, c)
		s.DeleteMember(k.ID, k.User)
		if log := s.group(k.ID); w.Kind == SweepErase && log.Dismissed < w.Seq {
			less(&log.Members, GroupKey(k.ID), "its members")
			s.PutGroup(k.ID, log)
		}
	}
	s.DeleteConversation(k)
	s.SetUserVersion(k.User, version)
}

func (s *step) clearSets(k Key, c *Conversation) {
	c.Own.clear(s, k.Set(SetOwn))
	c.Named.clear(s, k.Set(SetNamed))
	c.OwnAll.clear(s, k.Set(SetOwnAll))
}

// PutConversation implements Rows. The row of what has ended is buried before that
// of what begins takes its place.
func (s *step) PutConversation(k Key, c *Conversation) {
	if p := s.Pending(); p.concerns(k) {
		if stored := s.Stored(k); stored != nil && stored != c {
			p.follow(k, stored, func(w *Sweep, dead *Conversation) { s.bury(k, w, dead) })
		}
	}
	s.Rows.PutConversation(k, c)
}

// empty reports whether a group has no members.
func (s *step) empty(g string, log *Log) bool {
	return log == nil || log.Members == 0 || log.Members <= s.Pending().erasures() && s.present(g, log) == 0
}

// present is the number of a group's members: its log counts those who have been
// erased until they are swept.
func (s *step) present(g string, log *Log) uint64 {
	n := log.Members
	for user := range s.Pending().Erased() {
		k := Key{user, GroupKey(g).ConversationID}
		if stored := s.Stored(k); stored != nil {
			s.Pending().follow(k, stored, func(w *Sweep, _ *Conversation) {
				if w.Kind == SweepErase && log.Dismissed < w.Seq {
					less(&n, GroupKey(g), "its members")
				}
			})
		}
	}
	return n
}
