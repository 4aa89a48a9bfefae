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

// readBy returns the members who could have read a message, by name, and those of
// them who have (rule read-by).
func (c *chat) readBy(i int) (members, readers []*view) {
	for _, user := range slices.Sorted(maps.Keys(c.views)) {
		v := c.views[user]
		if v.joined > i || user == c.log[i].from {
			continue
		}
		members = append(members, v)
		if v.has(i) {
			readers = append(readers, v)
		}
	}
	return members, readers
}

// receipt is by how many members a message is read.
func (c *chat) receipt(i int) events.GroupReceipt {
	members, readers := c.readBy(i)
	return events.GroupReceipt{ID: c.log[i].id, Read: uint64(len(readers)), Members: uint64(len(members))}
}

// countable reports whether a message has readers: none that is revoked, expired or
// purged does.
func (c *chat) countable(i int) bool {
	return i >= c.purged && !c.log[i].never && !c.log[i].gone
}

// wantedKey names a message whose sender is notified of readers: by its place in the
// group's log.
type wantedKey struct {
	group string
	i     int
}

// readers returns by how many the messages are read whose senders a command may
// notify.
func (m *Model) readers(s step) map[wantedKey]uint64 {
	read := map[wantedKey]uint64{}
	switch s.Verb {
	case events.UserRead, events.UserReadAll, events.GroupMessage:
	default:
		return nil // rule receipts-sent: only reads raise it
	}
	for k, c := range m.chats {
		if s.Verb == events.GroupMessage && k.id != s.Inbox || !m.asked() {
			continue
		}
		for _, i := range c.wanted {
			if k.kind == events.Group && c.countable(i) {
				read[wantedKey{k.id, i}] = c.receipt(i).Read
			}
		}
	}
	return read
}

// raised returns the messages that more members have read than before.
func (m *Model) raised(s step, before map[wantedKey]uint64) []Raised {
	var all []Raised
	for k, now := range m.readers(s) {
		if c := m.group(k.group); now > before[k] {
			all = append(all, Raised{Sender: c.log[k.i].from, Group: k.group, GroupReceipt: c.receipt(k.i)})
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
	members, _ := c.readBy(i)
	for _, v := range members {
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
