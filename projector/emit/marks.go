package emit

import (
	"cmp"
	"slices"

	"reddot/events"
	"reddot/projector/fold"
)

// manyFrom is from how many users, members or receipts on what one command
// touches is told in bulk: others need not wait for it.
const manyFrom = 256

// mostMany bounds the commands that are kept with a list of users of their own.
// Further ones go into the marks of single users, which are bounded by the users
// there are.
const mostMany = 64

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
	// Many is from how many users or receipts on a command is told in bulk; the
	// usual number if zero.
	Many int

	users    ordered[string, userMark]
	groups   ordered[string, stamp]
	receipts ordered[fold.Key, struct{}]
	rejected bool // there is a refusal in the outbox

	many         []many                      // users of commands that touch many
	manyReceipts ordered[fold.Key, struct{}] // of such commands

	begun []*fold.Sweep    // what commands did to so many that the fold does not name them
	swept []fold.Departure // of whom it has named some since

	members []fold.Key // users' conversations with groups that they may have joined

	last events.Seq // the last command that left a mark, but for what is swept, which belongs to an earlier one
}

// userMark is a touched user. left are the conversations that may have left the
// list; bulk says that only commands which touched many did it.
type userMark struct {
	stamp
	left conversations
	bulk bool
}

type conversations = ordered[events.ConversationID, struct{}]

// many are the users of one command, who have joined or left a group, or whose
// own view of it has changed.
type many struct {
	stamp
	group string
	left  bool
	users []string
}

// Add enters what one command did.
func (m *Marks) Add(seq events.Seq, at events.Time, fx *fold.Effects) {
	s := stamp{seq, at}
	if len(fx.Changed)+len(fx.Noted)+len(fx.Groups)+len(fx.Receipts) > 0 || fx.Begun != nil || fx.Refused != "" {
		m.last = seq
	}
	m.rejected = m.rejected || fx.Refused != ""
	most := cmp.Or(m.Many, manyFrom)
	if len(fx.Changed) < most || !m.addMany(s, fx) {
		for _, k := range fx.Changed {
			m.user(k.User, s)
			if k.Kind == events.Group {
				m.members = append(m.members, k)
			}
		}
		for _, k := range fx.Noted {
			m.user(k.User, s).left.at(k.ConversationID)
		}
	}
	for _, g := range fx.Groups {
		m.group(g, s)
	}
	receipts := &m.receipts
	if len(fx.Receipts) >= most {
		receipts = &m.manyReceipts
	}
	for _, k := range fx.Receipts {
		receipts.at(k)
	}
	if fx.Begun != nil {
		m.begun = append(m.begun, fx.Begun)
	}
	m.swept = append(m.swept, fx.Swept...)
}

// addMany enters a command that touched many, if it did so to members of a group,
// all alike.
func (m *Marks) addMany(s stamp, fx *fold.Effects) bool {
	group := fx.Changed[0].ConversationID
	if group.Kind != events.Group || len(fx.Noted) > 0 && !slices.Equal(fx.Noted, fx.Changed) {
		return false
	}
	users := make([]string, len(fx.Changed))
	for i, k := range fx.Changed {
		if k.ConversationID != group {
			return false
		}
		users[i] = k.User
	}
	m.many = append(m.many, many{stamp: s, group: group.ID, left: len(fx.Noted) > 0, users: users})
	return true
}

func (m *Marks) user(user string, s stamp) *userMark {
	u := m.users.at(user)
	u.bulk = false
	u.stamp = later(u.stamp, s)
	return u
}

// single puts a command's users into the marks of single ones.
func (m *Marks) single(n many) {
	for _, user := range n.users {
		bulk := m.users.get(user)
		u := m.user(user, n.stamp)
		u.bulk = bulk.bulk || bulk.seq == 0
		if n.left {
			u.left.at(events.ConversationID{Kind: events.Group, ID: n.group})
		}
	}
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
	m.last = max(m.last, n.last)
	m.rejected = m.rejected || n.rejected
	for user, mark := range n.users.all() {
		before := m.users.get(user)
		u := m.user(user, mark.stamp)
		u.bulk = mark.bulk && (before.bulk || before.seq == 0)
		for c := range mark.left.all() {
			u.left.at(c)
		}
	}
	for group, s := range n.groups.all() {
		m.group(group, *s)
	}
	for k := range n.receipts.all() {
		m.receipts.at(k)
	}
	for k := range n.manyReceipts.all() {
		m.manyReceipts.at(k)
	}
	m.begun = append(m.begun, n.begun...)
	m.swept = append(m.swept, n.swept...)
	m.many = append(m.many, n.many...)
	for len(m.many) > mostMany {
		m.single(m.many[0])
		m.many = m.many[1:]
	}
}

// news reports whether a command may have to be told of: what is swept belongs to
// an earlier one.
func (m *Marks) news() bool {
	return m.users.len()+m.groups.len()+m.receipts.len()+m.manyReceipts.len()+len(m.many)+len(m.begun) > 0 || m.rejected
}

func (m *Marks) empty() bool {
	return !m.news() && len(m.swept) == 0
}
