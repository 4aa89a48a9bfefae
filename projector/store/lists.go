package store

import (
	"bytes"
	"slices"

	"github.com/cockroachdb/pebble/v2"

	"reddot/events"
	"reddot/projector/fold"
	"reddot/projector/store/cache"
	"reddot/projector/store/row"
)

// userList is what a user's list is derived from. It is never changed, but for what has
// been made of it: who holds one may go on reading it.
type userList struct {
	account *row.Account // nil: none
	keys    []fold.Key   // sorted by kind, then id
	rows    []*fold.Conversation

	summaries summaries

	groups  []string // in which the user has written, sorted
	senders []*fold.Sender

	era       events.Seq // of the timelines
	lines     []lineKey  // sorted
	timelines []*fold.Timeline
}

// find returns the row of a conversation, nil if there is none. hint is where
// it may be.
func (l *userList) find(k fold.Key, hint int) (row *fold.Conversation, at int) {
	if hint < len(l.keys) && l.keys[hint] == k {
		return l.rows[hint], hint
	}
	if i, ok := l.search(k); ok {
		return l.rows[i], i
	}
	return nil, hint
}

func (l *userList) search(k fold.Key) (i int, ok bool) {
	return slices.BinarySearchFunc(l.keys, k, func(a, b fold.Key) int {
		return compareConversations(a.ConversationID, b.ConversationID)
	})
}

// sender returns what the user has written in a group, nil if there is nothing. hint
// is where it may be.
func (l *userList) sender(group string, hint int) (s *fold.Sender, at int) {
	if hint < len(l.groups) && l.groups[hint] == group {
		return l.senders[hint], hint
	}
	if i, ok := slices.BinarySearch(l.groups, group); ok {
		return l.senders[i], i
	}
	return nil, hint
}

// size is about what a list takes: bytes.
func (l *userList) size() int {
	n := cache.EntryWeight + l.account.Size() + senderWeight*len(l.senders) + 2*timelineWeight*len(l.timelines)
	for _, row := range l.rows {
		if n += memberWeight + summaryWeight + derivedWeight; row.Log != nil {
			n += logWeight + len(row.Log.Tail)
		}
	}
	return n
}

// userLists keeps the lists of the users who ask and who are notified.
type userLists struct{ *cache.Shared[userList] }

// setAccount sets what the user's account says. What was written before an erasure has
// ended.
func (l *userList) setAccount(a *row.Account) {
	l.account = a
	if era := eraOf(a); era != l.era {
		l.era, l.lines, l.timelines = era, nil, nil
	}
}

// listOf returns a user's list, the same as long as the same user is asked
// for.
func (s *Snapshot) listOf(user string) *userList {
	if s.list != nil && s.listUser == user {
		return s.list
	}
	s.rows.key = append(s.rows.key[:0], user...)
	l, ok := tablesOf(s.store.hidden).lists.Get(s.rows.key, s.position.Applied)
	if ok && s.bound > 0 && len(l.keys) > s.bound {
		check(ErrLongList)
	}
	if !ok {
		l = s.findList(user)
		if !s.many {
			tablesOf(s.store.hidden).lists.Add(s.position.Applied, user, l, l.size())
		}
	}
	s.list, s.listUser, s.listHint, s.senderHint, s.written = l, user, 0, 0, nil
	return l
}

// findList reads a user's list from Pebble. Of an erased inbox that is being
// swept, the C2C conversations are left out.
func (s *Snapshot) findList(user string) *userList {
	l := new(userList)
	l.setAccount(s.findAccount(user))
	n, erased, timelines := 0, s.rows.left.ErasedAt(user), false
	s.each(&s.conversations, row.ConversationsPrefix(user), &n, func(key string, value []byte) error {
		if erased > 0 {
			if gone, err := row.IsBefore(erased, []byte(key), value); err != nil || gone {
				return err
			}
		}
		c, err := row.DecodeConversation(key, string(value))
		k, _ := row.ParseConversation(key)
		k.User = user
		l.keys, l.rows = append(l.keys, k), append(l.rows, c)
		timelines = timelines || err == nil && c.Timelines > 0
		return err
	})
	if timelines {
		s.each(&s.timelines, row.InboxPrefix(row.Timelines, user, l.era), &n, func(key string, value []byte) error {
			t, err := row.DecodeTimeline(key, string(value))
			if k, _, thread, ok := row.ParseTimeline(key); ok {
				l.lines, l.timelines = append(l.lines, lineKey{k.ConversationID, thread}), append(l.timelines, t)
			}
			return err
		})
	}
	prefix := row.SendersPrefix(user)
	s.each(&s.senders, prefix, &n, func(key string, value []byte) error {
		sender, err := row.DecodeSender(key, string(value))
		l.groups, l.senders = append(l.groups, key[len(prefix):]), append(l.senders, sender)
		return err
	})
	return l
}

// each calls fn with the rows of a list whose keys have a prefix; n counts the list's.
func (s *Snapshot) each(w *walk, prefix []byte, n *int, fn func(key string, value []byte) error) {
	for ok := w.seek(s.snap, prefix); ok && bytes.HasPrefix(w.Key(), prefix); ok = w.next() {
		s.count(n)
		key := string(w.Key())
		if err := fn(key, w.Value()); err != nil {
			check(rowError([]byte(key), err))
		}
	}
	check(w.Error())
}

