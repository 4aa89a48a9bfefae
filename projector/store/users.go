package store

import (
	"reddot/events"
	"reddot/projector/store/row"
)

// UserVersion implements fold.Reader: as it is stored.
func (s *Store) UserVersion(user string) events.Seq {
	return versionOf(s.account(user))
}

func (s *Store) account(user string) *row.Account {
	s.key = row.AppendUser(s.key[:0], user)
	return s.users.get(s.db, s.key)
}

func (s *Store) putAccount(user string, a *row.Account) {
	s.key = row.AppendUser(s.key[:0], user)
	s.users.put(s.db, s.key, a)
}

func versionOf(a *row.Account) events.Seq {
	if a == nil {
		return 0
	}
	return a.Version
}

// SetUserVersion implements fold.Rows.
func (s *Store) SetUserVersion(user string, v events.Seq) {
	s.putAccount(user, &row.Account{Version: v, Era: s.Era(user)})
}

// Era implements fold.Rows.
func (s *Store) Era(user string) events.Seq {
	if a := s.account(user); a != nil {
		return a.Era
	}
	return 0
}

// SetErased implements fold.Rows.
func (s *Store) SetErased(user string, by events.Seq) {
	s.putAccount(user, &row.Account{Version: by, Era: by})
	s.unread.rows.Drop(user)
}
