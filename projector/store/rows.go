package store

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/cockroachdb/pebble/v2"

	"reddot/events"
	"reddot/projector/fold"
	"reddot/projector/store/row"
)

var _ fold.Rows = (*Store)(nil)

// The methods of fold.Rows follow. They are for Apply only: a failing read
// panics, and Apply turns that into its error. Each builds its row's key in
// s.key.

func (s *Store) conversationKey(k fold.Key) []byte {
	s.key = row.AppendConversation(s.key[:0], k)
	return s.key
}

// Conversation implements fold.Reader.
func (s *Store) Conversation(k fold.Key) *fold.Conversation {
	c := s.Stored(k)
	if s.pending != nil {
		c = s.pending.Now(k, c)
	}
	return c
}

// Stored implements fold.Rows.
func (s *Store) Stored(k fold.Key) *fold.Conversation {
	return s.conversations[k.Kind].get(s.db, s.conversationKey(k))
}

// PutConversation implements fold.Rows.
func (s *Store) PutConversation(k fold.Key, c *fold.Conversation) {
	t, key := s.conversations[k.Kind], s.conversationKey(k)
	if k.Kind == events.C2C && t.get(s.db, key) != c { // it begins
		c.Era = s.Era(k.User)
		key = s.conversationKey(k)
	}
	t.put(s.db, key, c)
	if k.Kind == events.Group || !c.Settled() {
		s.unread.add(k)
	}
}

// DeleteConversation implements fold.Rows.
func (s *Store) DeleteConversation(k fold.Key) {
	s.conversations[k.Kind].put(s.db, s.conversationKey(k), nil)
}

// Conversations implements fold.Reader: the stored ones, and what was created
// or deleted since.
func (s *Store) Conversations(user string) []fold.Key {
	keys := conversationsOf(s.db, user)
	s.changedOf(user, func(k fold.Key) { keys = append(keys, k) })
	keys = append(keys, s.pending.Joined(user)...)
	keys = slices.DeleteFunc(keys, func(k fold.Key) bool { return s.Conversation(k) == nil })
	slices.SortFunc(keys, func(a, b fold.Key) int { return compareConversations(a.ConversationID, b.ConversationID) })
	return slices.Compact(keys)
}

// changedOf calls fn with a user's conversations that have changed since the
// last commit.
func (s *Store) changedOf(user string, fn func(fold.Key)) {
	prefix := string(row.ConversationsPrefix(user))
	for _, t := range s.conversations[events.C2C:] {
		t.changedOf(prefix, func(key string, _ *fold.Conversation) {
			k, _ := row.ParseConversation(key)
			fn(k)
		})
	}
}

// compareConversations orders one user's conversations, as their keys do.
func compareConversations(a, b events.ConversationID) int {
	return cmp.Or(cmp.Compare(a.Kind, b.Kind), strings.Compare(a.ID, b.ID))
}

// conversationsOf lists the stored conversations of a user, by kind and id.
func conversationsOf(r pebble.Reader, user string) []fold.Key {
	var keys []fold.Key
	prefix := string(row.ConversationsPrefix(user))
	scan(r, []byte(prefix), func(rest, _ []byte) {
		k, ok := row.ParseConversation(prefix + string(rest))
		if !ok {
			check(rowError([]byte(prefix+string(rest)), row.ErrCorruptRow))
		}
		k.User = user
		keys = append(keys, k)
	})
	return keys
}

// scan calls fn with every stored key that begins with a prefix, without the
// prefix, and its value.
func scan(r pebble.Reader, prefix []byte, fn func(rest, value []byte)) {
	it, err := r.NewIter(&pebble.IterOptions{LowerBound: prefix, UpperBound: row.PrefixEnd(prefix)})
	check(err)
	defer func() { // fn may panic; see check
		if err := errors.Join(it.Error(), it.Close()); err != nil {
			check(fmt.Errorf("scan %q: %w", prefix, err))
		}
	}()
	for ok := it.First(); ok; ok = it.Next() {
		fn(it.Key()[len(prefix):], it.Value())
	}
}

// Group implements fold.Reader.
func (s *Store) Group(group string) *fold.Log {
	s.key = row.AppendGroup(s.key[:0], group)
	return s.groups.get(s.db, s.key)
}

