package twin

import (
	"iter"

	"reddot/events"
)

// pos is a timeline's read position: the conversation's until it has one of its
// own (rule timeline).
func (v *view) pos(thread string) int {
	if t := v.timelines[thread]; t != nil && t.own {
		return t.read
	}
	return v.common(thread)
}

// common is the position of a timeline that has none of its own: the conversation's,
// in a thread one that a read of all threads has moved beyond it.
func (v *view) common(thread string) int {
	if thread == "" {
		return v.read
	}
	return max(v.read, v.threadsRead)
}

// counted reports whether a message raised somebody's unread when it came (rules
// count, silent, revoke). Nobody counts an own C2C message: its only reader
// wrote it.
func (v *view) counted(m *message) bool {
	if v.name.Kind == events.C2C && v.own(m) {
		return false
	}
	return !m.quiet()
}

// counts reports whether a message counts for the user as long as it is unread: in
// the conversation, or apart in a thread that the user follows.
func (v *view) counts(i int) bool {
	m := &v.chat.log[i]
	if i < v.floor() || !v.counted(m) || v.own(m) || m.revoked || v.account.blocked[m.from] {
		return false
	}
	if !m.apart {
		return true
	}
	t := v.of(m.thread)
	return t.following && i >= t.from // rule follow
}

// lowest is the lowest read position of all timelines.
func (v *view) lowest() int {
	low := v.read
	for _, t := range v.timelines {
		if t.own {
			low = min(low, t.read)
		}
	}
	return low
}

// unread returns the messages that count and are unread, in any timeline, the oldest
// first.
func (v *view) unread() iter.Seq[*message] {
	return func(yield func(*message) bool) {
		main := v.pos("")
		for i := v.lowest(); i < len(v.chat.log); i++ {
			m, from := &v.chat.log[i], main
			if m.thread != "" {
				from = v.pos(m.thread)
			}
			if i >= from && v.counts(i) && !yield(m) {
				return
			}
		}
	}
}

// ofConversation reports whether an unread message makes up the conversation's count.
func (v *view) ofConversation(m *message) bool { return !m.apart && !v.of(m.thread).muted }

// ofThreads reports whether it makes up what counts apart.
func (v *view) ofThreads(m *message) bool { return m.apart && !v.of(m.thread).muted }

// carriedBut is what is carried and counts: nothing of a blocked peer, who has written
// all of it.
func (v *view) carriedBut() (unread, mentions uint64) {
	if v.name.Kind == events.C2C && v.account.blocked[v.name.ID] {
		return 0, 0
	}
	return v.carried, v.carriedMentions
}

// uncounted is what the user is shown of the conversation, before its messages are
// counted.
func (v *view) uncounted() events.Conversation {
	carried, mentions := v.carriedBut()
	c := events.Conversation{
		Conversation: v.name.String(),
		Unread:       carried,
		Mentions:     mentions,
		MarkedUnread: v.marked,
		Muted:        v.level == events.LevelNone,
		Labels:       v.shownLabels(),
		ReadUpto:     v.readUpto(v.read),
		ReadAt:       v.readAt,
	}
	if v.level != events.LevelAll {
		c.Level = v.level.String()
	}
	if i := v.chat.last(); i >= 0 && i >= max(v.cleared, v.chat.purged) {
		c.LastMessage = v.chat.log[i].last()
	}
	return c
}

// uncountedIn is what the user is shown of a timeline, before its messages are counted.
func (v *view) uncountedIn(thread string) *events.Thread {
	t := v.of(thread)
	shown := &events.Thread{
		Conversation: v.name.String(),
		Thread:       thread,
		Following:    t.following,
		Muted:        t.muted,
		ReadUpto:     v.readUpto(v.pos(thread)),
	}
	if thread == "" { // rule carried
		shown.Unread, shown.Mentions = v.carriedBut()
	}
	if last := v.chat.lastOf(thread); last >= max(v.cleared, v.chat.purged) {
		shown.LastMessage = v.chat.log[last].last()
	}
	return shown
}

// count counts an unread message, the first of which is left out beside what is carried.
func count(unread, mentions *uint64, first *string, id string, mention uint64) {
	if *unread == 0 {
		*first = id
	}
	*unread++
	*mentions += mention
}

func one(is bool) uint64 {
	if is {
		return 1
	}
	return 0
}
