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
	users    ordered[string, userMark]
	groups   ordered[string, stamp]
	receipts ordered[fold.Key, struct{}]
	rejected bool // there is a refusal in the outbox
	bulk     bulk
}

// userMark is a touched user. conversations are those that a command named:
// they may have left the list.
type userMark struct {
	stamp
	conversations conversations
}

type conversations = ordered[events.ConversationID, struct{}]

// Add enters what one command did.
func (m *Marks) Add(seq events.Seq, at events.Time, fx *fold.Effects) {
	s := stamp{seq, at}
	m.rejected = m.rejected || fx.Refused != ""
	for _, k := range fx.Changed {
		m.user(k.User, s).conversations.at(k.ConversationID)
	}
	for _, g := range fx.Groups {
		m.group(g, s)
	}
	for _, k := range fx.Receipts {
		m.receipts.at(k)
	}
	m.bulk.add(fx.Begun, fx.Swept)
}

func (m *Marks) user(user string, s stamp) *userMark {
	u := m.users.at(user)
	u.stamp = later(u.stamp, s)
	return u
}

func (m *Marks) group(group string, s stamp) {
	g := m.groups.at(group)
	*g = later(*g, s)
}

// merge adds the marks of n, which the caller gives up.
func (m *Marks) merge(n *Marks) {
	if m.empty() {
		*m = *n
		return
	}
	m.rejected = m.rejected || n.rejected
	for user, mark := range n.users.all() {
		u := m.user(user, mark.stamp)
		for c := range mark.conversations.all() {
			u.conversations.at(c)
		}
	}
	for group, s := range n.groups.all() {
		m.group(group, *s)
	}
	for k := range n.receipts.all() {
		m.receipts.at(k)
	}
	m.bulk.begun = append(m.bulk.begun, n.bulk.begun...)
	m.bulk.swept = append(m.bulk.swept, n.bulk.swept...)
}

// news reports whether a command may have to be told of: what is swept belongs to
// an earlier one.
func (m *Marks) news() bool {
	return m.users.len() > 0 || m.groups.len() > 0 || m.receipts.len() > 0 || m.rejected || len(m.bulk.begun) > 0
}

func (m *Marks) empty() bool {
	return !m.news() && len(m.bulk.swept) == 0
}
