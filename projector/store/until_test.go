package store_test

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"reddot/events"
	"reddot/projector/fold"
	"reddot/projector/store"
)

// TestUntil ends readings of many rows that are not wanted any more, and leaves
// short ones alone. A list beyond a bound is not read.
func TestUntil(t *testing.T) {
	const rows = 1_000
	s, err := store.Open(store.Config{Dir: "store", FS: vfs.NewMem(), Identity: identity})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	var fx fold.Effects
	do := func(c events.Command) {
		t.Helper()
		e := store.Entry{Seq: s.Position().Applied + 1, Time: 1, Command: c}
		if err := s.Apply(&e, &fx); err != nil {
			t.Fatal(err)
		}
	}
	for i := range rows {
		peer := fmt.Sprint("p", i)
		do(events.Command{Verb: events.UserMessage, Inbox: "many", From: peer, ID: "m"})
		do(events.Command{Verb: events.GroupJoin, Inbox: "large", Users: []string{peer}})
	}
	do(events.Command{Verb: events.UserMessage, Inbox: "few", From: "p", ID: "m"})
	do(events.Command{Verb: events.GroupJoin, Inbox: "small", Users: []string{"few"}})
	if _, err := s.Commit(); err != nil {
		t.Fatal(err)
	}
	list := func(user string) func(*store.Snapshot) error {
		return func(snap *store.Snapshot) error {
			return snap.Read(func(r fold.Reader) error { r.Conversations(user); return nil })
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	until := func(snap *store.Snapshot) { snap.Until(ctx.Err) }
	bound := func(snap *store.Snapshot) { snap.Bound(rows / 2) }
	for _, c := range []struct {
		what string
		set  func(*store.Snapshot)
		read func(*store.Snapshot) error
		want error
	}{
		{"a long list, unwanted", until, list("many"), context.Canceled},
		{"a short list, unwanted", until, list("few"), nil},
		{"many members, unwanted", until, func(s *store.Snapshot) error { _, err := s.Members("large"); return err }, context.Canceled},
		{"few members, unwanted", until, func(s *store.Snapshot) error { _, err := s.Members("small"); return err }, nil},
		{"a long list beyond the bound", bound, list("many"), store.ErrLongList},
		{"a short list", bound, list("few"), nil},
		{"a long list", func(*store.Snapshot) {}, list("many"), nil},
		{"a long list beyond the bound, from the cache", bound, list("many"), store.ErrLongList},
	} {
		snap, err := s.Snapshot()
		if err != nil {
			t.Fatal(err)
		}
		c.set(snap)
		if err := c.read(snap); !errors.Is(err, c.want) || errors.Is(err, store.ErrCorrupt) {
			t.Errorf("%s: %v, not %v", c.what, err, c.want)
		}
		if err := snap.Close(); err != nil {
			t.Error(err)
		}
	}
	snap, err := s.Snapshot()
	if err != nil {
		t.Fatal(err)
	}
	defer snap.Close()
	if groups, err := snap.Groups("few"); err != nil || len(groups) != 1 || groups[0] != "small" {
		t.Errorf("groups %q, %v", groups, err)
	}
}
