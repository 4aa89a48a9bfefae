package twin

import (
	"cmp"
	"maps"
	"slices"

	"reddot/events"
)

// has reports whether a member of a group has read a message, as the message's sender
// may ask (rule seen).
func (v *view) has(i int) bool {
	return i < max(v.seen, v.of(v.chat.log[i].thread).seen)
}

// mayHave reports whether a member could have read a message (rule read-by).
func (v *view) mayHave(i int) bool { return i >= v.joined && !v.own(&v.chat.log[i]) }

// members returns the members who could have read a message, by name.
func (c *chat) members(i int) (all []*view) {
	for _, user := range slices.Sorted(maps.Keys(c.views)) {
		if v := c.views[user]; v.mayHave(i) {
			all = append(all, v)
		}
	}
	return all
}

// receipt is by how many members a message is read.
func (c *chat) receipt(i int) events.GroupReceipt {
	r := events.GroupReceipt{ID: c.log[i].id}
	for _, v := range c.views {
		if v.mayHave(i) {
			r.Members++
			r.Read += one(v.has(i))
		}
	}
	return r
}

// countable reports whether a message has readers: none that is revoked, expired or
// purged does.
func (c *chat) countable(i int) bool {
	return i >= c.purged && !c.log[i].never && !c.log[i].gone
}

// reads returns the messages whose senders are notified of readers and that the members
// have read who may read some by a command (rule receipts-sent): the user who reads, or
// those whose read has waited for a message. One's own message tells nobody of a read.
func (m *Model) reads(s step) map[*view][]int {
	if !m.asked() {
		return nil
	}
	read := map[*view][]int{}
	switch s.Verb {
	case events.UserRead:
		if v := m.known(s.Inbox, s.Conversation); v != nil {
			read[v] = v.wantedRead()
		}
	case events.UserReadAll:
		for _, v := range m.views(s.Inbox) {
			read[v] = v.wantedRead()
		}
	case events.GroupMessage:
		for _, v := range m.group(s.Inbox).views {
			if slices.ContainsFunc(v.pending, func(r pendingRead) bool { return r.upto == s.ID }) {
				read[v] = v.wantedRead()
			}
		}
	}
	return read
}

// wantedRead returns the messages that a member has read and whose senders are notified
// of readers, the oldest first.
func (v *view) wantedRead() (all []int) {
	for _, i := range v.chat.wanted {
		if v.chat.countable(i) && v.mayHave(i) && v.has(i) {
			all = append(all, i)
		}
	}
	return all
}

// raised returns the messages that members have read now and had not before.
func raised(before map[*view][]int) (all []Raised) {
	for v, had := range before {
		for _, i := range v.wantedRead() {
			if _, is := slices.BinarySearch(had, i); is {
				continue
			}
			r := Raised{Sender: v.chat.log[i].from, Group: v.name.ID, GroupReceipt: v.chat.receipt(i)}
			if !slices.Contains(all, r) {
				all = append(all, r)
			}
		}
	}
	slices.SortFunc(all, func(a, b Raised) int {
		return cmp.Or(cmp.Compare(a.Sender, b.Sender), cmp.Compare(a.Group, b.Group), cmp.Compare(a.ID, b.ID))
	})
	return all
}

// ReadBy is by how many a message is read, whoever may ask; false if it is unknown or
// has no readers.
func (m *Model) ReadBy(group, id string) (events.GroupReceipt, bool) {
	c := m.group(group)
	i := c.find(id)
	if i < 0 || !c.countable(i) {
		return events.GroupReceipt{}, false
	}
	return c.receipt(i), true
}

// mayAsk says what a user learns of a message of a group: events.ErrForbidden, false
// for nothing, or true.
func (m *Model) mayAsk(user string, c *chat, id string) (i int, known bool, err error) {
	i = c.find(id)
	own := i >= 0 && c.log[i].from == user
	switch v := c.views[user]; {
	case own:
	case m.receipts == events.ReceiptsSender && i >= 0, m.receipts == events.ReceiptsMembers && v == nil:
		return i, false, events.ErrForbidden
	case i < 0 || m.receipts == events.ReceiptsMembers && i < v.joined:
		return i, false, nil
	}
	return i, c.countable(i), nil
}

// GroupReceipts answers by how many members messages are read.
func (m *Model) GroupReceipts(user string, q events.GroupReceiptsRequest) ([]events.GroupReceipt, error) {
	if !m.asked() {
		return nil, events.ErrUnavailable
	}
	c := m.group(q.Group)
	all, asked := []events.GroupReceipt{}, map[string]bool{}
	for _, id := range q.IDs {
		i, known, err := m.mayAsk(user, c, id)
		if err != nil {
			return nil, err
		}
		if known && !asked[id] {
			all = append(all, c.receipt(i))
		}
		asked[id] = true
	}
	return all, nil
}

// Readers answers who has read a message, or has not, all of them by name.
func (m *Model) Readers(user string, q events.ReadersRequest) (events.ReadersReply, error) {
	if !m.asked() {
		return events.ReadersReply{}, events.ErrUnavailable
	}
	c := m.group(q.Group)
	i, known, err := m.mayAsk(user, c, q.ID)
	if err == nil && !known {
		err = events.ErrNotFound
	}
	if err != nil {
		return events.ReadersReply{}, err
	}
	n := c.receipt(i)
	r := events.ReadersReply{ID: q.ID, Read: n.Read, Members: n.Members, Users: []events.Reader{}}
	for _, v := range c.members(i) {
		switch {
		case v.has(i) != q.HaveRead():
		case !v.has(i):
			r.Users = append(r.Users, events.Reader{User: v.user})
		case v.seen > i:
			r.Users = append(r.Users, events.Reader{User: v.user, At: v.seenAt})
		default:
			r.Users = append(r.Users, events.Reader{User: v.user, At: v.of(c.log[i].thread).seenAt})
		}
	}
	return r, nil
}
