package store

import (
	"slices"

	"reddot/events"
	"reddot/projector/fold"
	"reddot/projector/store/cache"
	"reddot/projector/store/row"
)

// mostCopied bounds the lists that are brought up to a commit. Larger ones are
// read again when they are asked for.
const mostCopied = 256

// listChange is a list on the way to the next commit, with the summaries of those
// conversations of which no row changes; nil: there are none.
type listChange struct {
	*userList
	all []summary
}

// changeList replaces a cached list by a changed copy.
func changeList(lists cache.Changes[userList], user string, fn func(*listChange)) {
	old, ok := lists.Row(user)
	if !ok {
		return
	}
	if len(old.keys)+len(old.groups)+len(old.lines) > mostCopied {
		lists.Drop(user)
		return
	}
	l := listChange{old.copied(), slices.Clone(old.summaries.all())}
	fn(&l)
	l.summaries.set(l.all)
	lists.Replace(user, l.userList, l.size())
}

// copied is a copy of the list without summaries.
func (l *userList) copied() *userList {
	return &userList{
		account: l.account, keys: l.keys, rows: l.rows, groups: l.groups, senders: l.senders,
		era: l.era, lines: l.lines, timelines: l.timelines,
	}
}

// commit brings the lists up to a commit.
func (c userLists) commit(to events.Seq, t *tables) {
	c.Advance(to, func(lists cache.Changes[userList]) {
		for _, e := range t.users.parts[0].dirty {
			changeList(lists, e.key[1:], func(l *listChange) { l.setAccount(e.row) })
		}
		for _, conversations := range t.conversations[events.C2C:] {
			for user, first := range conversations.changed() {
				changeList(lists, user, func(l *listChange) { l.putConversations(first) })
			}
		}
		for owner, first := range t.timelines.changed() {
			user, _ := row.CutEra(owner[1:])
			changeList(lists, user, func(l *listChange) { l.putTimelines(first) })
		}
		for user, first := range t.senders.changed() {
			changeList(lists, user, func(l *listChange) { l.putSenders(first) })
		}
	})
}

// setAccount sets what the user's account says.
func (l *listChange) setAccount(a *row.Account) {
	l.userList.setAccount(a)
	l.all = nil // they depend on whom the user blocks
}

// putConversations sets the changed rows of conversations.
func (l *listChange) putConversations(first *entry[fold.Conversation]) {
	l.keys, l.rows = slices.Clone(l.keys), slices.Clone(l.rows)
	for e := first; e != nil; e = e.next {
		k, _ := row.ParseConversation(e.key)
		i, found := l.search(k)
		put(&l.keys, &l.rows, i, found, k, e.row)
		switch {
		case l.all == nil:
		case found && e.row == nil:
			l.all = slices.Delete(l.all, i, i+1)
		case found:
			l.all[i] = summary{}
		case e.row != nil:
			l.all = slices.Insert(l.all, i, summary{})
		}
	}
}

// putSenders sets the changed rows of what the user has written in groups.
func (l *listChange) putSenders(first *entry[fold.Sender]) {
	l.groups, l.senders = slices.Clone(l.groups), slices.Clone(l.senders)
	for e := first; e != nil; e = e.next {
		group := e.key[len(row.SendersPrefix(ownerOf(e.key))):]
		i, found := slices.BinarySearch(l.groups, group)
		put(&l.groups, &l.senders, i, found, group, e.row)
		l.forget(fold.GroupKey(group).ConversationID)
	}
}

// forget drops the summary of a conversation of which a row has changed.
func (l *listChange) forget(id events.ConversationID) {
	if i, found := l.search(fold.Key{ConversationID: id}); found && l.all != nil {
		l.all[i] = summary{}
	}
}

// put sets the row with a key in a sorted list, or, if it is nil, removes it; i is
// where it is or belongs.
func put[K, R any](keys *[]K, rows *[]*R, i int, found bool, k K, row *R) {
	switch {
	case row != nil && found:
		(*rows)[i] = row
	case row != nil:
		*keys, *rows = slices.Insert(*keys, i, k), slices.Insert(*rows, i, row)
	case found:
		*keys, *rows = slices.Delete(*keys, i, i+1), slices.Delete(*rows, i, i+1)
	}
}
