package emit

import (
	"reddot/events"
	"reddot/projector/fold"
)

// stamp is a command: its seq and the stream's time of it.
type stamp struct {
	seq events.Seq
	at  events.Time
}

func later(a, b stamp) stamp {
	if b.seq > a.seq {
		return b
	}
	return a
}

// Marks are what commands touched and listeners have not been told yet. They
// are for one goroutine. The zero value has none.
type Marks struct {
	users    map[string]*userMark
	groups   map[string]stamp
	receipts map[fold.Key]struct{}
	rejected bool // there is a refusal in the outbox
}

// userMark is a touched user. conversations are those that a command named:
// they may have left the list.
type userMark struct {
	stamp
	conversations map[events.ConversationID]struct{}
}

// Add enters what one command did.
func (m *Marks) Add(seq events.Seq, at events.Time, fx *fold.Effects) {
	s := stamp{seq, at}
	m.rejected = m.rejected || fx.Refused != ""
	for _, k := range fx.Changed {
		m.user(k.User, s).add(k.ConversationID)
	}
	for _, g := range fx.Groups {
		m.group(g, s)
	}
	for _, k := range fx.Receipts {
		m.receipt(k)
	}
}

func (m *Marks) user(user string, s stamp) *userMark {
	if m.users == nil {
		m.users = make(map[string]*userMark)
	}
	u := m.users[user]
	if u == nil {
		u = new(userMark)
		m.users[user] = u
	}
	u.stamp = later(u.stamp, s)
	return u
}

func (u *userMark) add(c events.ConversationID) {
	if u.conversations == nil {
		u.conversations = make(map[events.ConversationID]struct{}, 1)
	}
	u.conversations[c] = struct{}{}
}

func (m *Marks) group(group string, s stamp) {
	if m.groups == nil {
		m.groups = make(map[string]stamp)
	}
	m.groups[group] = later(m.groups[group], s)
}

func (m *Marks) receipt(k fold.Key) {
	if m.receipts == nil {
		m.receipts = make(map[fold.Key]struct{})
	}
	m.receipts[k] = struct{}{}
}

// merge adds the marks of n, which the caller gives up.
func (m *Marks) merge(n *Marks) {
	if m.users == nil && m.groups == nil && m.receipts == nil {
		m.users, m.groups, m.receipts, m.rejected = n.users, n.groups, n.receipts, m.rejected || n.rejected
		return
	}
	m.rejected = m.rejected || n.rejected
	for user, mark := range n.users {
		u := m.user(user, mark.stamp)
		for c := range mark.conversations {
			u.add(c)
		}
	}
	for group, s := range n.groups {
		m.group(group, s)
	}
	for k := range n.receipts {
		m.receipt(k)
	}
}

func (m *Marks) empty() bool {
	return len(m.users) == 0 && len(m.groups) == 0 && len(m.receipts) == 0 && !m.rejected
}
