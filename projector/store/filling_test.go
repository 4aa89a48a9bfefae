package store_test

import (
	"fmt"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"reddot/events"
	"reddot/projector/fold"
	"reddot/projector/store"
	"reddot/projector/testkit"
)

// TestCloseWhileFilling closes stores whose filter is still being filled: nothing is
// left open, and what was stored is found again.
func TestCloseWhileFilling(t *testing.T) {
	fs := vfs.NewMem()
	seq := events.Seq(0)
	var fx fold.Effects
	for round := range 20 {
		s := openAt(t, fs, "store")
		for n := range 500 * (round % 3) {
			seq++
			e := store.Entry{Seq: seq, Command: events.Command{Verb: events.UserMessage, Inbox: "a", From: "b", ID: fmt.Sprint(round, " ", n)}}
			if err := s.Apply(&e, &fx); err != nil {
				t.Fatal(err)
			}
			if again := indexOf(s, e.Command.ID); again.Pos == 0 || fx.Ignored {
				t.Fatalf("message %q: %+v, ignored %v", e.Command.ID, again, fx.Ignored)
			}
		}
		if _, err := s.Commit(); err != nil {
			t.Fatal(err)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
	s := openAt(t, fs, "store")
	testkit.Eventually(t, "a commit takes the filter that is filled", func() bool {
		if _, err := s.Commit(); err != nil {
			t.Fatal(err)
		}
		return s.Filtering()
	})
	for round := range 20 {
		for n := range 500 * (round % 3) {
			if indexOf(s, fmt.Sprint(round, " ", n)).Pos == 0 {
				t.Fatalf("message %d of round %d is gone", n, round)
			}
		}
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
}

func indexOf(s *store.Store, id string) fold.Index {
	i, _ := s.Rows().Index(fold.Key{User: "a", ConversationID: events.ConversationID{Kind: events.C2C, ID: "b"}}, id)
	return i
}
