package store_test

import (
	"encoding/base64"
	"fmt"
	"math/rand/v2"
	"testing"

	"golang.org/x/sync/errgroup"

	"reddot/events"
	"reddot/projector/fold"
	"reddot/projector/store"
	"reddot/projector/testkit"
	"reddot/projector/twin"
	"reddot/projector/view"
)

// sameSummaries compares the summaries of some users that a snapshot gives with those that
// are made anew from its rows.
func sameSummaries(snap *store.Snapshot, users []string) error {
	for _, user := range users {
		var got []fold.Summary
		var latest [3]events.Seq
		err := snap.Read(func(rows fold.Reader) error {
			latest[0], latest[1] = rows.Latest(user), rows.Latest(user)
			rows.Summaries(user, func(_ fold.Key, _ *fold.Conversation, s *fold.Summary) { got = append(got, *s) })
			return samePages(rows, user)
		})
		want, err2 := snap.Summarized(user)
		if err != nil || err2 != nil {
			return fmt.Errorf("%w, %w", err, err2)
		}
		for _, s := range want {
			latest[2] = max(latest[2], s.Latest())
		}
		if latest[0] != latest[2] || latest[1] != latest[2] {
			return fmt.Errorf("user %q at seq %d: the latest version is %d, want that of the last", user, snap.Position().Applied, latest)
		}
		if d := testkit.Diff(want, got); d != "" {
			return fmt.Errorf("user %q at seq %d (- made anew, + given):\n%s", user, snap.Position().Applied, d)
		}
	}
	return nil
}

// samePages compares the list as one pass finds it with what is behind its beginning, for which
// its order is kept.
func samePages(rows fold.Reader, user string) error {
	q := events.ConversationsRequest{Limit: new(events.MaxLimit)}
	want, err := view.Conversations(rows, user, q)
	if err != nil {
		return err
	}
	q.After = base64.RawURLEncoding.EncodeToString([]byte("18446744073709551615 c2c_"))
	for range 2 { // the second time from what is kept
		got, err := view.Conversations(rows, user, q)
		if d := testkit.Diff(want, got); d != "" || err != nil {
			return fmt.Errorf("user %q, in order: %v\n%s", user, err, d)
		}
	}
	return nil
}

// TestSummariesAreExact: after every command of a random history, whatever it is of, a
// summary that was kept is what would be made of the rows, and the totals and versions that
// come of it are the twin's. Snapshots that stay open while others commands come give what
// they gave. The generator draws all features: see its tests.
func TestSummariesAreExact(t *testing.T) {
	testkit.Unraced(t)
	for name, cfg := range map[string]twin.Config{"many features": {}, "deep": twin.Deep()} {
		t.Run(name, func(t *testing.T) {
			seed := testkit.Seed(t)
			r, g := newRig(t, seed), twin.NewGenerator(seed, cfg)
			var open [3]*store.Snapshot
			closeAll := func() {
				for i, snap := range open {
					if open[i] = nil; snap != nil {
						if err := snap.Close(); err != nil {
							t.Error(err)
						}
					}
				}
			}
			defer closeAll()
			kept := 0
			for n := range steps() / 4 {
				r.step(g)
				switch r.rng.IntN(400) {
				case 0:
					closeAll()
					r.crash()
				case 1:
					closeAll()
					r.reopen()
				default:
					r.commit()
				}
				i := n % len(open)
				if snap := open[i]; snap != nil {
					if err := snap.Close(); err != nil {
						t.Fatal(err)
					}
				}
				var err error
				if open[i], err = r.store.Snapshot(); err != nil {
					t.Fatal(err)
				}
				c := &r.log[len(r.log)-1].Command
				for i := range open {
					snap := open[r.rng.IntN(i+1)]
					if snap == nil {
						continue
					}
					users := r.twin.Users()
					if err := sameSummaries(snap, users); err != nil {
						t.Fatalf("after %s of %q: %v", c.Verb, c.Inbox, err)
					}
					for _, user := range users {
						some, _ := snap.Kept(user)
						kept += some
					}
				}
				if n%10 == 0 {
					r.compare([]string{c.Inbox, c.From, c.To})
				}
			}
			if kept == 0 {
				t.Error("no summary was ever kept")
			}
		})
	}
}

// TestSummariesWhileFolding asks for summaries from several goroutines at once, each by
// snapshots of several seqs, while commands are folded.
func TestSummariesWhileFolding(t *testing.T) {
	seed := testkit.Seed(t)
	r, g := newRig(t, seed), twin.NewGenerator(seed, twin.Config{})
	for range 200 {
		r.step(g)
	}
	r.commit()
	users, done := r.twin.Users(), make(chan struct{})
	var readers errgroup.Group
	for i := range 3 {
		readers.Go(func() error {
			rng := rand.New(rand.NewPCG(seed, uint64(i)))
			return readSnapshots(r.store, rng, done, func(snap *store.Snapshot) error {
				return sameSummaries(snap, []string{users[rng.IntN(len(users))]})
			})
		})
	}
	for range steps() / 2 {
		r.step(g)
		if r.rng.IntN(3) == 0 {
			r.commit()
		}
	}
	close(done)
	if err := readers.Wait(); err != nil {
		t.Error(err)
	}
}

// TestSummariesAreKept: what a command changes is what is made anew, and nothing else:
// that of the conversation, for those whom it is about.
func TestSummariesAreKept(t *testing.T) {
	r := newRig(t, 1)
	for n := range 20 {
		r.do(events.Command{Verb: events.UserMessage, Inbox: "u", From: fmt.Sprint("p", n), ID: "m"})
		r.do(events.Command{Verb: events.GroupJoin, Inbox: fmt.Sprint("g", n), Users: []string{"u", "v"}})
		r.do(events.Command{Verb: events.GroupMessage, Inbox: fmt.Sprint("g", n), From: "v", ID: "m"})
	}
	ask := func(want int, after string) {
		t.Helper()
		r.commit()
		snap, err := r.store.Snapshot()
		if err != nil {
			t.Fatal(err)
		}
		defer snap.Close()
		if kept, all := snap.Kept("u"); kept != want || all != 40 {
			t.Errorf("after %s: %d of %d are kept, want %d", after, kept, all, want)
		}
		if err := sameSummaries(snap, []string{"u"}); err != nil {
			t.Error(err)
		}
	}
	ask(0, "nothing was asked")
	ask(40, "nothing")
	r.do(events.Command{Verb: events.UserMessage, Inbox: "w", From: "p1", ID: "m"})
	ask(40, "a message to another user")
	r.do(events.Command{Verb: events.UserMessage, Inbox: "u", From: "p1", ID: "n"})
	ask(39, "a message")
	r.do(events.Command{Verb: events.GroupMessage, Inbox: "g1", From: "v", ID: "n"})
	ask(39, "a message in a group")
	r.do(events.Command{Verb: events.UserRead, Inbox: "v", Conversation: events.ConversationID{Kind: events.Group, ID: "g1"}})
	ask(40, "another member's read")
	r.do(events.Command{Verb: events.UserBlock, Inbox: "u", Users: []string{"v"}, Blocked: true})
	ask(0, "a block")
	r.do(events.Command{Verb: events.GroupMessage, Inbox: "g2", From: "v", ID: "n"})
	ask(39, "a blocked user's message")
}