// PutGroup implements fold.Rows.
func (s *Store) PutGroup(group string, l *fold.Log) {
	s.key = row.AppendGroup(s.key[:0], group)
	s.groups.put(s.db, s.key, l)
}

// logOf returns a log, nil if there is none, and how it is named in the keys of
// the rows that it has beside its own.
func (s *Store) logOf(lk fold.Key) (l *fold.Log, rows fold.Key) {
	if lk.Kind == events.Group {
		return s.Group(lk.ID), lk
	}
	era := events.Seq(0)
	if c := s.Conversation(lk); c != nil {
		l, era = &c.Log, c.Era
	} else {
		era = s.Era(lk.User)
	}
	if era > 0 {
		lk.User = row.InEra(lk.User, era)
	}
	return l, lk
}

// rowsOf is the name of a log in the keys of rows.
func (s *Store) rowsOf(lk fold.Key) fold.Key {
	if lk.Kind != events.C2C {
		return lk
	}
	_, lk = s.logOf(lk)
	return lk
}

func (s *Store) putMember(group, user string, joined *events.Seq) {
	s.key = row.AppendMember(s.key[:0], group, user)
	s.members.put(s.db, s.key, joined)
}

// PutMember implements fold.Rows.
func (s *Store) PutMember(group, user string, joined events.Seq) { s.putMember(group, user, &joined) }

// DeleteMember implements fold.Rows.
func (s *Store) DeleteMember(group, user string) { s.putMember(group, user, nil) }

// Members implements fold.Rows.
func (s *Store) Members(group string) []string { return list(s, s.members, row.MembersPrefix(group)) }

// list lists the rows whose keys have a prefix, by the rest of the keys.
func list[R any](s *Store, t *table[R], prefix []byte) []string {
	set := map[string]bool{}
	scan(s.db, prefix, func(rest, _ []byte) { set[string(rest)] = true })
	t.changedOf(string(prefix), func(key string, row *R) {
		if rest := key[len(prefix):]; row != nil {
			set[rest] = true
		} else {
			delete(set, rest)
		}
	})
	return slices.Sorted(maps.Keys(set))
}

// PendingReaders implements fold.Rows.
func (s *Store) PendingReaders(group, id string) []string {
	return list(s, s.waiters, row.PendingReadsPrefix(group, id))
}

func (s *Store) putWaiter(group, id, user string, r *row.Present) {
	s.key = row.AppendPendingRead(s.key[:0], group, id, user)
	s.waiters.put(s.db, s.key, r)
}

// PutPendingReader implements fold.Rows.
func (s *Store) PutPendingReader(group, id, user string) {
	s.putWaiter(group, id, user, &row.Present{})
}

// DeletePendingReader implements fold.Rows.
func (s *Store) DeletePendingReader(group, id, user string) { s.putWaiter(group, id, user, nil) }

// Policy implements fold.Rows.
func (s *Store) Policy() events.OwnPolicy { return s.position.Policy }

// SetPolicy implements fold.Rows.
func (s *Store) SetPolicy(p events.OwnPolicy) { s.position.Policy = p }

// setOf is rowsOf for a set.
func (s *Store) setOf(k fold.SetKey) fold.SetKey { return s.rowsOf(k.Owner).Set(k.Kind) }

// Index implements fold.Reader. The ids of the unfinished page are looked for
// there, those of all others, and what awaits an id, in rows of their own.
func (s *Store) Index(log fold.Key, id string) (fold.Index, bool) {
	l, log := s.logOf(log)
	if l != nil && l.Tail != "" {
		if i, ok := row.FindInTail(l, id); ok {
			return i, true
		}
	}
	s.key = row.AppendIndex(s.key[:0], log, id)
	if i := s.indexes.get(s.db, s.key); i != nil {
		return *i, true
	}
	return fold.Index{}, false
}

func (s *Store) putIndex(log fold.Key, id string, i *fold.Index) {
	s.key = row.AppendIndex(s.key[:0], log, id)
	s.indexes.put(s.db, s.key, i)
}

