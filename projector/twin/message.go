package twin

import (
	"slices"

	"reddot/events"
)

// message appends a message to a chat, for all who look at it.
func (m *Model) message(s step, c *chat, from string) Result {
	if i := c.find(s.ID); i >= 0 { // rule once
		if c.log[i].from != from {
			return refused(otherSender)
		}
		return ignoredUnless(false)
	}
	late := s.HasExpiresAt && s.ExpiresAt <= m.clock // rule clock
	c.add(message{
		id: s.ID, from: from, at: s.at, seq: s.seq, thread: s.Thread,
		apart:    m.threads == events.ThreadsApart && s.Verb == events.GroupMessage && s.Thread != "" && !s.Broadcast,
		mentions: slices.Clone(s.Mentions), all: s.MentionAll,
		silent: s.Silent, hidden: s.Hidden,
		never:   c.revokes[s.ID] || late, // rule revoke
		expires: s.ExpiresAt,
	})
	if s.HasExpiresAt && !late {
		c.due = append(c.due, len(c.log)-1)
	}
	if s.Receipt && !c.log[len(c.log)-1].never {
		c.wanted = append(c.wanted, len(c.log)-1)
		if len(c.wanted) > events.MaxReceipts {
			c.wanted = c.wanted[1:]
		}
	}
	return Result{Receipts: m.arrived(s, c)}
}

// arrived brings all views up to the message that is now the last of the log. It
// returns the receipts that pending reads send.
func (m *Model) arrived(s step, c *chat) []events.Receipt {
	last := &c.log[len(c.log)-1]
	var sent []events.Receipt
	for _, v := range c.views {
		if v.name.Kind == events.C2C && !last.hidden && !c.shows(len(c.log)-1) && !v.account.imported[v.name] {
			v.listed = true // the first message that shows makes the conversation, if no import has
		}
	}
	m.followers(c, last)
	for _, v := range c.views {
		sent = append(sent, m.readEarly(s, v, last)...)
		m.advance(s, v, last)
	}
	return sent
}

// readEarly does the reads that waited for a message (rule read-early).
func (m *Model) readEarly(s step, v *view, last *message) (sent []events.Receipt) {
	waiting := v.pending
	v.pending = nil
	for _, e := range waiting {
		if e.upto != last.id {
			v.pending = append(v.pending, e)
			continue
		}
		by := readBy{seq: e.seq, at: e.at, thread: e.thread, private: !e.open, told: e.openAt, asked: m.asked()}
		_, told := v.readTo(len(v.chat.log), by, s.seq)
		sent = append(sent, told...)
	}
	return sent
}

// advance reads what one's own message reads (rule own).
func (m *Model) advance(s step, v *view, last *message) {
	if m.own != events.OwnAdvance || !v.own(last) || last.silent || last.hidden {
		return
	}
	by := readBy{seq: s.seq, at: s.at, private: true, whole: true}
	from := v.lowest()
	if last.thread != "" || m.threads == events.ThreadsApart {
		by.thread = &last.thread
		from = v.pos(last.thread)
	}
	v.readTo(v.reach(from), by, s.seq)
}

// shows reports whether one of the first n messages shows, in whatever timeline.
func (c *chat) shows(n int) bool {
	return c.any(n, func(m *message) bool { return !m.hidden })
}

// reach returns how much of the log an own message reads that has just come (rule
// own): all of it, or what comes before the first that is unread, in whatever timeline it
// reads, and later.
func (v *view) reach(from int) int {
	own := len(v.chat.log) - 1
	for i := from; i < own; i++ {
		if v.chat.log[i].at > v.chat.log[own].at {
			return i
		}
	}
	return own + 1
}

// followers makes follow a thread whom a message of it, that has just come, makes
// (rule follow): its sender, whom it names, and who wrote the message that the thread
// hangs on, if it is the first other one.
func (m *Model) followers(c *chat, last *message) {
	if last.thread == "" || last.hidden || last.never {
		return
	}
	at := len(c.log) - 1
	root := c.find(last.thread)
	if root >= 0 && (root == at || c.hangsOn(last.thread, at)) {
		root = -1
	}
	for user, v := range c.views {
		named := slices.Contains(last.mentions, user) || root >= 0 && c.log[root].from == user
		if user == last.from || named && !v.account.blocked[last.from] {
			v.followFrom(last.thread, at)
		}
	}
}

