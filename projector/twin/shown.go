package twin

import (
	"reflect"
	"slices"

	"reddot/events"
)

// shown is what a view shows at some moment.
type shown struct {
	view         *view
	listed       bool
	conversation events.Conversation
	threads      map[string]events.Thread
}

// shows is what a view shows.
func (m *Model) shows(v *view) *shown {
	blocked := v.account.blocked
	unread := v.unread(blocked)
	newest := v.chat.lastOfEach()
	now := &shown{view: v, listed: v.inList(), conversation: v.conversationOf(unread, blocked), threads: make(map[string]events.Thread, len(newest)+1)}
	for thread, last := range newest {
		now.threads[thread] = v.threadOf(thread, last, nil, blocked)
	}
	for _, thread := range append(v.ownThreads(), "") {
		if _, has := now.threads[thread]; !has {
			now.threads[thread] = v.threadOf(thread, v.chat.lastOf(thread), nil, blocked)
		}
	}
	for _, msg := range unread {
		t := now.threads[msg.thread]
		v.countIn(&t, msg)
		now.threads[msg.thread] = t
	}
	return now
}

// concerned returns the views that a command may change.
func (m *Model) concerned(s step) []*view {
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
		var all []*view
		for _, c := range m.chats {
			all = append(all, c.all()...)
		}
		return all
	case events.UserImport:
		all := m.views(s.Inbox)
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
func (c *chat) all() []*view {
	var all []*view
	for _, v := range c.views {
		all = append(all, v)
	}
	return all
}

// viewKey names a view across a command that ends or begins it.
type viewKey struct {
	user string
	name events.ConversationID
}

func (m *Model) lookAt(s step) map[viewKey]*shown {
	views := m.concerned(s)
	all := make(map[viewKey]*shown, len(views))
	for _, v := range views {
		all[viewKey{v.user, v.name}] = m.shows(v)
	}
	return all
}

// touch notes what a command has changed of what shows: of a conversation that is in
// the list, or was, and of its threads that are followed, or were.
func (m *Model) touch(s step, before map[viewKey]*shown) {
	after := m.lookAt(s)
	for k, now := range after {
		was, had := before[k]
		if !had {
			was = new(shown)
		}
		if !now.listed && !was.listed {
			continue
		}
		if now.listed != was.listed || !reflect.DeepEqual(now.conversation, was.conversation) {
			now.view.version = s.seq
			m.versions[k.user] = s.seq
		}
		for thread, t := range now.threads {
			if old := was.threads[thread]; !reflect.DeepEqual(t, old) {
				now.view.threadVersions[thread] = s.seq
				if t.Following || old.Following {
					m.versions[k.user] = s.seq
				}
			}
		}
	}
	for k, was := range before {
		now, still := after[k]
		if !still {
			now = new(shown)
		}
		m.forgotten(s, k, was, now)
		if !still && was.listed {
			m.versions[k.user] = s.seq
		}
	}
}

// forgotten notes that a thread is not known any more which the user has followed: one
// without messages.
func (m *Model) forgotten(s step, k viewKey, was, now *shown) {
	for thread, t := range was.threads {
		if _, still := now.threads[thread]; !still && t.Following && was.listed {
			m.versions[k.user] = s.seq
		}
	}
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
