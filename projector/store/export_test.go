package store

import (
	"github.com/cockroachdb/pebble/v2"

	"reddot/events"
	"reddot/projector/store/row"
)

// DB is the store's database, for tests that look at its rows or spoil them.
func (s *Store) DB() *pebble.DB { return s.db }

// Shrink leaves room for so many bytes in every cache of a store that has just
// been opened.
func (s *Store) Shrink(hot, common int) {
	for _, t := range s.conversations[events.C2C:] {
		shrink(t, hot, common)
	}
	shrink(s.groups, hot, common)
	shrink(s.users, hot, common)
	shrink(s.members, hot, common)
	shrink(s.indexes, hot, common)
	shrink(s.pages, hot, common)
	shrink(s.blocks, hot, common)
	shrink(s.buckets, hot, common)
	shrink(s.directories, hot, common)
	shrink(s.waiters, hot, common)
	s.unread.rows.Shrink(hot)
	s.lists.Shrink(common)
	s.audiences.Shrink(common)
}

func shrink[R any](t *table[R], hot, common int) {
	t.rows.Shrink(hot)
	if t.shared != nil {
		t.shared.Shrink(common)
	}
}

// StoredMembers reads the members of a group past the caches.
func (s *Snapshot) StoredMembers(group string) []string { return membersOf(s.snap, group) }

// MayHold is what the key filter says of a key.
func (s *Store) MayHold(key []byte) bool { return s.filter.Maybe(key) }

// Filtering reports whether the key filter answers yet.
func (s *Store) Filtering() bool { return s.filter.Filled() }

// Filtered are the families whose keys the filter holds.
func (s *Store) Filtered() []byte { return []byte{row.Conversations, row.Indexes, row.Users} }

// membersOf lists the stored members of a group.
func membersOf(r pebble.Reader, group string) []string {
	var users []string
	scan(r, row.MembersPrefix(group), func(rest, _ []byte) { users = append(users, string(rest)) })
	return users
}

// How the store's own rows are written and read.
var (
	KeyIdentity, KeyPosition, KeyEmitted = keyIdentity, keyPosition, keyEmitted

	EncodeIdentity, DecodeIdentity = encodeIdentity, decodeIdentity
	EncodePosition, DecodePosition = Position.encode, decodePosition
	EncodeOut, DecodeOut           = Out.encode, decodeOut
)

// WithRows is a position with a sum of the rows' hashes.
func (p Position) WithRows(sum uint64) Position {
	p.rows = sum
	return p
}
