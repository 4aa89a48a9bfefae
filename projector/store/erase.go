package store

import "slices"

// deleted lists the changed rows whose keys have a prefix and that are
// deleted; alive reports whether there are others.
func (t *table[R]) deleted(prefix []byte) (keys map[string]bool, alive bool) {
	keys = map[string]bool{}
	t.changed(prefix, func(key string, row *R) {
		if row != nil {
			alive = true
		} else {
			keys[key] = true
		}
	})
	return keys, alive
}

// EraseInbox implements fold.Rows.
func (s *Store) EraseInbox(user string) (found bool) {
	families := s.families()
	for _, prefix := range inboxPrefixes(user) {
		f := families[prefix[0]]
		deleted, alive := f.deleted(prefix)
		found = found || alive
		f.forget(prefix)
		scan(s.db, prefix, func(rest, value []byte) {
			key := slices.Concat(prefix, rest)
			s.writer.digest -= rowHash(key, value)
			s.erase = append(s.erase, key)
			f.drop(string(key))
			found = found || !deleted[string(key)]
		})
	}
	s.unread.rows.drop(user)
	return found
}
