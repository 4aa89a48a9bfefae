package twin

import (
	"maps"
	"slices"
)

// unread marks a conversation unread, or one timeline of it (rules unread,
// thread-unread): from a message on, or with the mark only.
func (m *Model) unread(s step, v *view) Result {
	if !v.exists() {
		v.pending = nil
		return ignoredUnless(false) // rule stranger: there is no such conversation yet
	}
	from := v.find(s.From)
	if s.From != "" && from < v.floor() {
		return refused(noMessage) // rules stranger, join, clear, purge
	}
	v.pending = nil
	var changed bool
	switch {
	case s.From == "":
		changed = v.mark()
	case s.HasThread:
		changed = v.unreadOne(s, from)
	default:
		changed = v.unreadEvery(s, from)
	}
	v.acted = v.acted || changed
	return ignoredUnless(changed)
}

// mark sets the mark.
func (v *view) mark() bool {
	if v.marked && v.inList() {
		return false
	}
	v.marked, v.listed = true, true
	return true
}

// countFrom reports whether a message would count, of one timeline or of any, if
// only the first n of the log were read.
func (v *view) countFrom(n int, thread *string) bool {
	for i := n; i < len(v.chat.log); i++ {
		if (thread == nil || v.chat.log[i].thread == *thread) && v.counts(i) {
			return true
		}
	}
	return false
}

func (v *view) unreadEvery(s step, from int) bool {
	if !v.countFrom(from, nil) {
		return v.mark()
	}
	own := slices.ContainsFunc(slices.Collect(maps.Values(v.timelines)), func(t *timeline) bool { return t.own })
	if v.read == from && !own && v.threadsRead <= from && v.carried == 0 && v.inList() {
		return false
	}
	if v.read != from {
		v.read, v.readAt, v.readSeq = from, 0, s.seq
	}
	for _, t := range v.timelines {
		t.own = false
	}
	v.threadsRead = 0
	v.carried, v.carriedMentions = 0, 0 // rule carried
	v.listed = true
	return true
}

func (v *view) unreadOne(s step, from int) bool {
	t := v.timeline(s.Thread)
	before, carried, listed := *t, v.carried, v.inList()
	if s.Thread != "" { // rule follow
		if t.following {
			t.from = min(t.from, from)
		} else {
			t.following, t.from = true, from
		}
	}
	if !v.countFrom(from, &s.Thread) {
		*t = before
		return v.mark()
	}
	pos := v.pos(s.Thread)
	t.own, t.read = true, from
	if s.Thread == "" {
		v.carried, v.carriedMentions = 0, 0
	}
	v.settle()
	earlier := false // it counts from an earlier message on
	for i := t.from; i < before.from; i++ {
		earlier = earlier || v.counted(&v.chat.log[i])
	}
	if pos == from && t.following == before.following && !earlier && carried == v.carried && listed {
		return false
	}
	v.listed = true
	return true
}

// delete takes a conversation off the list (rule delete).
func (m *Model) delete(s step, v *view) Result {
	if s.Upto != "" || s.HasUptoAt {
		return m.deleteUpto(s, v)
	}
	v.pending = nil
	if !v.inList() {
		return ignoredUnless(false)
	}
	v.read, v.readAt, v.readSeq = len(v.chat.log), 0, s.seq
	v.leave()
	return ignoredUnless(true)
}

// leave takes the conversation off the list: what comes then brings it back. Its
// threads are no longer followed or muted (rule thread-list).
func (v *view) leave() {
	v.listed, v.marked, v.acted = false, false, true
	v.deleted, v.gone = true, len(v.chat.log)
	v.carried, v.carriedMentions = 0, 0
	v.threadsRead = 0
	for _, t := range v.timelines {
		t.own, t.following, t.muted = false, false, false
	}
}

// deleteUpto drops a conversation up to a position (rule delete): what lies after
// it stays, and keeps the conversation in the list if any of it would have brought
// it there. One that finds nothing to do, as a retry does, changes nothing at all.
func (m *Model) deleteUpto(s step, v *view) Result {
	to, named := v.upto(s)
	if !named || !v.inList() {
		return ignoredUnless(false)
	}
	place, stays := max(to, v.floor()), false
	for i := place; i < len(v.chat.log); i++ {
		msg := &v.chat.log[i]
		stays = stays || !msg.quiet() && !msg.apart && !msg.revoked && !v.account.blocked[msg.from]
	}
	ends := v.carried > 0 && to > 0
	if stays && to <= v.lowest() && !ends {
		return ignoredUnless(false)
	}
	v.pending = nil
	v.forget(s, to)
	v.acted = true
	if !stays {
		v.leave()
	}
	return ignoredUnless(true)
}

// forget moves the positions forward to a place as no read does: nobody is told, and
// no time is shown. It ends what is carried, if the place holds a message.
func (v *view) forget(s step, to int) (moved bool) {
	if to > v.read {
		v.read, v.readAt, v.readSeq = to, 0, s.seq
		moved = true
	}
	moved = v.pull(to) || moved
	if moved {
		v.marked = false
	}
	if to > 0 {
		v.carried, v.carriedMentions = 0, 0
	}
	return moved
}

// clear ends the user's history of a conversation, which stays in the list (rule
// clear).
func (m *Model) clear(s step, v *view) Result {
	if !v.exists() {
		return ignoredUnless(false)
	}
	to := len(v.chat.log)
	if s.Before != "" {
		if to = v.find(s.Before); to < 0 {
			return refused(noMessage)
		}
	}
	if to <= v.cleared && v.carried == 0 && !(s.Before == "" && v.marked) {
		return ignoredUnless(false)
	}
	v.cleared = max(v.cleared, to)
	v.forget(s, to)
	v.carried, v.carriedMentions = 0, 0 // rule carried
	if s.Before == "" {
		v.marked = false
	}
	v.acted = true
	return ignoredUnless(true)
}

// purge ends a group's history before a place for all (rule purge).
func (m *Model) purge(s step, c *chat) Result {
	to := 0
	if s.Before != "" {
		if to = c.find(s.Before); to < 0 {
			return refused(noMessage)
		}
	}
	if s.HasBeforeAt {
		to = max(to, c.lastBy(func(m *message) bool { return m.at < s.BeforeAt }))
	}
	if to <= c.purged {
		return ignoredUnless(false)
	}
	c.purged = to
	return ignoredUnless(true)
}
