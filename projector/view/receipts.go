package view

import (
	"cmp"
	"encoding/base64"
	"slices"

	"reddot/events"
	"reddot/projector/fold"
)

// asked is a message of a group whose readers are asked for.
type asked struct {
	group   string
	log     *fold.Log
	pos     fold.Pos
	message fold.Message
}

// readBy says how many have read it, and how many could have.
func (a *asked) readBy(r fold.Reader) (read, members uint64) {
	return fold.ReadBy(r, a.group, a.log, a.pos, &a.message)
}

// Why somebody may not ask who has read a message. errors.Is finds the codes in them.
var (
	errReceiptsOff = &events.Fault{Code: events.ErrUnavailable, Message: `group receipts are off: the policy group_receipts is "off"`}
	errNotSender   = &events.Fault{Code: events.ErrForbidden, Message: `only the sender may ask who has read a message: the policy group_receipts is "sender"`}
	errNotMember   = &events.Fault{Code: events.ErrForbidden, Message: "only the group's members and the sender may ask who has read a message"}
)

// ask finds a message whose readers a user asks for (rule read-by): the policy may
// forbid it, and a message that is unknown, recalled or purged has none
// (events.ErrNotFound).
func ask(r fold.Reader, user, group, id string) (a asked, err error) {
	k := fold.Key{User: user, ConversationID: fold.GroupKey(group).ConversationID}
	a.group, a.log = group, r.Group(group)
	if a.log != nil {
		i, _ := r.Index(k.LogKey(), id)
		if a.pos = i.Pos; a.pos > 0 {
			a.message = r.Message(k.LogKey(), a.pos)
		}
	}
	known := a.pos > 0
	switch policy := r.Policies().Receipts; {
	case policy == events.ReceiptsOff:
		return a, errReceiptsOff
	case known && a.message.From == user:
	case policy == events.ReceiptsSender:
		if known {
			return a, errNotSender
		}
	default:
		c := r.Conversation(k)
		if c == nil {
			return a, errNotMember
		}
		known = known && a.pos > c.Join.Pos // rule join
	}
	if !known || fold.Unreadable(r, group, a.log, a.pos, &a.message) {
		return a, events.ErrNotFound
	}
	return a, nil
}

// GroupReceipts says by how many members messages are read. Those of which nobody
// has readers are left out.
func GroupReceipts(r fold.Reader, user string, q events.GroupReceiptsRequest) (events.GroupReceiptsReply, error) {
	reply := events.GroupReceiptsReply{User: user, Receipts: []events.GroupReceipt{}}
	for i, id := range q.IDs {
		if slices.Contains(q.IDs[:i], id) {
			continue
		}
		a, err := ask(r, user, q.Group, id)
		if err == events.ErrNotFound {
			continue
		}
		if err != nil {
			return events.GroupReceiptsReply{}, err
		}
		read, members := a.readBy(r)
		reply.Receipts = append(reply.Receipts, events.GroupReceipt{ID: id, Read: read, Members: members})
	}
	reply.Version = Version(r, user)
	eachWanted(r, fold.Author{Group: q.Group, User: user}, func(w *fold.WantedMessage) { reply.Version = max(reply.Version, w.Seq) })
	return reply, nil
}

// Readers lists those who have read a message, or have not, by name: one page.
func Readers(r fold.Reader, user string, q events.ReadersRequest) (events.ReadersReply, error) {
	reply := events.ReadersReply{ID: q.ID, Users: []events.Reader{}}
	after, err := parseUser(q.After)
	if err != nil {
		return reply, err
	}
	a, err := ask(r, user, q.Group, q.ID)
	if err != nil {
		return events.ReadersReply{}, err
	}
	reply.Read, reply.Members = a.readBy(r)
	all := reply.Read
	if !q.HaveRead() {
		all = reply.Members - reply.Read
	}
	if all == 0 {
		return reply, nil
	}
	r.EachMember(q.Group, after, func(user string, m fold.Member) bool {
		if user == a.message.From || m.Join >= a.pos {
			return true
		}
		at, has := fold.ReadAt(r, q.Group, user, m, a.pos, a.message.Thread)
		if has != q.HaveRead() {
			return true
		}
		if n := len(reply.Users); n == q.Most() {
			reply.Next = userCursor(reply.Users[n-1].User)
			return false
		}
		reply.Users = append(reply.Users, events.Reader{User: user, At: at})
		return q.After != "" || uint64(len(reply.Users)) < all // the rest need not be looked at
	})
	return reply, nil
}

// The cursor of a list of users is the last one's name.
func userCursor(user string) string { return base64.RawURLEncoding.EncodeToString([]byte(user)) }

func parseUser(cursor string) (string, error) {
	b, err := base64.RawURLEncoding.DecodeString(cursor)
	if err != nil || cursor != "" && events.CheckID("user", string(b)) != nil {
		return "", events.ErrCursor
	}
	return string(b), nil
}

// eachWanted calls fn with a sender's messages that ask for receipts, in the order of
// the log.
func eachWanted(r fold.Reader, from fold.Author, fn func(*fold.WantedMessage)) {
	w := r.Wanted(from.Group)
	if w == nil {
		return
	}
	for i := range w.Messages {
		if m := &w.Messages[i]; m.From == from.User {
			fn(m)
		}
	}
}

// Raised is what the sender of messages in a group is notified of (rule
// receipts-sent): the figures of those that commands after a seq have brought
// readers, in the order of these commands. The version is that of the last one; there
// may be no receipts, as messages are recalled.
func Raised(r fold.Reader, to fold.Author, since events.Seq) events.GroupReceipts {
	var raised []fold.WantedMessage
	eachWanted(r, to, func(w *fold.WantedMessage) {
		if w.Seq > since {
			raised = append(raised, *w)
		}
	})
	slices.SortStableFunc(raised, func(a, b fold.WantedMessage) int { return cmp.Compare(a.Seq, b.Seq) })
	event := events.GroupReceipts{User: to.User, Group: to.Group}
	for _, w := range raised {
		a := asked{group: to.Group, log: r.Group(to.Group), pos: w.Pos, message: r.Message(fold.GroupKey(to.Group), w.Pos)}
		if fold.Unreadable(r, to.Group, a.log, a.pos, &a.message) {
			continue
		}
		read, members := a.readBy(r)
		event.Receipts = append(event.Receipts, events.GroupReceipt{ID: a.message.ID, Read: read, Members: members})
		event.Version, event.At = w.Seq, w.At
	}
	return event
}
