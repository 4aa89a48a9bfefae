package fold

import "reddot/events"

// Thread is what all readers of a conversation share of one of its threads. It is
// there from the first message of the thread on that is not hidden, see There.
type Thread struct {
	Last Last // the newest message that is not hidden; none if the peer has sent hidden ones only
	In   Set  // ordinals of its messages that count in the conversation, not revoked
	Ap   Set  // of those that count apart from it, for the thread's followers

	Order    events.Seq // of its row in the order by activity
	Answered bool       // another message has come than the one that it hangs on

	Version events.Seq // of the command that last changed the view of every reader
	Recalls []Recall   // revokes since

	Newest []Posted // the newest message that counts apart, and the newest one of another sender than its
	Peer   PeerMark // C2C: the peer's newest message in it
}

// There reports whether a message of the thread shows; t may be nil.
func (t *Thread) There() bool { return t != nil && t.Last.Pos > 0 }

// SetOf names a set of a thread, which lies with the log's others.
func (k Key) SetOf(thread string, kind SetKind) SetKey { return SetKey{k, kind, thread} }

// thread returns a thread of a log, an empty one if there is none yet.
func (s *step) thread(lk Key, name string) *Thread {
	if t := s.Thread(lk, name); t != nil {
		return t
	}
	return new(Thread)
}

// apart reports whether a group's message counts apart (rule apart).
func (s *step) apart() bool {
	return s.c.Thread != "" && !s.c.Broadcast && s.Policies().Threads == events.ThreadsApart
}

// post enters a message into its thread (rules in, apart); nothing if it has none. The
// message is the newest of the log.
func (s *step) post(lk Key, log *Log, m *Message) *Thread {
	if m.Thread == "" {
		return nil
	}
	t := s.thread(lk, m.Thread)
	if lk.Kind == events.C2C && m.From != lk.User {
		t.Peer = PeerMark{log.Head.Pos, m.ID}
	}
	if m.Hidden {
		return t
	}
	t.Last = Last{ID: m.ID, From: m.From, At: m.At, Seq: s.seq, Pos: log.Head.Pos, Revoked: m.Revoked, Thread: true}
	own := log.ownThreads()
	t.Version, t.Recalls, own.Version = s.seq, nil, s.seq
	if m.Counted && m.Apart {
		t.Ap.Add(s, lk.SetOf(m.Thread, SetAp), m.Ord)
		t.posted(Posted{m.Ord, m.From, s.seq})
		own.ApartVersion = s.seq
	} else if m.Counted {
		t.In.Add(s, lk.SetOf(m.Thread, SetIn), m.Ord)
	}
	if t.Order == 0 || t.Order != own.Order { // another thread was the newest
		if t.Order > 0 {
			s.DeleteOrder(lk, t.Order)
		}
		s.PutOrder(lk, s.seq, m.Thread)
		t.Order, own.Order = s.seq, s.seq
	}
	return t
}

// Posted is a message that counts apart, when it came.
type Posted struct {
	Ord  Ord
	From string
	Seq  events.Seq
}

// posted notes the newest message that counts apart, and the newest of another sender: so
// that everybody knows the newest message of others.
func (t *Thread) posted(p Posted) {
	if len(t.Newest) > 0 && t.Newest[0].From != p.From {
		t.Newest = []Posted{p, t.Newest[0]}
	} else {
		t.Newest = append([]Posted{p}, t.Newest[min(1, len(t.Newest)):]...)
	}
}

// countIn enters a counted message into the log's sets, and those of its thread
// (rules in, apart).
func (s *step) countIn(lk Key, log *Log, m *Message) {
	all, kind := &log.All, SetAll
	switch {
	case m.Apart:
		own := log.ownThreads()
		own.Apart.Add(s, lk.Set(SetApart), m.Ord)
		all, kind = &own.All, SetAllAp
	case m.Thread != "":
		log.ownThreads().Threaded.Add(s, lk.Set(SetThreaded), m.Ord)
	}
	if m.All { // rule mention
		all.Add(s, lk.Set(kind), m.Ord)
	}
}

// recallIn takes a recalled message from its thread, which the caller puts.
func (s *step) recallIn(lk Key, log *Log, t *Thread, m *Message, i Index, counts bool) (shows bool) {
	if counts {
		t.In.Remove(s, lk.SetOf(m.Thread, SetIn), i.Ord)
		t.Ap.Remove(s, lk.SetOf(m.Thread, SetAp), i.Ord)
		own := log.ownThreads()
		own.Threaded.Remove(s, lk.Set(SetThreaded), i.Ord)
		own.All.Remove(s, lk.Set(SetAllAp), i.Ord)
	}
	if shows = i.Pos == t.Last.Pos && !t.Last.Revoked; shows {
		t.Last.Revoked = true
		t.Version, t.Recalls = s.seq, nil
	} else if counts && !(lk.Kind == events.C2C && s.Settings(lk.User).Blocks(m.From)) {
		t.Version, t.Recalls = recalled(t.Version, t.Recalls, Recall{Ord: i.Ord, From: m.From, Seq: s.seq, Thread: m.Thread, Apart: m.Apart})
	}
	if shows || counts {
		log.ownThreads().Version = s.seq
	}
	return shows
}
