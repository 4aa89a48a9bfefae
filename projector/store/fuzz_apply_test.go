package store_test

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"reddot/events"
)

// tape makes commands of bytes: the first names the verb, the following ones
// what the verb needs, out of a world small enough for commands to meet.
type tape struct {
	bytes []byte
	now   events.Time
}

// byte takes the next byte; behind the end all are 0.
func (t *tape) byte() byte {
	if len(t.bytes) == 0 {
		return 0
	}
	b := t.bytes[0]
	t.bytes = t.bytes[1:]
	return b
}

func (t *tape) user() string { return string(rune('a' + t.byte()%4)) }

func (t *tape) group() string { return string(rune('a' + t.byte()%2)) }

func (t *tape) id() string { return fmt.Sprint("m", t.byte()%24) }

func (t *tape) users() (all []string) {
	b := t.byte()
	for i := range 4 {
		if b>>i&1 == 1 {
			all = append(all, string(rune('a'+i)))
		}
	}
	return all
}

func (t *tape) conversation() events.ConversationID {
	if b := t.byte(); b%2 == 0 {
		return events.ConversationID{Kind: events.C2C, ID: string(rune('a' + b/2%4))}
	}
	return events.ConversationID{Kind: events.Group, ID: t.group()}
}

// Now is the stream's time. It may stand still, not go back.
func (t *tape) Now() events.Time { return t.now }

// time is a time of a command's own, before or after the stream's.
func (t *tape) time() events.Time { return max(0, t.now-20+events.Time(t.byte()%40)) }

// Next reads one command.
func (t *tape) Next(c *events.Command) {
	*c = events.Command{Verb: events.Verbs()[int(t.byte())%len(events.Verbs())]}
	traits := t.byte()
	t.now += events.Time(traits >> 6)
	if traits&1 != 0 {
		c.At, c.HasAt = t.time(), true
	}
	trait := func(bit int) bool { return traits>>bit&1 == 1 }
	switch c.Verb {
	case events.UserMessage:
		c.Inbox, c.From, c.ID, c.Silent = t.user(), t.user(), t.id(), trait(1)
		c.Hidden = trait(4)
		if trait(2) {
			c.Mentions = t.users()
		}
	case events.UserSent:
		c.Inbox, c.To, c.ID, c.Silent, c.Hidden = t.user(), t.user(), t.id(), trait(1), trait(4)
	case events.UserRevoke:
		c.Inbox, c.From, c.ID = t.user(), t.user(), t.id()
	case events.GroupMessage:
		c.Inbox, c.From, c.ID, c.Silent, c.MentionAll = t.group(), t.user(), t.id(), trait(1), trait(3)
		c.Hidden = trait(4)
		if trait(2) {
			c.Mentions = t.users()
		}
	case events.GroupRevoke:
		c.Inbox, c.ID = t.group(), t.id()
	case events.GroupJoin, events.GroupLeave:
		c.Inbox, c.Users = t.group(), t.users()
	case events.GroupDismiss:
		c.Inbox = t.group()
	case events.UserRead:
		c.Inbox, c.Conversation, c.Private = t.user(), t.conversation(), trait(1)
		if trait(2) {
			c.Upto = t.id()
		}
		if trait(3) {
			c.UptoAt, c.HasUptoAt = t.time(), true
		}
	case events.UserReadAll:
		c.Inbox, c.Private, c.Kind = t.user(), trait(1), events.Kind(t.byte()%3)
		if trait(3) {
			c.UptoAt, c.HasUptoAt = t.time(), true
		}
	case events.UserUnread:
		c.Inbox, c.Conversation = t.user(), t.conversation()
		if trait(2) {
			c.From = t.id()
		}
	case events.UserMute:
		c.Inbox, c.Conversation, c.Muted = t.user(), t.conversation(), trait(1)
	case events.UserDelete:
		c.Inbox, c.Conversation = t.user(), t.conversation()
		if trait(2) {
			c.Upto = t.id()
		}
		if trait(3) {
			c.UptoAt, c.HasUptoAt = t.time(), true
		}
	case events.UserErase:
		c.Inbox = t.user()
	case events.PolicySet:
		c.OwnMessage = events.OwnPolicy(t.byte() % 3)
		c.GroupReceipts = events.ReceiptPolicy(t.byte() % 4)
	default:
		t.more(c, trait)
	}
}

// more fills what a chat counts besides messages and reads.
func (t *tape) more(c *events.Command, trait func(bit int) bool) {
	c.Inbox = t.user()
	switch c.Verb {
	case events.UserLevel:
		c.Conversation, c.Level = t.conversation(), events.LevelAll+events.Level(t.byte()%3)
	case events.UserLabel:
		label := []string{events.LabelArchived, "x", "y"}[t.byte()%3]
		c.Conversation, c.Add = t.conversation(), []string{label}
		if trait(1) {
			c.Add, c.Remove = nil, c.Add
		}
	case events.UserFilter:
		if c.Name = t.user(); trait(1) {
			c.Filter = &events.Filter{Kind: events.Kind(t.byte() % 3), Mentioned: trait(2), IncludeMuted: trait(3)}
		}
	case events.UserClear:
		if c.Conversation = t.conversation(); trait(1) {
			c.Before = t.id()
		}
	case events.UserImport:
		im := events.Import{Conversation: t.conversation(), Unread: uint64(t.byte() % 4), MarkedUnread: trait(1)}
		if trait(2) {
			im.LastMessage = &events.ImportMessage{ID: t.id(), From: c.Inbox, At: t.now}
		}
		c.Conversations = []events.Import{im}
	case events.GroupPurge:
		if c.Inbox = t.group(); trait(1) {
			c.Before = t.id()
		} else {
			c.BeforeAt, c.HasBeforeAt = t.time(), true
		}
	case events.UserBlock:
		c.Users, c.Blocked = t.users(), trait(1)
	case events.UserFollow:
		c.Conversation, c.Thread, c.Following = t.conversation(), t.id(), trait(1)
	case events.UserEdit:
		c.From, c.ID, c.Mentions = t.user(), t.id(), t.users()
	case events.GroupEdit:
		c.Inbox, c.ID, c.Mentions, c.MentionAll = t.group(), t.id(), t.users(), trait(1)
	case events.ClockSet:
		c.Inbox, c.At, c.HasAt = "", t.time(), true
	}
}

// FuzzApply reads bytes as commands, with commits, restarts and crashes in
// between, and folds them into a store and into the twin. Pebble's goroutines
// make coverage vary, so fuzz with -fuzzminimizetime 5x, or all the time goes
// into making inputs small.
func FuzzApply(f *testing.F) {
	for seed := range uint64(5) {
		rng := rand.New(rand.NewPCG(seed, 5))
		b := make([]byte, 100<<seed)
		for i := range b {
			b[i] = byte(rng.Uint32())
		}
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		if len(b) > 4096 {
			return
		}
		r := newRig(t, 0)
		tape := &tape{bytes: b, now: 1000}
		for len(tape.bytes) > 0 {
			r.step(tape)
			switch n := tape.byte(); {
			case n < 2:
				r.crash()
			case n < 4:
				r.reopen()
			case n < 64:
				r.commit()
			case n < 72:
				r.commit()
				r.compare([]string{"a", "b", "c", "d"})
			}
		}
		r.commit()
		r.compare(r.twin.Users())
		r.checkDigest()
		r.verify()
	})
}
