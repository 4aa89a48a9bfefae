package store

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/cockroachdb/pebble/v2"

	"reddot/events"
	"reddot/projector/fold"
)

// The codecs of all families.
var (
	conversationRows = codec[fold.Key, fold.Conversation]{appendConversation, encodeConversation, decodeConversation}
	groupRows        = codec[string, fold.Log]{appendGroup, encodeGroup, decodeGroup}
	userRows         = codec[string, events.Seq]{appendUser, encodeNumber[events.Seq], decodeNumber[events.Seq]}
	memberRows       = codec[memberKey, present]{appendMember, encodePresent, decodePresent}
	indexRows        = codec[indexKey, fold.Index]{appendIndex, encodeIndex, decodeIndex}
	blockRows        = codec[pageKey, events.Time]{appendBlock, encodeNumber[events.Time], decodeNumber[events.Time]}
	bucketRows       = codec[bucketKey, fold.Bucket]{appendBucket, encodeBucket, decodeBucket}
	directoryRows    = codec[fold.SetKey, fold.Directory]{appendDirectory, encodeDirectory, decodeDirectory}
	waiterRows       = codec[waiterKey, present]{appendWaiter, encodePresent, decodePresent}
)

var _ fold.Rows = (*Store)(nil)

// The methods of fold.Rows follow. They are for Apply only: a failing read
// panics, and Apply turns that into its error.

// Conversation implements fold.Reader.
func (s *Store) Conversation(k fold.Key) *fold.Conversation { return s.conversations.get(s.db, k) }

// PutConversation implements fold.Rows.
func (s *Store) PutConversation(k fold.Key, c *fold.Conversation) {
	if s.Conversation(k) == nil {
		s.moved[k.User] = append(s.moved[k.User], k)
	}
	s.conversations.put(s.db, k, c)
}

// DeleteConversation implements fold.Rows.
func (s *Store) DeleteConversation(k fold.Key) {
	s.moved[k.User] = append(s.moved[k.User], k)
	s.conversations.put(s.db, k, nil)
}

// Conversations implements fold.Reader: the stored list, and what was created
// or deleted since.
func (s *Store) Conversations(user string) []fold.Key {
	stored, ok := s.lists.get(user, s.committed)
	if !ok {
		list := conversationsOf(s.db, user)
		stored = &list
		s.lists.add(user, s.committed, stored)
	}
	if len(s.moved[user]) == 0 {
		return *stored
	}
	keys := slices.DeleteFunc(slices.Concat(*stored, s.moved[user]), func(k fold.Key) bool { return s.Conversation(k) == nil })
	slices.SortFunc(keys, compareKeys)
	return slices.Compact(keys)
}

func compareKeys(a, b fold.Key) int {
	return cmp.Or(cmp.Compare(a.Kind, b.Kind), strings.Compare(a.ID, b.ID))
}

// conversationsOf lists the stored conversations of a user, by kind and id.
func conversationsOf(r pebble.Reader, user string) []fold.Key {
	var keys []fold.Key
	prefix := append(append([]byte{famConversation}, user...), 0)
	scan(r, prefix, func(rest, _ []byte) {
		keys = append(keys, fold.Key{User: user, ConversationID: events.ConversationID{Kind: kindOf(rest[0]), ID: string(rest[1:])}})
	})
	return keys
}

