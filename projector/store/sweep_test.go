package store_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"reddot/events"
	"reddot/projector/fold"
	"reddot/projector/store"
	"reddot/projector/testkit"
	"reddot/projector/twin"
)

// slow is a pace at which small groups leave something to be swept, which takes
// many commands.
var slow = fold.Pace{Bulk: 1, Each: 1, Burst: 2, Most: 30, MostSweeps: 8}

// TestTwinSweeping folds random commands with much left to be swept, with
// commits, crashes and restarts in between: what is left shows nowhere.
func TestTwinSweeping(t *testing.T) {
	testkit.Unraced(t)
	seed := testkit.Seed(t)
	r := newRigAt(t, seed, slow)
	r.run(twin.NewCrowd(seed), steps()/2, 2)
	digests := digestsOf(t, r, func() int { return 1 })
	for _, batch := range []func() int{
		func() int { return 13 }, func() int { return len(r.log) }, func() int { return 1 + r.rng.IntN(40) },
	} {
		for seq, digest := range digestsOf(t, r, batch, func(s *store.Store) { s.Shrink(1<<9, 1<<9) }) {
			if digest != digests[seq] {
				t.Fatalf("seq %d: digest %s in other batches, %s one by one", seq, digest, digests[seq])
			}
		}
	}
}

// digestsOf folds the log of a rig once more, in batches, with a crash here and
// there, and returns the digest at the end of each.
func digestsOf(t *testing.T, a *rig, batch func() int, opened ...func(*store.Store)) map[events.Seq]events.Digest {
	t.Helper()
	b := newRigAt(t, 1, a.pace, opened...)
	digests := map[events.Seq]events.Digest{}
	for n := batch(); len(b.log) < len(a.log); n-- {
		b.log = a.log[:len(b.log)+1]
		b.apply(events.Seq(len(b.log)))
		if n > 1 && len(b.log) < len(a.log) {
			continue
		}
		b.commit()
		if n = batch() + 1; b.rng.IntN(200) == 0 {
			b.crash()
		}
		digests[events.Seq(len(b.log))] = b.store.Position().Digest()
	}
	b.verify()
	return digests
}

// debt is a conversation that left its user's list by a command, and that the
// fold has not named.
type debt struct {
	fold.Key
	by events.Seq
}

// listed are the conversations in the lists of a twin's users.
func listed(m *twin.Model) map[fold.Key]bool {
	all := map[fold.Key]bool{}
	for _, user := range m.Users() {
		for _, c := range m.Conversations(user) {
			id, _ := events.ParseConversation(c.Conversation)
			all[fold.Key{User: user, ConversationID: id}] = true
		}
	}
	return all
}

// TestSweptIsNamedOnce: what leaves a list is named by the command that does it, or
// by the one that sweeps it, once; in between the rows say it.
func TestSweptIsNamedOnce(t *testing.T) {
	seed := testkit.Seed(t)
	r := newRigAt(t, seed, slow)
	g := twin.NewCrowd(seed)
	owed, swept := map[debt]bool{}, 0
	before := listed(r.twin)
	for range steps() / 4 {
		r.step(g)
		seq := events.Seq(len(r.log))
		after := listed(r.twin)
		for k := range before {
			if !after[k] && !slices.Contains(r.fx.Changed, k) {
				owed[debt{k, seq}] = true
			}
		}
		for _, left := range r.fx.Swept {
			d := debt{left.Key, left.Seq}
			if swept++; !owed[d] || left.At != r.log[d.by-1].At() {
				t.Fatalf("seq %d: swept %+v, which was named already or never left", seq, left)
			}
			delete(owed, d)
		}
		before = after
		if r.rng.IntN(4) == 0 {
			r.commit()
			r.checkOwed(owed)
		}
	}
	if swept == 0 {
		t.Error("nothing was swept")
	}
}

// checkOwed compares what the rows say is still to be named with what is.
func (r *rig) checkOwed(owed map[debt]bool) {
	r.t.Helper()
	snap, err := r.store.Snapshot()
	if err != nil {
		r.t.Fatal(err)
	}
	defer snap.Close()
	found := map[debt]bool{}
	for _, w := range snap.Sweeps().All() {
		for last, more := "", true; more; more = last != "" {
			var keys []fold.Key
			if keys, last, err = snap.Unswept(w, last); err != nil {
				r.t.Fatal(err)
			}
			for _, k := range keys {
				found[debt{k, w.Seq}] = true
			}
		}
	}
	if d := cmp.Diff(owed, found); d != "" {
		r.t.Fatalf("seq %d: still to be named (- owed, + in the rows):\n%s", len(r.log), d)
	}
}

