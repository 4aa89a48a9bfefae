package fold

import (
	"fmt"

	"reddot/events"
)

// Touch is what one command may have touched; see Touched.
type Touch struct {
	Users    []string
	Groups   []string // as Effects.Groups
	Receipts []Key    // as Effects.Receipts
	Authors  []Author // as Effects.Authors
}

// Touched says for a command that has been applied what Apply said in its
// Effects, but for Noted: from the command and the rows as later commands have
// left them. So an emitter that takes over finds whom to notify. It names users who
// may show nothing new, and leaves out what a later command has changed again: that
// one names it. t is reset first.
func Touched(r Reader, seq events.Seq, c *events.Command, t *Touch) {
	*t = Touch{Users: t.Users[:0], Groups: t.Groups[:0], Receipts: t.Receipts[:0], Authors: t.Authors[:0]}
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
	case events.UserRevoke, events.UserUnread, events.UserMute, events.UserDelete, events.UserClear,
		events.UserLevel, events.UserLabel, events.UserFilter, events.UserBlock:
		t.Users = append(t.Users, c.Inbox)
	case events.GroupMessage:
		t.Groups = append(t.Groups, c.Inbox)
		t.member(r, seq, c.Inbox, c.From) // whose position moved, under policy advance
		t.named(r, seq, c.Inbox, c.Mentions)
		t.authors(r, seq, GroupKey(c.Inbox)) // a read has waited for it
	case events.UserImport:
		t.Users = append(t.Users, c.Inbox)
		for i := range c.Conversations { // whose last message it was
			if id := c.Conversations[i].Conversation; id.Kind == events.Group {
				if log := r.Group(id.ID); log != nil && log.Last.Seq == seq {
					t.Groups = append(t.Groups, id.ID)
				}
			}
		}
	case events.GroupPurge:
		t.Groups = append(t.Groups, c.Inbox)
	case events.GroupRevoke:
		t.Groups = append(t.Groups, c.Inbox)
		lk := GroupKey(c.Inbox)
		if i, _ := r.Index(lk, c.ID); i.Pos > 0 {
			t.named(r, seq, c.Inbox, r.Message(lk, i.Pos).Mentions)
		}
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

func peerKey(user, peer string) Key {
	return Key{user, events.ConversationID{Kind: events.C2C, ID: peer}}
}

// reader is a user who may have read a conversation, and sent a receipt.
func (t *Touch) reader(r Reader, seq events.Seq, k Key) {
	t.Users = append(t.Users, k.User)
	t.receipt(r, seq, k)
}

func (t *Touch) receipt(r Reader, seq events.Seq, k Key) {
	if c := r.Conversation(k); c != nil && c.Receipt != nil && c.Receipt.Seq == seq {
		t.Receipts = append(t.Receipts, k)
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
	if c != nil && c.Version == seq {
		t.Users = append(t.Users, user)
	}
}

// named are the members whom a message names (rule named), and whose rows say that
// they were notified.
func (t *Touch) named(r Reader, seq events.Seq, group string, users []string) {
	for _, user := range users {
		t.member(r, seq, group, user)
	}
}
