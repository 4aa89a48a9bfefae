package fold

import (
	"fmt"

	"reddot/events"
)

// Touch is what one command may have touched; see Touched.
type Touch struct {
	Users    []string
	Groups   []string     // as Effects.Groups
	Threads  []ThreadKey  // as Effects.Threads
	Receipts []ReceiptKey // as Effects.Receipts
	Authors  []Author     // as Effects.Authors
}

// Touched says for a command that has been applied what Apply said in its
// Effects, but for Noted: from the command and the rows as later commands have
// left them. So an emitter that takes over finds whom to notify. It names users who
// may show nothing new, and leaves out what a later command has changed again: that
// one names it. t is reset first.
func Touched(r Reader, seq events.Seq, c *events.Command, t *Touch) {
	*t = Touch{Users: t.Users[:0], Groups: t.Groups[:0], Threads: t.Threads[:0], Receipts: t.Receipts[:0], Authors: t.Authors[:0]}
	switch c.Verb {
	case events.UserMessage:
		t.reader(r, seq, peerKey(c.Inbox, c.From))
	case events.UserSent: // its message may have been read before it came
		t.reader(r, seq, peerKey(c.Inbox, c.To))
	case events.UserRead:
		t.reader(r, seq, Key{c.Inbox, c.Conversation})
		t.authors(r, seq, Key{c.Inbox, c.Conversation})
	case events.UserReadAll:
		t.Users = append(t.Users, c.Inbox)
		for _, k := range r.Conversations(c.Inbox) {
			t.receipt(r, seq, k)
			t.authors(r, seq, k)
		}
	case events.UserRevoke, events.UserUnread, events.UserMute, events.UserDelete, events.UserClear, events.UserFollow, events.UserEdit,
		events.UserLevel, events.UserLabel, events.UserFilter, events.UserBlock:
		t.Users = append(t.Users, c.Inbox)
	case events.GroupMessage:
		t.message(r, c.Inbox, c.ID)
		t.member(r, seq, c.Inbox, c.From) // whose position moved, under policy advance
		t.named(r, c.Inbox, c.Mentions)
		t.authors(r, seq, GroupKey(c.Inbox))                                           // a read has waited for it
		if i, _ := r.Index(GroupKey(c.Inbox), c.Thread); c.Thread != "" && i.Pos > 0 { // whose thread it is
			t.member(r, seq, c.Inbox, r.Message(GroupKey(c.Inbox), i.Pos).From)
		}
	case events.UserImport:
		t.Users = append(t.Users, c.Inbox)
		for i := range c.Conversations { // whose last message it may have been, that a read has waited for
			e := &c.Conversations[i]
			if e.LastMessage == nil {
				continue
			}
			if e.Conversation.Kind == events.Group {
				t.message(r, e.Conversation.ID, e.LastMessage.ID)
			}
			t.receipt(r, seq, Key{c.Inbox, e.Conversation})
			t.authors(r, seq, Key{c.Inbox, e.Conversation})
		}
	case events.GroupPurge:
		t.Groups = append(t.Groups, c.Inbox)
	case events.GroupEdit:
		t.named(r, c.Inbox, c.Mentions)
		t.message(r, c.Inbox, c.ID)
	case events.GroupRevoke:
		t.named(r, c.Inbox, t.message(r, c.Inbox, c.ID))
	case events.GroupJoin, events.GroupLeave:
		t.Users = append(t.Users, c.Users...)
	case events.UserErase: // what left the list is noted; kept filters are not
		t.Users = append(t.Users, c.Inbox)
	case events.GroupDismiss, events.ClockSet: // all of it is noted
	case events.PolicySet: // shows nothing
	default:
		panic(fmt.Sprintf("fold: verb %d has no rule for what it touches", c.Verb))
	}
}

// message is a message of a group, of which all members may be notified, or the
// followers of its thread. It returns whom it names.
func (t *Touch) message(r Reader, group, id string) (mentions []string) {
	lk := GroupKey(group)
	i, _ := r.Index(lk, id)
	if i.Pos == 0 {
		return nil
	}
	m := r.Message(lk, i.Pos)
	if m.Apart {
		t.Threads = append(t.Threads, ThreadKey{group, m.Thread})
	} else {
		t.Groups = append(t.Groups, group)
	}
	return m.Mentions
}

func peerKey(user, peer string) Key {
	return Key{user, events.ConversationID{Kind: events.C2C, ID: peer}}
}

// reader is a user who may have read a conversation, and sent a receipt.
func (t *Touch) reader(r Reader, seq events.Seq, k Key) {
	t.Users = append(t.Users, k.User)
	t.receipt(r, seq, k)
}

func (t *Touch) receipt(r Reader, seq events.Seq, k Key) {
	c := r.Conversation(k)
	if c == nil || k.Kind != events.C2C {
		return
	}
	if c.Receipt != nil && c.Receipt.Seq == seq && !c.Receipt.Imported {
		t.Receipts = append(t.Receipts, ReceiptKey{Key: k})
	}
	if c.Timelines == 0 {
		return
	}
	for _, line := range r.Timelines(k) {
		if line.Receipt != nil && line.Receipt.Seq == seq {
			t.Receipts = append(t.Receipts, ReceiptKey{k, true, line.Thread})
		}
	}
}

// authors are those whose messages in a group the command has brought readers.
func (t *Touch) authors(r Reader, seq events.Seq, k Key) {
	if k.Kind != events.Group {
		return
	}
	w := r.Wanted(k.ID)
	for i := 0; w != nil && i < len(w.Messages); i++ {
		if m := &w.Messages[i]; m.Seq == seq {
			t.Authors = append(t.Authors, Author{k.ID, m.From})
		}
	}
}

// member is a user whose own row of a group may have changed.
func (t *Touch) member(r Reader, seq events.Seq, group, user string) {
	c := r.Conversation(Key{user, GroupKey(group).ConversationID})
	if c != nil && (c.Version == seq || c.Followed == seq) {
		t.Users = append(t.Users, user)
	}
}

// named are the members whom a message names (rule named).
func (t *Touch) named(r Reader, group string, users []string) {
	for _, user := range users {
		if r.Conversation(Key{user, GroupKey(group).ConversationID}) != nil {
			t.Users = append(t.Users, user)
		}
	}
}