// hangsOn reports whether a message before index end, but the one that the thread
// hangs on, is in the thread and has made its followers.
func (c *chat) hangsOn(thread string, end int) bool {
	return c.any(end, func(m *message) bool {
		return m.thread == thread && m.id != thread && !m.hidden && !m.never
	})
}

// followFrom makes the user follow a thread, if that is new: what counts apart does so
// from a message on. It brings the conversation back to the list.
func (v *view) followFrom(thread string, from int) {
	t := v.timeline(thread)
	if t.following {
		return
	}
	t.following, t.from = true, from
	v.listed = true
}

// revokeC2C recalls a message from its receiver (rule revoke).
func (m *Model) revokeC2C(s step, v *view) Result {
	i := v.chat.find(s.ID)
	if i < 0 {
		return v.chat.revokeEarly(s.ID)
	}
	return ignoredUnless(v.takeBack(i))
}

// takeBack recalls a C2C message. It reports whether that shows.
func (v *view) takeBack(i int) bool {
	m := &v.chat.log[i]
	counts, shows := v.chat.recall(i, v.counted(m))
	return v.inList() && (shows && i >= v.cleared || counts && i >= v.pos(m.thread) && !v.account.blocked[m.from])
}

// recall notes that a message was revoked. It reports whether that takes it out of
// the counts of those who have not read it, and whether it shows, as the last
// message, to all.
func (c *chat) recall(i int, counted bool) (counts, shows bool) {
	msg := &c.log[i]
	if i < c.purged {
		return false, false
	}
	counts = counted && !msg.revoked
	last := i == c.last() || msg.thread != "" && i == c.lastOf(msg.thread)
	shows = last && !msg.recalled && !msg.never
	msg.revoked = msg.revoked || counts // a read one too: it does not count again after an unread
	msg.recalled = msg.recalled || shows
	msg.gone = true
	c.wanted = slices.DeleteFunc(c.wanted, func(w int) bool { return w == i })
	return counts, shows
}

// revokeGroup recalls a message from all members (rule revoke).
func (m *Model) revokeGroup(s step, c *chat) Result {
	i := c.find(s.ID)
	if i < 0 {
		return c.revokeEarly(s.ID)
	}
	return ignoredUnless(c.takeBack(i))
}

// takeBack recalls a group's message. It reports whether that changes anything.
func (c *chat) takeBack(i int) bool {
	counts, shows := c.recall(i, !c.log[i].quiet())
	return counts || shows
}

// revokeEarly remembers the revoke of a message that has not come yet.
func (c *chat) revokeEarly(id string) Result {
	if c.revokes[id] {
		return ignoredUnless(false)
	}
	c.revokes[id] = true
	return ignoredUnless(true)
}

// edit replaces whom a message names (rule edit). Who is newly named in a thread
// follows it from that message on.
func (m *Model) edit(s step, c *chat) Result {
	i := c.find(s.ID)
	if i < 0 || i < c.purged {
		return ignoredUnless(false)
	}
	msg := &c.log[i]
	if msg.hidden || msg.never || msg.gone || msg.all == s.MentionAll && sameUsers(msg.mentions, s.Mentions) {
		return ignoredUnless(false)
	}
	if s.Verb == events.UserEdit { // only whether it names the owner matters
		if msg.from == s.Inbox || slices.Contains(msg.mentions, s.Inbox) == slices.Contains(s.Mentions, s.Inbox) {
			return ignoredUnless(false)
		}
	}
	before := msg.mentions
	msg.mentions, msg.all = slices.Clone(s.Mentions), s.MentionAll
	for user, v := range c.views {
		newly := slices.Contains(msg.mentions, user) && !slices.Contains(before, user)
		if msg.thread != "" && newly && i >= v.joined && !v.account.blocked[msg.from] {
			v.followFrom(msg.thread, i)
		}
	}
	return ignoredUnless(true)
}

func sameUsers(a, b []string) bool {
	in := func(list []string) func(string) bool {
		return func(user string) bool { return !slices.Contains(list, user) }
	}
	return !slices.ContainsFunc(a, in(b)) && !slices.ContainsFunc(b, in(a))
}
