package store_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"

	"reddot/events"
	"reddot/projector/fold"
	"reddot/projector/store"
	"reddot/projector/storetest"
	"reddot/projector/testkit"
	"reddot/projector/twin"
	"reddot/projector/view"
)

// showEverything reads all that a snapshot can be asked about some users.
func showEverything(s *store.Store) (err error) {
	snap, err := s.Snapshot()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, snap.Close()) }()
	for _, group := range []string{"a", "team.*%", "b", "g"} {
		if _, err := snap.Members(group); err != nil {
			return err
		}
	}
	err = snap.Read(func(rows fold.Reader) error {
		for _, user := range shownUsers {
			if _, err := storeShows(rows, user); err != nil {
				return err
			}
			view.Totals(rows, user, events.TotalsRequest{})
			for _, peer := range shownUsers {
				view.Receipt(rows, user, peer, nil)
			}
		}
		return nil
	})
	return errors.Join(err, snap.Outbox(0, func(store.Out) error { return nil }))
}

// inconsistent spoils one row: it is taken away, or says something else.
func inconsistent(t *testing.T, db *pebble.DB, rng *rand.Rand) (what string) {
	t.Helper()
	var keys, values [][]byte
	eachRow(t, db, func(key, value []byte) {
		if key[0] != 'M' {
			keys, values = append(keys, key), append(values, value)
		}
	})
	// Families of few rows as often as those of many.
	family := keys[rng.IntN(len(keys))][0]
	if rng.IntN(2) == 0 {
		family = "cgnipstdwuxyz"[rng.IntN(13)]
	}
	var of []int
	for i, key := range keys {
		if key[0] == family {
			of = append(of, i)
		}
	}
	if of == nil {
		return inconsistent(t, db, rng)
	}
	i := of[rng.IntN(len(of))]
	key, value := keys[i], slices.Clone(values[i])
	switch n := rng.IntN(10); {
	case n == 0:
		if err := db.Delete(key, pebble.NoSync); err != nil {
			t.Fatal(err)
		}
		return fmt.Sprintf("%q is taken away", key)
	case n == 1:
		value = values[of[rng.IntN(len(of))]]
	case n == 2:
		key = key[:1+rng.IntN(len(key))]
	case n == 3 && len(value) > 1:
		value = value[:1+rng.IntN(len(value)-1)]
	case len(value) > 1: // all but the format
		at := 1 + rng.IntN(len(value)-1)
		value[at] += byte(1 + rng.IntN(3))
	}
	if err := db.Set(key, value, pebble.NoSync); err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf("%q says %x", key, value)
}

// TestInconsistentRows spoils rows in ways that no checksum finds. Whoever meets
// such a row, in a command or in a question, gets an error that says so, and
// names a row; nobody panics.
func TestInconsistentRows(t *testing.T) {
	testkit.Unraced(t)
	seed := testkit.Seed(t)
	inconsistentRows(t, seed, fold.Pace{}, closeStore(t, seed).files, func(seed uint64) commands {
		return twin.NewGenerator(seed, twin.Config{})
	})
}

// TestInconsistentSweeps does the same with much left to be swept.
func TestInconsistentSweeps(t *testing.T) {
	testkit.Unraced(t)
	seed := testkit.Seed(t)
	r := &rig{t: t, pace: slow}
	r.open(vfs.NewMem())
	g := twin.NewCrowd(seed)
	var command events.Command
	for len(r.log) < 1000 || len(r.pending().All()) < 3 {
		g.Next(&command)
		r.do(command)
	}
	r.commit()
	if err := r.store.Close(); err != nil {
		t.Fatal(err)
	}
	inconsistentRows(t, seed, slow, storetest.Files(t, r.fs, "store"), func(seed uint64) commands { return twin.NewCrowd(seed) })
}

func inconsistentRows(t *testing.T, seed uint64, pace fold.Pace, files map[string][]byte, generator func(seed uint64) commands) {
	rng := rand.New(rand.NewPCG(seed, 6))
	met := 0
	for round := range steps() / 20 {
		s, err := store.Open(store.Config{Dir: "store", FS: storetest.FolderOf(t, files), Identity: identity, Pace: pace})
		if err != nil {
			t.Fatal(err)
		}
		var done []string
		for range 1 + rng.IntN(3) {
			done = append(done, inconsistent(t, s.DB(), rng))
		}
		err = showEverything(s)
		g := generator(seed + uint64(round))
		var command events.Command
		for n := 0; n < 60 && err == nil; n++ {
			g.Next(&command)
			if err = applying(command)(s); err == nil && rng.IntN(10) == 0 {
				if _, err = s.Commit(); err == nil {
					err = showEverything(s)
				}
			}
		}
		if err != nil {
			if met++; !errors.Is(err, store.ErrCorrupt) {
				t.Errorf("%s: %v", strings.Join(done, ", "), err)
			}
		}
		_ = s.Close()
	}
	t.Logf("met %d", met)
	if met == 0 {
		t.Error("no corruption was met")
	}
}

// TestNoMessageWithOrdinal: a log that says to have counted one more message than
// it has is reported as what is wrong with whose conversation.
func TestNoMessageWithOrdinal(t *testing.T) {
	r := &rig{t: t}
	r.open(vfs.NewMem())
	r.do(events.Command{Verb: events.UserMessage, Inbox: "alice", From: "bob", ID: "m1"})
	k := fold.Key{User: "alice", ConversationID: events.ConversationID{Kind: events.C2C, ID: "bob"}}
	c := r.store.Rows().Conversation(k)
	c.Read = c.Log.Head
	c.Log.Head.Ord++
	r.store.Rows().PutConversation(k, c)
	r.commit()
	err := reading(func(rows fold.Reader) { view.Conversation(rows, k) })(r.store)
	if !errors.Is(err, store.ErrCorrupt) || !strings.Contains(err.Error(), "conversation of alice with c2c_bob") {
		t.Errorf("error %v", err)
	}
	if err := r.store.Close(); err != nil {
		t.Fatal(err)
	}
}

// TestProgramMistakes: a command that the fold does not know is the program's
// mistake: building the store from scratch would not help.
func TestProgramMistakes(t *testing.T) {
	r := newRig(t, 0)
	defer func() {
		if recover() == nil {
			t.Error("a command without a rule is applied")
		}
	}()
	_ = applying(events.Command{Verb: 99, Inbox: "a"})(r.store)
}
