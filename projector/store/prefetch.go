package store

import (
	"reddot/events"
	"reddot/projector/fold"
	"reddot/projector/store/cache"
	"reddot/projector/store/row"
)

// prefetched is for how many commands rows are prefetched at once, and how many changed rows
// at a commit are: so many that most of the waiting is done together, and so few that what
// was loaded first is still there when it is used.
const prefetched = 64

// prefetch adds the rows that a command's rule is going to ask for first, if it is a frequent
// one. They are loaded by soon.Load.
func (r *rows) prefetch(e *Entry) {
	if e.Skipped || e.Invalid != "" { // the command is not, or half, there
		return
	}
	c := &e.Command
	switch c.Verb {
	case events.UserMessage:
		r.prefetchMessage(c.Inbox, c.From, c.ID)
	case events.UserSent:
		r.prefetchMessage(c.Inbox, c.To, c.ID)
	case events.UserRead:
		r.prefetchConversation(fold.Key{User: c.Inbox, ConversationID: c.Conversation})
		if c.Conversation.Kind == events.Group {
			r.prefetchGroup(c.Conversation.ID)
		}
	case events.GroupMessage:
		t, log := tablesOf(r.hidden), fold.GroupKey(c.Inbox)
		r.prefetchGroup(c.Inbox)
		r.key = row.AppendIndex(r.key[:0], log, c.ID)
		t.indexes.prefetch(r, r.key)
		r.key = row.AppendSender(r.key[:0], fold.Key{User: c.From, ConversationID: log.ConversationID})
		t.senders.prefetch(r, r.key)
	case events.GroupJoin:
		r.prefetchGroup(c.Inbox)
		for _, user := range c.Users[:min(len(c.Users), prefetched)] {
			r.prefetchConversation(fold.Key{User: user, ConversationID: fold.GroupKey(c.Inbox).ConversationID})
			r.key = row.AppendMember(r.key[:0], c.Inbox, user)
			tablesOf(r.hidden).members.prefetch(r, r.key)
		}
	}
}

// prefetchMessage is prefetch of a C2C message. What lies below a conversation has another
// name after an erasure: then it is asked for in vain.
func (r *rows) prefetchMessage(user, peer, id string) {
	k := fold.Key{User: user, ConversationID: events.ConversationID{Kind: events.C2C, ID: peer}}
	r.prefetchConversation(k)
	r.key = row.AppendIndex(r.key[:0], k, id)
	tablesOf(r.hidden).indexes.prefetch(r, r.key)
}

func (r *rows) prefetchGroup(group string) {
	r.key = row.AppendGroup(r.key[:0], group)
	tablesOf(r.hidden).groups.prefetch(r, r.key)
}

func (r *rows) prefetchConversation(k fold.Key) {
	r.key = row.AppendConversation(r.key[:0], k)
	tablesOf(r.hidden).conversations[k.Kind].prefetch(r, r.key)
}

// prefetch adds a row.
func (t *table[R]) prefetch(r *rows, key []byte) {
	hash := cache.Hash(key)
	if t.filter != nil {
		r.soon.Key(t.filter, hash)
	}
	if !t.absent {
		r.soon.Row(&t.partOf(&r.reader, key).rows, hash)
	}
}
