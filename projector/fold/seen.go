package fold

import (
	"slices"

	"reddot/events"
)

// seen gives the receipts of a read that has moved a member's position to a place
// (rule seen): for the whole log, or for one timeline of it. It is as quick in a
// group of any size, and nothing is written for the messages that were read.
func (s *step) seen(k Key, c *Conversation, log *Log, to Pos, timeline *string, at events.Time) {
	if k.Kind != events.Group || s.Policies().Receipts == events.ReceiptsOff {
		return
	}
	// An earlier membership that is not swept yet has a row in the same place: it is
	// buried before.
	s.PutConversation(k, c)
	m := memberOf(s, k, c)
	var covered func(w *WantedMessage) bool
	if timeline == nil {
		covered = s.seenWhole(k, &m, log, to, at)
	} else {
		covered = s.seenApart(k, &m, log, to, *timeline, at)
	}
	if covered != nil {
		s.PutMember(k.ID, k.User, m)
		s.raise(k, log, at, covered)
	}
}

// seenWhole gives receipts for the whole log, and says which messages they are new
// for; nil: for none. Pieces of timelines give way to them.
func (s *step) seenWhole(k Key, m *Member, log *Log, to Pos, at events.Time) func(*WantedMessage) bool {
	from := m.seen()
	if to <= from {
		return nil
	}
	log.tree(k.ID, TreePieces, "").Add(s, Change{from, -1}, Change{to, 1})
	var before map[string]Pos
	if m.Pieces > 0 {
		before = map[string]Pos{}
		for _, timeline := range s.Pieces(k.ID, k.User) {
			p, tree := s.piece(k.ID, k.User, timeline), log.tree(k.ID, TreeApart, timeline)
			if before[timeline] = p.To; p.To > to {
				tree.Add(s, Change{from, 1}, Change{to, -1})
				continue
			}
			tree.Add(s, Change{from, 1}, Change{p.To, -1})
			s.PutPiece(k.ID, k.User, timeline, nil)
			less(&m.Pieces, k, "its receipts of timelines")
		}
	}
	m.Seen, m.SeenAt = to, at
	return func(w *WantedMessage) bool { return w.Pos > max(from, before[w.Thread]) && w.Pos <= to }
}

// seenApart is seenWhole for one timeline.
func (s *step) seenApart(k Key, m *Member, log *Log, to Pos, timeline string, at events.Time) func(*WantedMessage) bool {
	from, known := m.seen(), false
	if m.Pieces > 0 {
		if p := s.Piece(k.ID, k.User, timeline); p != nil {
			from, known = p.To, true
		}
	}
	if to <= from {
		return nil
	}
	log.tree(k.ID, TreeApart, timeline).Add(s, Change{from, -1}, Change{to, 1})
	if !known {
		m.Pieces++
	}
	s.PutPiece(k.ID, k.User, timeline, &Piece{To: to, At: at})
	return func(w *WantedMessage) bool { return w.Thread == timeline && w.Pos > from && w.Pos <= to }
}

// rejoin moves a member's join back to an earlier place. What receipts there are
// stay (rule seen).
func (s *step) rejoin(k Key, c *Conversation, log *Log, to Cursor) {
	s.PutConversation(k, c)
	m := memberOf(s, k, c)
	was := gone{k.User, m}
	s.uncount(k.ID, log, was)
	c.Join = to
	m.Join = to.Pos
	s.count(k.ID, log, gone{k.User, m})
	s.PutMember(k.ID, k.User, m)
}

// WantedMessage is a message whose sender is notified of who reads it.
type WantedMessage struct {
	Pos    Pos
	From   string
	Thread string
	Seq    events.Seq  // of the command by which one more had read it last; 0: nobody has
	At     events.Time // of that read
}

// Wanted are the newest messages of a group that ask for receipts, in the order of
// the log.
type Wanted struct{ Messages []WantedMessage }

// Author is who is notified of the readers of messages in a group.
type Author struct{ Group, User string }

// want keeps a message whose sender is to be notified of who reads it (rule
// receipts-sent).
func (s *step) want(g string, pos Pos, m *Message) {
	if !s.c.Receipt || m.Revoked {
		return
	}
	w := s.Wanted(g)
	if w == nil {
		w = new(Wanted)
	}
	w.Messages = append(w.Messages, WantedMessage{Pos: pos, From: m.From, Thread: m.Thread})
	w.Messages = w.Messages[max(0, len(w.Messages)-events.MaxReceipts):]
	s.PutWanted(g, w)
}

// unwant forgets a message that is recalled.
func (s *step) unwant(g string, pos Pos) {
	w := s.Wanted(g)
	if w == nil {
		return
	}
	n := len(w.Messages)
	if w.Messages = slices.DeleteFunc(w.Messages, func(w WantedMessage) bool { return w.Pos == pos }); len(w.Messages) < n {
		s.PutWanted(g, w)
	}
}

// raise notes whose messages have one reader more (rule receipts-sent).
func (s *step) raise(k Key, log *Log, at events.Time, covered func(*WantedMessage) bool) {
	all := s.Wanted(k.ID)
	if all == nil {
		return
	}
	raised := false
	for i := range all.Messages {
		w := &all.Messages[i]
		if w.From == k.User || w.Pos <= log.Purged.Pos || !covered(w) {
			continue
		}
		w.Seq, w.At, raised = s.seq, at, true
		if to := (Author{k.ID, w.From}); !slices.Contains(s.fx.Authors, to) {
			s.fx.Authors = append(s.fx.Authors, to)
		}
	}
	if raised {
		s.PutWanted(k.ID, all)
	}
}
