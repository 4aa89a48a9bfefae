package store

import (
	"reflect"

	"github.com/cockroachdb/pebble/v2"

	"reddot/projector/fold"
	"reddot/projector/store/cache"
	"reddot/projector/store/row"
)

// DB is the store's database, for tests that look at its rows or spoil them.
func (s *Store) DB() *pebble.DB { return s.db }

// Shrink leaves room for so many bytes in every cache of a store that has just
// been opened.
func (s *Store) Shrink(hot, common int) {
	for _, t := range tablesOf(s.hidden).all {
		t.(interface{ shrink(hot, common int) }).shrink(hot, common)
	}
	for i := range tablesOf(s.hidden).unread {
		tablesOf(s.hidden).unread[i].rows.Shrink(hot)
	}
	tablesOf(s.hidden).lists.Shrink(common)
	tablesOf(s.hidden).audiences.Shrink(common)
}

func (t *table[R]) shrink(hot, common int) {
	for i := range t.parts {
		t.parts[i].rows.Shrink(hot)
	}
	if t.known != nil {
		t.known.Shrink(common)
	}
}

// Rows are what the fold reads and changes.
func (s *Store) Rows() fold.Rows { return &s.rows }

// StoredMembers reads the members of a group past the caches.
func (s *Snapshot) StoredMembers(group string) []string { return membersOf(s.snap, group) }

// MayHold is what the key filter says of a key.
func (s *Store) MayHold(key []byte) bool { return s.filter.Maybe(cache.Hash(key)) }

// Filtering reports whether the key filter answers yet.
func (s *Store) Filtering() bool { return s.filter.Filled() }

// Filtered are the families whose keys the filter holds.
func (s *Store) Filtered() []byte {
	var prefixes []byte
	for _, f := range AllFamilies() {
		if f.filtered {
			prefixes = append(prefixes, f.Prefix)
		}
	}
	return prefixes
}

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

// InboxFamilies are the families of the rows that go with an erased inbox, beside
// its conversations.
func InboxFamilies() (prefixes []byte) {
	for _, f := range AllFamilies() {
		if f.inbox {
			prefixes = append(prefixes, f.Prefix)
		}
	}
	return prefixes
}

// MissingTables are the fields of tables that no entry was made for.
func MissingTables() (names []string) {
	t := reflect.ValueOf(newTables(1)).Elem()
	for i := range t.NumField() {
		f, rows := t.Field(i), reflect.TypeFor[anyTable]()
		if f.Kind() == reflect.Pointer && f.Type().Implements(rows) && f.IsNil() {
			names = append(names, t.Type().Field(i).Name)
		}
	}
	return names
}

// Summarized are the summaries of a user's conversations, made anew.
func (s *Snapshot) Summarized(user string) (all []fold.Summary, err error) {
	err = s.Read(func(rows fold.Reader) error {
		for _, k := range rows.Conversations(user) {
			c := rows.Conversation(k)
			all = append(all, fold.Summarize(rows, k, c, fold.LogOf(rows, k, c)))
		}
		return nil
	})
	return all, err
}

// Kept is how many summaries of a user's list a snapshot finds that are as they would be
// now, and how many there would be.
func (s *Snapshot) Kept(user string) (kept, all int) {
	l := s.listOf(user)
	for _, have := range l.summaries.all() {
		if have.at > 0 && have.at <= s.position.Applied && tablesOf(s.store.hidden).marks.since(have.mark) <= have.at {
			kept++
		}
	}
	return kept, len(l.keys)
}

// Split has every round folded by shards, if it is of two commands, as on a machine with so
// many processors.
func (s *Store) Split(processors int) { s.roundLeast, s.processors = 2, processors }

// Rounds is how many rounds shards have folded.
func (s *Store) Rounds() int { return s.rounds }

// CheckReads has reads checked as well: a shard may only ask for what is at home with it;
// and what is added: it may not be stored.
func (s *Store) CheckReads() {
	for _, t := range tablesOf(s.hidden).all {
		t.(interface{ checkReads() }).checkReads()
	}
}

func (t *table[R]) checkReads() { t.strict = true }