// count counts a row of a list.
func (s *Snapshot) count(n *int) {
	if *n++; s.bound > 0 && *n > s.bound {
		check(ErrLongList)
	}
	if *n%readsOnEvery == 0 {
		s.readsOn()
	}
}

// accountOf is the account of a user, nil if there is none: the list is not read for it,
// which may be long.
func (s *Snapshot) accountOf(user string) *row.Account {
	if s.list != nil && s.listUser == user {
		return s.list.account
	}
	s.rows.key = append(s.rows.key[:0], user...)
	if l, known := tablesOf(s.store.hidden).lists.Get(s.rows.key, s.position.Applied); known {
		return l.account
	}
	return s.findAccount(user)
}

// findAccount reads the account of a user, nil if there is none.
func (s *Snapshot) findAccount(user string) *row.Account {
	s.rows.key = row.AppendUser(s.rows.key[:0], user)
	if !s.many {
		f, err := tablesOf(s.store.hidden).users.find(s.snap, s.rows.key)
		check(err)
		return f.row
	}
	// Few users have one: the next user who has is mostly known already.
	found := s.users.seek(s.snap, s.rows.key)
	check(s.users.Error())
	if !found || !bytes.Equal(s.users.Key(), s.rows.key) {
		return nil
	}
	a, err := row.DecodeAccount("", string(s.users.Value()))
	if err != nil {
		check(rowError(s.rows.key, err))
	}
	return a
}

// inList finds a conversation's row in the list of its user, if that is known.
func (s *Snapshot) inList(k fold.Key) (c *fold.Conversation, known bool) {
	if s.list != nil && s.listUser == k.User {
		c, at := s.list.find(k, s.listHint)
		s.listHint = at + 1
		return c, true
	}
	s.rows.key = append(s.rows.key[:0], k.User...)
	l, known := tablesOf(s.store.hidden).lists.Get(s.rows.key, s.position.Applied)
	if known {
		c, _ = l.find(k, 0)
	}
	return c, known
}

// senderInList finds what a user has written in a group in the user's list, if that is
// known.
func (s *Snapshot) senderInList(k fold.Key) (sender *fold.Sender, known bool) {
	if s.list != nil && s.listUser == k.User {
		sender, at := s.list.sender(k.ID, s.senderHint)
		s.senderHint = at + 1
		return sender, true
	}
	s.rows.key = append(s.rows.key[:0], k.User...)
	l, known := tablesOf(s.store.hidden).lists.Get(s.rows.key, s.position.Applied)
	if known {
		sender, _ = l.sender(k.ID, 0)
	}
	return sender, known
}

// conversationsOf lists a user's conversations, by kind and id.
func (s *Snapshot) conversationsOf(user string) []fold.Key {
	l, left := s.listOf(user), s.rows.left
	if left == nil {
		return l.keys
	}
	keys := make([]fold.Key, 0, len(l.keys))
	for i, k := range l.keys {
		if left.Now(k, l.rows[i]) != nil {
			keys = append(keys, k)
		}
	}
	for _, k := range left.Joined(user) {
		at, found := slices.BinarySearchFunc(keys, k, func(a, b fold.Key) int { return compareConversations(a.ConversationID, b.ConversationID) })
		if !found && s.rows.Conversation(k) != nil {
			keys = slices.Insert(keys, at, k)
		}
	}
	return keys
}

// lost is the last command by which a user has lost a conversation.
func (s *Snapshot) lost(user string) (by events.Seq) {
	l, left := s.listOf(user), s.rows.left
	by = lostOf(l.account)
	if left == nil {
		return by
	}
	for i, k := range l.keys {
		by = max(by, left.Died(&s.rows, k, l.rows[i]))
	}
	for _, k := range left.Joined(user) {
		by = max(by, left.Died(&s.rows, k, s.rows.Stored(k)))
	}
	return by
}

// walk is an iterator over a family's rows. Who asks for keys in their order
// goes from one to the next, mostly without a search.
type walk struct {
	*pebble.Iterator
	family byte
	from   []byte // no row lies between here and where it stands
	valid  bool
}

// seek goes to the first row at or after a key.
func (w *walk) seek(r pebble.Reader, key []byte) bool {
	if w.Iterator == nil {
		var err error
		w.Iterator, err = r.NewIter(&pebble.IterOptions{LowerBound: []byte{w.family}, UpperBound: []byte{w.family + 1}})
		check(err)
	}
	if w.from == nil || bytes.Compare(key, w.from) < 0 || w.valid && bytes.Compare(w.Key(), key) < 0 {
		w.valid = w.SeekGE(key)
	}
	w.from = append(w.from[:0], key...)
	return w.valid
}

// next goes to the next row.
func (w *walk) next() bool {
	w.from = append(append(w.from[:0], w.Key()...), 0)
	w.valid = w.Next()
	return w.valid
}

func (w *walk) close() error {
	if w.Iterator == nil {
		return nil
	}
	return w.Iterator.Close()
}
