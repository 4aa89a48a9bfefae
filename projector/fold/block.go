package fold

import (
	"cmp"
	"slices"
	"strings"

	"reddot/events"
)

// Blocks reports whether the user blocks another one.
func (s *Settings) Blocks(user string) bool {
	_, found := slices.BinarySearch(s.Blocked, user)
	return found
}

// Writer is what one user has written in a group.
type Writer struct {
	User string
	*Sender
}

// barred is who is blocked by the user of a conversation, as far as that is of it: the
// peer, or some of those who have written in the group.
type barred struct {
	by      *Settings
	peer    bool
	writers []Writer
}

// barredIn is who the user blocks now.
func barredIn(r Reader, k Key) barred {
	b := barred{by: r.Settings(k.User)}
	if k.Kind == events.C2C {
		b.peer = b.by.Blocks(k.ID)
	} else {
		b.writers = r.BlockedIn(k)
	}
	return b
}

// own are the messages in a group that don't count, a set of each writer: of those that
// count in the conversation, or apart.
func (b *barred) own(g events.ConversationID, apart bool) (sets []Ordinals) {
	for _, w := range b.writers {
		set, key := w.set(Key{w.User, g}, apart)
		sets = append(sets, set.At(key))
	}
	return sets
}

// others is how many messages after an ordinal and up to another one have counted in
// the conversation, or would have, had they not been recalled: those of who is not
// blocked.
func (b *barred) others(r Reader, k Key, log *Log, after, upto Ord) uint64 {
	if upto <= after || b.peer {
		return 0
	}
	apart := log.OfThreads().Apart.At(k.LogKey().Set(SetApart))
	n := uint64(upto-after) - (apart.countAfter(r, after) - apart.countAfter(r, upto))
	for _, w := range b.writers {
		k := Key{w.User, k.ConversationID}
		for _, set := range []Ordinals{w.Own.At(k.Set(SetOwn)), w.Recalled.At(k.Set(SetRecalled))} {
			n -= set.countAfter(r, after) - set.countAfter(r, upto)
		}
	}
	return n
}

// block folds whom a user blocks from here on, or blocks no more (rule block). What
// changes is the count of every conversation in which one of them has written what
// the user has not read, and, of those that were deleted, their being in the list.
func (s *step) block() {
	user, old := s.c.Inbox, s.Settings(s.c.Inbox)
	set := *old
	set.Blocked = with(old.Blocked, s.c.Users, s.c.Blocked)
	set.Blocked = slices.DeleteFunc(set.Blocked, func(blocked string) bool { return blocked == user })
	switch {
	case slices.Equal(set.Blocked, old.Blocked):
		s.ignore()
		return
	case len(set.Blocked) > events.MaxBlocked:
		s.refuse(ReasonBlocked)
		return
	}
	s.settleEnded(user)
	affected, written := s.affected(user, difference(set.Blocked, old.Blocked))
	s.SetSettings(user, &set)
	for _, k := range affected {
		s.restand(k, s.moved(k, old, &set, written[k.ID]))
	}
}

// moved is what a user is shown of a conversation with some settings, and with others.
type moved struct {
	was, is standing
	shows   bool     // the conversation shows something else
	threads []string // those of which the user has rows that show something else

	version events.Seq            // of the conversation, before
	pins    bool                  // it, or one of a timeline, would be another one now
	lines   map[string]events.Seq // if so: those of timelines, before
	stirs   bool                  // that of a thread without a row may
}

// moved compares two settings. writers are those in the group who are blocked in one of
// them only: mostly it is enough to look at theirs.
func (s *step) moved(k Key, old, now *Settings, writers []Writer) (m moved) {
	c, log := s.load(k)
	t := TallyOf(s, k, c, log)
	if k.Kind == events.Group && !c.Deleted && c.Timelines == 0 && t.threads == t.read && !c.depends(log) {
		m.was.listed, m.is.listed = true, true
		b := barred{writers: writers}
		m.shows = slices.ContainsFunc(b.own(k.ConversationID, false), func(o Ordinals) bool { return o.countAfter(s, t.read) > 0 })
		m.version = t.version()
		m.stirs = c.stirs(log, m.version)
		return m
	}
	if k.Kind == events.Group {
		writers = s.Written(with(now.Blocked, old.Blocked, true), []string{k.ID})[k.ID]
	}
	was, is := barredBy(k, old, writers), barredBy(k, now, writers)
	m.was, m.is = s.standing(k, c, log, was), s.standing(k, c, log, is)
	m.shows = m.was != m.is
	if !m.was.listed && !m.is.listed {
		return m
	}
	then, since := t, t
	then.barred, since.barred = was, is
	m.version, m.lines = then.version(), map[string]events.Seq{}
	m.pins = m.version != since.version()
	m.stirs = k.Kind == events.Group && c.stirs(log, m.version)
	for _, line := range s.timelines(k, c) {
		before, _ := then.Thread(line.Thread)
		if after, _ := since.Thread(line.Thread); before != after {
			m.threads = append(m.threads, line.Thread)
		}
		if line.Thread != "" { // the main one's version is the conversation's
			h := s.Thread(k.LogKey(), line.Thread)
			m.lines[line.Thread] = then.lineVersion(line.Thread, line, h)
			m.pins = m.pins || m.lines[line.Thread] != since.lineVersion(line.Thread, line, h)
		}
	}
	return m
}

