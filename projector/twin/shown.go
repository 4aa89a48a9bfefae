package twin

import (
	"maps"
	"reflect"
	"slices"

	"reddot/events"
)

// shown is what a view shows at some moment, but for the versions.
type shown struct {
	listed       bool
	conversation events.Conversation
	mentioned    uint64                    // threads with unread mentions apart
	threads      map[string]*events.Thread // those that can show, and the main timeline
}

// shows looks what a view shows.
func (v *view) shows() *shown {
	now := &shown{listed: v.inList(), conversation: v.uncounted(), threads: make(map[string]*events.Thread, len(v.chat.newest)+1)}
	for thread := range v.chat.newest {
		now.threads[thread] = v.uncountedIn(thread)
	}
	for _, thread := range append(v.ownThreads(), "") {
		if now.threads[thread] == nil {
			now.threads[thread] = v.uncountedIn(thread)
		}
	}
	c, apart := &now.conversation, map[string]bool{} // whether a thread has mentions
	for m := range v.unread() {
		mention := one(m.names(v.user))
		t := now.threads[m.thread]
		count(&t.Unread, &t.Mentions, &t.FirstUnread, m.id, mention)
		switch {
		case v.ofConversation(m):
			count(&c.Unread, &c.Mentions, &c.FirstUnread, m.id, mention)
		case v.ofThreads(m):
			c.Threads.Unread++
			c.Threads.Mentions += mention
			apart[m.thread] = apart[m.thread] || mention > 0
		}
	}
	c.Threads.Threads = uint64(len(apart))
	for _, is := range apart {
		now.mentioned += one(is)
	}
	return now
}

// about returns the views that a command may change.
func (m *Model) about(s step) (all []*view) {
	switch s.Verb {
	case events.UserMessage, events.UserRevoke, events.UserEdit:
		return []*view{m.c2c(s.Inbox, s.From)}
	case events.UserSent:
		return []*view{m.c2c(s.Inbox, s.To)}
	case events.UserErase, events.UserReadAll, events.UserBlock:
		return m.views(s.Inbox)
	case events.UserFilter, events.PolicySet:
		return nil
	case events.ClockSet:
		for _, d := range m.dueBy(s.At) {
			all = append(all, d.chat.all()...)
		}
		return all
	case events.UserImport:
		for i := range s.Conversations {
			if id := s.Conversations[i].Conversation; id.Kind == events.Group {
				all = append(all, m.group(id.ID).all()...)
			} else {
				all = append(all, m.c2c(s.Inbox, id.ID))
			}
		}
		return all
	}
	if s.Verb.Inbox() == "group" {
		return m.group(s.Inbox).all()
	}
	if v := m.view(s.Inbox, s.Conversation); v != nil {
		return []*view{v}
	}
	return nil
}

// all returns the views of a chat.
func (c *chat) all() []*view { return slices.Collect(maps.Values(c.views)) }

// touch notes what a command has changed of what views show that it is about.
func (m *Model) touch(s step, about []*view) {
	looked := map[*view]bool{}
	for _, v := range about {
		if looked[v] {
			continue
		}
		looked[v] = true
		was := v.shown
		v.shown = new(shown)
		if m.known(v.user, v.name) == v {
			v.shown = v.shows()
		}
		m.compare(s, v, was, v.shown)
	}
}

// compare notes what has changed of what a view shows: of a conversation that is in the
// list, or was, and of its threads that are followed, or were.
func (m *Model) compare(s step, v *view, was, now *shown) {
	if !now.listed && !was.listed {
		return
	}
	if now.listed != was.listed || !reflect.DeepEqual(now.conversation, was.conversation) {
		v.version = s.seq
		m.versions[v.user] = s.seq
	}
	for thread, t := range now.threads {
		old := was.threads[thread]
		if old != nil && sameThread(*t, *old) {
			continue
		}
		v.threadVersions[thread] = s.seq
		if t.Following || old != nil && old.Following {
			m.versions[v.user] = s.seq
		}
	}
	for thread, old := range was.threads { // one without messages is forgotten when it is unfollowed
		if now.threads[thread] == nil && old.Following && was.listed {
			m.versions[v.user] = s.seq
		}
	}
}

func sameThread(a, b events.Thread) bool {
	x, y := a.LastMessage, b.LastMessage
	if (x == nil) != (y == nil) || x != nil && *x != *y {
		return false
	}
	a.LastMessage, b.LastMessage = nil, nil
	return a == b
}

// knownThreads returns the threads that a view can show: those with messages that
// show, and those that the user follows or has muted.
func (v *view) knownThreads() []string {
	all := append(v.chat.threads(), v.ownThreads()...)
	slices.Sort(all)
	return slices.Compact(all)
}

// ownThreads returns the threads that the user follows or has muted.
func (v *view) ownThreads() (all []string) {
	for thread, t := range v.timelines {
		if thread != "" && (t.following || t.muted) {
			all = append(all, thread)
		}
	}
	return all
}
