package twin

import (
	"maps"
	"slices"

	"reddot/events"
)

// mute keeps a conversation out of the totals, or a thread out of the conversation's
// count, or lets it in again (rules mute, thread-mute).
func (m *Model) mute(s step, v *view) Result {
	if s.Thread == "" {
		return m.setLevel(v, map[bool]events.Level{true: events.LevelNone, false: events.LevelAll}[s.Muted])
	}
	if v.chat.lastOf(s.Thread) < 0 || v.of(s.Thread).muted == s.Muted {
		return ignoredUnless(false)
	}
	v.timeline(s.Thread).muted = s.Muted
	return ignoredUnless(true)
}

// setLevel sets what a conversation puts into the totals (rule level).
func (m *Model) setLevel(v *view, level events.Level) Result {
	if v.level == level {
		return ignoredUnless(false)
	}
	v.level = level
	return ignoredUnless(true)
}

// label takes labels off a conversation and puts others on it (rule label).
func (m *Model) label(s step, v *view) Result {
	labels := map[string]bool{}
	for _, l := range v.labels {
		labels[l] = true
	}
	for _, l := range s.Remove {
		delete(labels, l)
	}
	for _, l := range s.Add {
		labels[l] = true
	}
	now := slices.Sorted(maps.Keys(labels))
	if len(now) > events.MaxLabels {
		return refused(tooManyLabels)
	}
	if slices.Equal(now, v.labels) {
		return ignoredUnless(false)
	}
	v.labels = now
	return ignoredUnless(true)
}

// shownLabels are the labels as an answer has them.
func (v *view) shownLabels() []string { return slices.Clone(v.labels) }

// follow makes the user follow a thread, or ends that (rule follow). A thread without
// messages can be followed.
func (m *Model) follow(s step, v *view) Result {
	if !v.exists() || v.of(s.Thread).following == s.Following {
		return ignoredUnless(false)
	}
	if s.Following {
		v.followFrom(s.Thread, len(v.chat.log))
	} else {
		v.timeline(s.Thread).following = false
	}
	return ignoredUnless(true)
}

// filter keeps a named filter, or drops it (rule filter).
func (m *Model) filter(s step) Result {
	a := m.account(s.Inbox)
	old, kept := a.filters[s.Name]
	switch {
	case s.Filter == nil && !kept, s.Filter != nil && kept && s.Filter.Equal(old):
		return ignoredUnless(false)
	case s.Filter == nil:
		delete(a.filters, s.Name)
	case !kept && len(a.filters) == events.MaxFilters:
		return refused(tooManyFilters)
	default:
		f := *s.Filter
		if f.Label != nil {
			f.Label = new(*f.Label)
		}
		a.filters[s.Name] = f
	}
	m.versions[s.Inbox] = s.seq
	return ignoredUnless(true)
}

// block blocks senders, or no longer does (rule block).
func (m *Model) block(s step) Result {
	a := m.account(s.Inbox)
	now := maps.Clone(a.blocked)
	for _, user := range s.Users {
		if user == s.Inbox {
			continue // nobody blocks oneself
		}
		if s.Blocked {
			now[user] = true
		} else {
			delete(now, user)
		}
	}
	if len(now) > events.MaxBlocked {
		return refused(tooManyBlocked)
	}
	if maps.Equal(now, a.blocked) {
		return ignoredUnless(false)
	}
	a.blocked = now
	return ignoredUnless(true)
}
