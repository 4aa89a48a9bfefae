package fold

import "reddot/events"

// follow folds a user's following of a thread, or its end (rule follow). One that ends
// what is not is ignored, and so is one of what is already.
func (s *step) follow() {
	k, c, log, ok := s.loadNamed()
	if !ok {
		return
	}
	if c == nil || !c.Exists(k) {
		s.ignore()
		return
	}
	t := s.timeline(k, c, s.c.Thread)
	if t.Following == s.c.Following {
		s.ignore()
		return
	}
	was := s.shown(k, c, log)
	s.setFollowing(k, c, log, t, s.c.Following, log.Head.Ord)
	s.putTimeline(k, c, t)
	s.show(k, c, log, was)
	s.PutConversation(k, c)
}

// setFollowing begins or ends following; what counts apart counts after a place.
func (s *step) setFollowing(k Key, c *Conversation, log *Log, t *Timeline, following bool, from Ord) {
	t.Following, t.Left, t.From = following, s.seq, 0
	if t.Version = s.seq; following {
		t.Left = 0
		t.From = from
		if c.Deleted { // rule delete
			listed := c.Listed(s, k, log)
			if c.Deleted = false; !listed {
				s.changed(k, c, log)
			}
		}
	}
	s.followed(k, c)
	if k.Kind != events.Group {
		return
	}
	if following {
		s.PutFollower(k.ID, t.Thread, k.User)
	} else {
		s.DeleteFollower(k.ID, t.Thread, k.User)
	}
}

// involve has a user follow the thread of a message, from the message on
// (rule follow), and reports whether that is new. The caller puts the conversation.
func (s *step) involve(k Key, c *Conversation, log *Log, m *Message) bool {
	if m.Thread == "" || m.Hidden || m.Revoked {
		return false
	}
	t := s.timeline(k, c, m.Thread)
	if t.Following || s.Settings(k.User).Blocks(m.From) { // rule block
		return false
	}
	from := m.Ord
	if m.Counted {
		from--
	}
	s.setFollowing(k, c, log, t, true, from)
	s.putTimeline(k, c, t)
	return true
}

// starter returns who has written the message that a thread hangs on, at the thread's
// first other message; "" at any other (rule follow).
func (s *step) starter(lk Key, t *Thread, m *Message) (user string) {
	if t == nil || t.Answered || m.ID == m.Thread || m.Hidden || m.Revoked {
		return ""
	}
	t.Answered = true
	if i, _ := s.Index(lk, m.Thread); i.Pos > 0 {
		user = s.Message(lk, i.Pos).From
	}
	return user
}

// shown is what a conversation shows of what is unread.
type shown struct {
	version          events.Seq
	listed           bool
	unread, mentions uint64
	first            Ord
	threads          events.ThreadTotals
}

// shown counts what a conversation shows, before a command changes that.
func (s *step) shown(k Key, c *Conversation, log *Log) (v shown) {
	if v.listed = c.Listed(s, k, log); !v.listed {
		return v
	}
	t := TallyOf(s, k, c, log)
	return shown{c.ViewVersion(s, k, log), true, t.Unread(), t.Mentions(), t.First(), t.Threads()}
}

// show notes that a conversation shows something else than before, if it does
// (rule quiet). What others have changed in it before keeps its version. The
// caller puts the conversation.
func (s *step) show(k Key, c *Conversation, log *Log, was shown) {
	c.Version = max(c.Version, was.version)
	is := s.shown(k, c, log)
	rises := is.version > was.version
	is.version = was.version
	switch {
	case is != was:
		s.changed(k, c, log)
	case rises:
		s.keep(k, c, log, was.version)
	}
}

// keep has a conversation that shows what it did show the version that it had: what was
// recalled in a thread while it was muted is no news when it is unmuted.
func (s *step) keep(k Key, c *Conversation, log *Log, version events.Seq) {
	t := TallyOf(s, k, c, log)
	m := moved{version: version, pins: true, stirs: c.stirs(log, version), lines: map[string]events.Seq{}}
	for _, line := range s.timelines(k, c) {
		if line.Thread != "" {
			m.lines[line.Thread] = t.lineVersion(line.Thread, line, s.Thread(k.LogKey(), line.Thread))
		}
	}
	s.pin(k, c, m)
}