// depends reports whether the version of a group's conversation may depend on whom the
// user blocks.
func (c *Conversation) depends(log *Log) bool {
	since := max(c.Version, c.Pinned)
	return slices.ContainsFunc(log.Recalls, func(r Recall) bool { return r.Seq > since }) ||
		slices.ContainsFunc(log.Purges, func(p Purge) bool { return p.Seq > since })
}

// stirs reports whether a thread of which the user has no row may have changed since
// Stirred: not later than the conversation's version, unless by what all are shown.
func (c *Conversation) stirs(log *Log, version events.Seq) bool {
	return log.OfThreads().Version > c.Stirred && version > c.Stirred
}

// standing is what a user is shown of a conversation, as far as blocking may change it.
type standing struct {
	listed           bool
	unread, mentions uint64
	threads          events.ThreadTotals
}

// barredBy is who is blocked by some settings; writers are all that may be.
func barredBy(k Key, set *Settings, writers []Writer) barred {
	b := barred{by: set, peer: k.Kind == events.C2C && set.Blocks(k.ID)}
	for _, w := range writers {
		if k.Kind == events.Group && set.Blocks(w.User) {
			b.writers = append(b.writers, w)
		}
	}
	return b
}

// standing is what the user of a conversation is shown who blocks some.
func (s *step) standing(k Key, c *Conversation, log *Log, b barred) (now standing) {
	if now.listed = c.listed(s, k, log, func() barred { return b }); now.listed {
		t := TallyOf(s, k, c, log)
		t.barred = b
		now.unread, now.mentions, now.threads = t.Unread(), t.Mentions(), t.Threads()
	}
	return now
}

// settleEnded writes down of a user's memberships that have ended, and are not swept
// yet, whether they were in the list: whom the user blocked then is about to be
// forgotten.
func (s *step) settleEnded(user string) {
	p := s.Sweeps()
	if p == nil {
		return
	}
	for _, k := range s.StoredConversations(user) {
		stored := s.Stored(k)
		if k.Kind != events.Group || stored == nil || !stored.Deleted {
			continue
		}
		p.follow(k, stored, func(w *Sweep, dead *Conversation) {
			if dead != stored || w.Kind == SweepErase {
				return
			}
			if dead.Deleted = !w.listed(s, k, dead, p.blockedAt(s, user, w)); dead.Deleted {
				dead.DeletedAt = w.Head.Ord
			}
			s.Rows.PutConversation(k, dead)
		})
	}
}

// restand notes that a conversation or some of its threads have changed, or that it has
// left the list or come back.
func (s *step) restand(k Key, m moved) {
	if !m.shows && len(m.threads) == 0 && !m.pins && !m.stirs {
		return
	}
	c, log := s.load(k)
	s.pin(k, c, m)
	for _, thread := range m.threads {
		t := s.timeline(k, c, thread)
		s.changedThread(k, c, t)
		s.putTimeline(k, c, t)
	}
	switch {
	case !m.shows:
	case m.was.listed && !m.is.listed:
		s.left(k)
	default:
		s.touch(k)
	}
	if m.shows {
		c.Version = s.seq
		c.stir(s.seq, log)
	}
	s.PutConversation(k, c)
}

// pin keeps versions what they were, if they depend on who is blocked: what others have
// changed before, and what they have not, is not to show in them by a block alone.
func (s *step) pin(k Key, c *Conversation, m moved) {
	c.Version = max(c.Version, m.version) // before the rows of threads change
	if m.stirs || m.pins {
		c.Stirred = max(c.Stirred, m.version)
	}
	if !m.pins {
		return
	}
	c.Pinned = s.seq
	for _, t := range s.timelines(k, c) {
		if v := m.lines[t.Thread]; v > t.Version {
			t.Version = v
			s.putTimeline(k, c, t)
		}
	}
}

// affected are a user's conversations with some others, and those with groups in which
// some of them have written, in order, and what those have written.
func (s *step) affected(user string, others []string) (keys []Key, written map[string][]Writer) {
	var groups []string
	for _, k := range s.Conversations(user) {
		if k.Kind == events.Group {
			groups = append(groups, k.ID)
		} else if _, found := slices.BinarySearch(others, k.ID); found {
			keys = append(keys, k)
		}
	}
	written = s.Written(others, groups)
	for g := range written {
		keys = append(keys, Key{user, GroupKey(g).ConversationID})
	}
	slices.SortFunc(keys, func(a, b Key) int { return cmp.Or(cmp.Compare(a.Kind, b.Kind), strings.Compare(a.ID, b.ID)) })
	return keys, written
}

// with is a sorted set of users with, or without, some.
func with(set, users []string, in bool) []string {
	if in {
		set = slices.Concat(set, users)
		slices.Sort(set)
		return slices.Compact(set)
	}
	users = slices.Sorted(slices.Values(users))
	return slices.DeleteFunc(slices.Clone(set), func(user string) bool {
		_, found := slices.BinarySearch(users, user)
		return found
	})
}

// difference is who is in one of two sorted sets, and not in the other.
func difference(a, b []string) (users []string) {
	for len(a)+len(b) > 0 {
		switch {
		case len(b) == 0 || len(a) > 0 && a[0] < b[0]:
			users, a = append(users, a[0]), a[1:]
		case len(a) == 0 || b[0] < a[0]:
			users, b = append(users, b[0]), b[1:]
		default:
			a, b = a[1:], b[1:]
		}
	}
	return users
}