// TestEarlyReadOfWhoJoinsAgain: a read up to a message that has not come is the new
// membership's, also while the row of the old one, which awaits the same message, is
// left to be swept.
func TestEarlyReadOfWhoJoinsAgain(t *testing.T) {
	r := newRigAt(t, 1, slow)
	k := fold.Key{User: "u", ConversationID: fold.GroupKey("g").ConversationID}
	pending := events.Command{Verb: events.UserRead, Inbox: k.User, Conversation: k.ConversationID, Upto: "x"}
	members := []string{"a", "b", k.User, "z"}
	r.do(events.Command{Verb: events.GroupJoin, Inbox: k.ID, Users: members})
	for r.pending() != nil {
		r.do(events.Command{Verb: events.UserMessage, Inbox: "q", ID: fmt.Sprint(len(r.log)), From: "p"})
	}
	r.do(pending)
	r.do(events.Command{Verb: events.GroupLeave, Inbox: k.ID, Users: members})
	r.do(events.Command{Verb: events.GroupJoin, Inbox: k.ID, Users: []string{k.User, "v"}})
	r.do(pending)
	r.do(events.Command{Verb: events.GroupMessage, Inbox: k.ID, ID: pending.Upto, From: "v"})
	if c := r.store.Rows().Conversation(k); c.Read.Pos != 1 || len(c.PendingReads) > 0 {
		t.Errorf("read up to %d with %d pending reads left, want 1 and none", c.Read.Pos, len(c.PendingReads))
	}
}

// TestEarlyReadOfWhoHasLeft: a read up to a message that has not come ends with the
// membership, also where neither its end nor the next membership is swept.
func TestEarlyReadOfWhoHasLeft(t *testing.T) {
	r := newRigAt(t, 1, slow)
	k := fold.Key{User: "u", ConversationID: fold.GroupKey("g").ConversationID}
	members := []string{"a", "b", k.User, "z"}
	r.do(events.Command{Verb: events.GroupJoin, Inbox: k.ID, Users: members})
	r.do(events.Command{Verb: events.UserRead, Inbox: k.User, Conversation: k.ConversationID, Upto: "x"})
	r.do(events.Command{Verb: events.GroupLeave, Inbox: k.ID, Users: members})
	r.do(events.Command{Verb: events.GroupJoin, Inbox: k.ID, Users: members})
	r.commit()
	r.verify()
	r.do(events.Command{Verb: events.GroupMessage, Inbox: k.ID, ID: "x", From: "a"})
	if c := r.store.Rows().Conversation(k); c.Read.Pos != 0 || len(c.PendingReads) > 0 {
		t.Errorf("read up to %d with %d pending reads, want 0 and none", c.Read.Pos, len(c.PendingReads))
	}
	r.commit()
	r.verify()
}

// pending is what is left to be swept after the last command.
func (r *rig) pending() *fold.Sweeps { return r.store.Rows().Sweeps() }

// TestUnsweptGoesOn: who lists the members of a dismissed group goes on where the
// list was left, also when joins before the dismissal have been swept meanwhile.
func TestUnsweptGoesOn(t *testing.T) {
	const few, many = 20, 2_500 // more than are listed at a time
	r := newRigAt(t, 1, fold.Pace{Bulk: 1, Each: 1, Burst: 1, Most: 10_000, MostSweeps: 8})
	join := func(letter string, n int) {
		var users []string
		for i := range n {
			users = append(users, fmt.Sprintf("%s%04d", letter, i))
		}
		r.do(events.Command{Verb: events.GroupJoin, Inbox: "g", Users: users})
	}
	join("a", few)
	join("b", many)
	r.do(events.Command{Verb: events.GroupDismiss, Inbox: "g"})
	r.commit()
	sweeps := r.pending().All()
	dismissal := sweeps[len(sweeps)-1]
	listed := map[string]bool{}
	page := func(last string) (next string) {
		snap, err := r.store.Snapshot()
		if err != nil {
			t.Fatal(err)
		}
		defer snap.Close()
		keys, next, err := snap.Unswept(dismissal, last)
		if err != nil {
			t.Fatal(err)
		}
		for _, k := range keys {
			listed[k.User] = true
		}
		return next
	}
	next := page("")
	for !listed["b0000"] {
		next = page(next)
	}
	for len(r.pending().All()) == len(sweeps) {
		r.do(events.Command{Verb: events.UserMessage, Inbox: "q", ID: fmt.Sprint(len(r.log)), From: "p"})
	}
	r.commit()
	for next != "" {
		next = page(next)
	}
	for i := range many {
		if user := fmt.Sprintf("b%04d", i); !listed[user] {
			t.Fatalf("%s is not listed, and was not swept", user)
		}
	}
}