// scan calls fn with every stored key that begins with a prefix, without the
// prefix, and its value.
func scan(r pebble.Reader, prefix []byte, fn func(rest, value []byte)) {
	it, err := r.NewIter(&pebble.IterOptions{LowerBound: prefix, UpperBound: prefixEnd(prefix)})
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
func (s *Store) Group(group string) *fold.Log { return s.groups.get(s.db, group) }

// PutGroup implements fold.Rows.
func (s *Store) PutGroup(group string, l *fold.Log) { s.groups.put(s.db, group, l) }

// PutMember implements fold.Rows.
func (s *Store) PutMember(group, user string) {
	s.members.put(s.db, memberKey{group, user}, &present{})
}

// DeleteMember implements fold.Rows.
func (s *Store) DeleteMember(group, user string) { s.members.put(s.db, memberKey{group, user}, nil) }

// Members implements fold.Rows.
func (s *Store) Members(group string) []string {
	users := map[string]bool{}
	for _, user := range membersOf(s.db, group) {
		users[user] = true
	}
	for k, e := range s.members.dirty {
		if k.group == group {
			overlay(users, k.user, e.row != nil)
		}
	}
	return slices.Sorted(maps.Keys(users))
}

// membersOf lists the stored members of a group.
func membersOf(r pebble.Reader, group string) []string {
	var users []string
	scan(r, append(append([]byte{famMember}, group...), 0), func(rest, _ []byte) { users = append(users, string(rest)) })
	return users
}

func overlay(set map[string]bool, key string, in bool) {
	if in {
		set[key] = true
	} else {
		delete(set, key)
	}
}

// Waiters implements fold.Rows.
func (s *Store) Waiters(group, id string) []string {
	users := map[string]bool{}
	prefix := appendPair([]byte{famWaiter}, group, id)
	scan(s.db, append(prefix, 0), func(rest, _ []byte) { users[string(rest)] = true })
	for k, e := range s.waiters.dirty {
		if k.group == group && k.id == id {
			overlay(users, k.user, e.row != nil)
		}
	}
	return slices.Sorted(maps.Keys(users))
}

// PutWaiter implements fold.Rows.
func (s *Store) PutWaiter(group, id, user string) {
	s.waiters.put(s.db, waiterKey{group, id, user}, &present{})
}

// DeleteWaiter implements fold.Rows.
func (s *Store) DeleteWaiter(group, id, user string) {
	s.waiters.put(s.db, waiterKey{group, id, user}, nil)
}

// Policy implements fold.Rows.
func (s *Store) Policy() events.OwnPolicy { return s.position.Policy }

// SetPolicy implements fold.Rows.
func (s *Store) SetPolicy(p events.OwnPolicy) { s.position.Policy = p }

// UserVersion implements fold.Reader.
func (s *Store) UserVersion(user string) events.Seq { return number(s.users.get(s.db, user)) }

// SetUserVersion implements fold.Rows.
func (s *Store) SetUserVersion(user string, v events.Seq) { s.users.put(s.db, user, &v) }

func number[N events.Seq | events.Time](n *N) N {
	if n == nil {
		return 0
	}
	return *n
}

// Index implements fold.Reader.
func (s *Store) Index(log fold.Key, id string) (fold.Index, bool) {
	i := s.indexes.get(s.db, indexKey{log, id})
	if i == nil {
		return fold.Index{}, false
	}
	return *i, true
}

// PutIndex implements fold.Rows.
func (s *Store) PutIndex(log fold.Key, id string, i fold.Index) {
	s.indexes.put(s.db, indexKey{log, id}, &i)
}

// DeleteIndex implements fold.Rows.
func (s *Store) DeleteIndex(log fold.Key, id string) {
	s.indexes.put(s.db, indexKey{log, id}, nil)
}

// TimeBlock implements fold.Reader.
func (s *Store) TimeBlock(log fold.Key, block uint64) events.Time {
	return number(s.blocks.get(s.db, pageKey{log, block}))
}

// PutTimeBlock implements fold.Rows.
func (s *Store) PutTimeBlock(log fold.Key, block uint64, least events.Time) {
	s.blocks.put(s.db, pageKey{log, block}, &least)
}

// Bucket implements fold.Reader.
func (s *Store) Bucket(k fold.SetKey, no uint64) *fold.Bucket {
	return s.buckets.get(s.db, bucketKey{k, no})
}

// PutBucket implements fold.Rows.
func (s *Store) PutBucket(k fold.SetKey, no uint64, b *fold.Bucket) {
	if b.Len() == 0 {
		b = nil
	}
	s.buckets.put(s.db, bucketKey{k, no}, b)
}

// Directory implements fold.Reader.
func (s *Store) Directory(k fold.SetKey) fold.Directory {
	if d := s.directories.get(s.db, k); d != nil {
		return *d
	}
	return nil
}

// PutDirectory implements fold.Rows.
func (s *Store) PutDirectory(k fold.SetKey, d fold.Directory) {
	if len(d) == 0 {
		s.directories.put(s.db, k, nil)
		return
	}
	s.directories.put(s.db, k, &d)
}

// pending is the records appended to one page since the last commit.
type pending struct {
	bytes []byte
	hash  uint64 // the records' part of the digest
}

// lastPage is the page read last, as searches read message after message.
type lastPage struct {
	key  pageKey
	size int // of its pending bytes when it was read
	page *page
}

// Append implements fold.Rows.
func (s *Store) Append(log fold.Key, pos fold.Pos, m *fold.Message) {
	k := pageKey{log, pageNo(pos)}
	p := s.pages[k]
	if p == nil {
		p = new(pending)
		s.pages[k] = p
	}
	start := len(p.bytes)
	in := (uint64(pos) - 1) % fold.PageSize
	p.bytes = appendRecord(p.bytes, log, m, in == 0)
	s.writer.key = appendPage(s.writer.key[:0], k)
	p.hash += recordHash(s.writer.key, in, p.bytes[start:])
}

// recordHash is a message's part of the digest; in is its place in the page.
func recordHash(page []byte, in uint64, record []byte) uint64 {
	return rowHash(binary.AppendUvarint(slices.Clip(page), in), record)
}

// commitPages writes the appended records.
func (s *Store) commitPages(b *pebble.Batch) error {
	for k, p := range s.pages {
		s.writer.key = appendPage(s.writer.key[:0], k)
		if err := b.Merge(s.writer.key, p.bytes, nil); err != nil {
			return err
		}
		s.writer.digest += p.hash
		s.writer.rows++
	}
	s.pages = emptied(s.pages)
	s.lastPage = lastPage{}
	return nil
}

func (s *Store) page(k pageKey) *page {
	var tail []byte
	if p := s.pages[k]; p != nil {
		tail = p.bytes
	}
	if s.lastPage.page == nil || s.lastPage.key != k || s.lastPage.size != len(tail) {
		s.lastPage = lastPage{k, len(tail), findPage(s.db, k, tail)}
	}
	return s.lastPage.page
}

// findPage reads a page; tail is what is not committed yet.
func findPage(r pebble.Reader, k pageKey, tail []byte) *page {
	key := appendPage(nil, k)
	value, closer, err := r.Get(key)
	var stored []byte
	if err == nil {
		stored = slices.Clone(value)
		err = closer.Close()
	} else if errors.Is(err, pebble.ErrNotFound) {
		err = nil
	}
	if err != nil {
		check(fmt.Errorf("read page %q: %w", key, err))
	}
	p, err := decodePage(append(stored, tail...))
	if err != nil {
		check(fmt.Errorf("decode page %q: %w", key, err))
	}
	return p
}

// holds reports whether a page has the message at a position.
func (p *page) holds(pos fold.Pos) bool {
	return (uint64(pos)-1)%fold.PageSize < uint64(len(p.records))
}

// Message implements fold.Reader.
func (s *Store) Message(log fold.Key, pos fold.Pos) fold.Message {
	m, err := s.page(pageKey{log, pageNo(pos)}).message(log, pos)
	check(err)
	return m
}

// PageBase implements fold.Reader.
func (s *Store) PageBase(log fold.Key, no uint64) fold.Ord { return s.page(pageKey{log, no}).base }

// EraseInbox implements fold.Rows.
func (s *Store) EraseInbox(user string) bool {
	own := func(k fold.Key) bool { return k.User == user }
	found := false
	delete(s.moved, user)
	for _, alive := range []bool{
		s.conversations.forget(own),
		s.indexes.forget(func(k indexKey) bool { return own(k.log) }),
		s.blocks.forget(func(k pageKey) bool { return own(k.log) }),
		s.buckets.forget(func(k bucketKey) bool { return own(k.set.Owner) }),
		s.directories.forget(func(k fold.SetKey) bool { return own(k.Owner) }),
	} {
		found = found || alive
	}
	maps.DeleteFunc(s.pages, func(k pageKey, _ *pending) bool { return own(k.log) })
	s.lastPage = lastPage{}
	for _, prefix := range inboxPrefixes(user) {
		scan(s.db, prefix, func(rest, value []byte) {
			key := slices.Concat(prefix, rest)
			s.writer.digest -= storedHash(key, value)
			s.erase = append(s.erase, key)
			s.drop(key[0], fold.Key{User: user}, rest)
		})
	}
	// A stored conversation may be deleted, and not yet committed: an index never is.
	return found || slices.ContainsFunc(s.erase, func(key []byte) bool { return key[0] == famIndex })
}

// drop takes an erased row out of the caches. rest is its key after the user.
func (s *Store) drop(family byte, k fold.Key, rest []byte) {
	if family == famConversation {
		k.Kind, k.ID = kindOf(rest[0]), string(rest[1:])
		s.conversations.drop(k)
		return
	}
	// A bucket or a directory of a member is of a group, the others of a C2C
	// log; only the former leave the kind open. What is not there is dropped
	// at no harm.
	id, rest, _ := bytes.Cut(rest, []byte{0})
	k.ID = string(id)
	for _, kind := range []events.Kind{events.C2C, events.Group} {
		k.Kind = kind
		switch family {
		case famIndex:
			s.indexes.drop(indexKey{k, string(rest)})
		case famPage:
			no, _ := readUint(rest)
			s.gone = append(s.gone, pageKey{k, no})
		case famBlock:
			no, _ := readUint(rest)
			s.blocks.drop(pageKey{k, no})
		case famBucket:
			no, _ := readUint(rest[1:])
			s.buckets.drop(bucketKey{k.Set(fold.SetKind(rest[0])), no})
		case famDirectory:
			s.directories.drop(k.Set(fold.SetKind(rest[0])))
		}
	}
}

// storedHash is the part of the digest of a stored row, or of the messages of
// a page.
func storedHash(key, value []byte) uint64 {
	if key[0] != famPage {
		return rowHash(key, value)
	}
	sum := uint64(0)
	check(eachRecord(value, func(in uint64, record []byte) { sum += recordHash(key, in, record) }))
	return sum
}
