package store

import (
	"slices"
	"strings"
)

// deleted adds to keys the changed rows whose keys have a prefix and that are
// deleted. It reports whether there are others.
func (t *table[R]) deleted(prefix []byte, keys map[string]bool) (alive bool) {
	for _, e := range t.dirty {
		switch {
		case !strings.HasPrefix(e.key, string(prefix)):
		case e.row != nil:
			alive = true
		default:
			keys[e.key] = true
		}
	}
	return alive
}

// EraseInbox implements fold.Rows.
func (s *Store) EraseInbox(user string) (found bool) {
	for _, prefix := range inboxPrefixes(user) {
		tables, deleted := s.of(prefix[0]), map[string]bool{}
		for _, f := range tables {
			found = f.deleted(prefix, deleted) || found
			f.forget(prefix)
		}
		scan(s.db, prefix, func(rest, value []byte) {
			key := slices.Concat(prefix, rest)
			s.writer.digest -= rowHash(&s.hasher, key, value)
			s.erase = append(s.erase, key)
			for _, f := range tables {
				f.drop(string(key))
			}
			found = found || !deleted[string(key)]
		})
	}
	s.unread.rows.drop(user)
	return found
}