// PutIndex implements fold.Rows.
func (s *Store) PutIndex(log fold.Key, id string, i fold.Index) { s.putIndex(s.rowsOf(log), id, &i) }

// DeleteIndex implements fold.Rows.
func (s *Store) DeleteIndex(log fold.Key, id string) { s.putIndex(s.rowsOf(log), id, nil) }

// Append implements fold.Rows. A page that is full becomes a row, and its ids
// rows of the index.
func (s *Store) Append(lk fold.Key, l *fold.Log, m *fold.Message) {
	s.writer.value = row.AppendRecord(append(s.writer.value[:0], l.Tail...), lk, m)
	l.Tail = string(s.writer.value)
	if row.InTail(l.Head.Pos) > 0 {
		return
	}
	p, no := row.TailOf(l), row.PageNo(l.Head.Pos)
	l.Tail = ""
	lk = s.rowsOf(lk)
	s.key = row.AppendPage(s.key[:0], lk, no)
	s.pages.put(s.db, s.key, &p)
	p.Places(row.FirstOf(no), func(id string, i fold.Index) { s.putIndex(lk, id, &i) })
}

// page returns a page of a log.
func (s *Store) page(lk fold.Key, no uint64) row.Page {
	l, lk := s.logOf(lk)
	if l != nil && l.Tail != "" && no == row.PageNo(l.Head.Pos) {
		return row.TailOf(l)
	}
	s.key = row.AppendPage(s.key[:0], lk, no)
	return *there(s.pages.get(s.db, s.key), s.key)
}

// there returns a row that must be there.
func there[R any](p *R, key []byte) *R {
	if p == nil {
		check(rowError(key, fmt.Errorf("%w: it is missing", row.ErrCorrupt)))
	}
	return p
}

// message reads a message of a page.
func message(p row.Page, log fold.Key, pos fold.Pos) fold.Message {
	m, err := p.Message(log, pos)
	if err != nil {
		check(rowError(row.AppendPage(nil, log, row.PageNo(pos)), err))
	}
	return m
}

// Message implements fold.Reader.
func (s *Store) Message(log fold.Key, pos fold.Pos) fold.Message {
	return message(s.page(log, row.PageNo(pos)), log, pos)
}

// PageBase implements fold.Reader.
func (s *Store) PageBase(log fold.Key, no uint64) fold.Ord { return s.page(log, no).Base }

// TimeBlock implements fold.Reader.
func (s *Store) TimeBlock(log fold.Key, block uint64) fold.Span {
	log = s.rowsOf(log)
	s.key = row.AppendBlock(s.key[:0], log, block)
	return *there(s.blocks.get(s.db, s.key), s.key)
}

// PutTimeBlock implements fold.Rows.
func (s *Store) PutTimeBlock(log fold.Key, block uint64, span fold.Span) {
	log = s.rowsOf(log)
	s.key = row.AppendBlock(s.key[:0], log, block)
	s.blocks.put(s.db, s.key, &span)
}

// Chunk implements fold.Reader.
func (s *Store) Chunk(k fold.SetKey, no uint64) *fold.Chunk {
	k = s.setOf(k)
	s.key = row.AppendChunk(s.key[:0], k, no)
	return s.buckets.get(s.db, s.key)
}

// PutChunk implements fold.Rows.
func (s *Store) PutChunk(k fold.SetKey, no uint64, b *fold.Chunk) {
	if b.Len() == 0 {
		b = nil
	}
	k = s.setOf(k)
	s.key = row.AppendChunk(s.key[:0], k, no)
	s.buckets.put(s.db, s.key, b)
}

// Directory implements fold.Reader.
func (s *Store) Directory(k fold.SetKey) fold.Directory {
	k = s.setOf(k)
	s.key = row.AppendDirectory(s.key[:0], k)
	if d := s.directories.get(s.db, s.key); d != nil {
		return *d
	}
	return nil
}

// PutDirectory implements fold.Rows.
func (s *Store) PutDirectory(k fold.SetKey, d fold.Directory) {
	k = s.setOf(k)
	s.key = row.AppendDirectory(s.key[:0], k)
	if len(d) == 0 {
		s.directories.remove(s.db, s.key)
	} else {
		s.directories.put(s.db, s.key, &d)
	}
}
