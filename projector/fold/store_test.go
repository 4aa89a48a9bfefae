package fold_test

import (
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"reddot/events"
	"reddot/projector/fold"
	"reddot/projector/store"
)

func openStore(t *testing.T, fs vfs.FS) *store.Store {
	t.Helper()
	s, err := store.Open(store.Config{Dir: "store", FS: fs, Identity: events.StreamID{Name: "S", Created: time.Unix(1, 0)}})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func commit(t *testing.T, s *store.Store) {
	t.Helper()
	if _, err := s.Commit(); err != nil {
		t.Fatal(err)
	}
}

// read calls fn with the rows as the fold has left them.
func read(t *testing.T, s *store.Store, fn func(fold.Reader)) {
	t.Helper()
	if err := s.Read(func(rows fold.Reader) error { fn(rows); return nil }); err != nil {
		t.Fatal(err)
	}
}
