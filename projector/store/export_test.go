package store

import (
	"flag"
	"math/rand/v2"
	"testing"

	"github.com/cockroachdb/pebble/v2"

	"reddot/events"
)

var seedFlag = flag.Uint64("seed", 0, "replay the random commands of this seed; 0 draws new ones")

// DrawSeed returns the seed to run with, and prints it. args are the flags
// that the run needs besides.
func DrawSeed(t testing.TB, args string) uint64 {
	seed := *seedFlag
	if seed == 0 {
		seed = rand.Uint64()
	}
	t.Logf("replay with: go test ./projector/store -run %s -seed %d%s", t.Name(), seed, args)
	return seed
}

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
	s.unread.rows.bound = hot
	s.lists.rows.bound = common
	s.audiences.rows.bound = common
}

func shrink[R any](t *table[R], hot, common int) {
	t.rows.bound = hot
	if t.shared != nil {
		t.shared.rows.bound = common
	}
}

// StoredMembers reads the members of a group past the caches.
func (s *Snapshot) StoredMembers(group string) []string { return membersOf(s.snap, group) }

// MayHold is what the key filter says of a key.
func (s *Store) MayHold(key []byte) bool { return s.filter.maybe(key) }

// Filtered are the families whose keys the filter holds.
func (s *Store) Filtered() []byte { return s.filter.families }

// membersOf lists the stored members of a group.
func membersOf(r pebble.Reader, group string) []string {
	var users []string
	scan(r, membersPrefix(group), func(rest, _ []byte) { users = append(users, string(rest)) })
	return users
}
