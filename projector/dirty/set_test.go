package dirty_test

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/google/go-cmp/cmp"

	"reddot/events"
	"reddot/projector/dirty"
	"reddot/projector/fold"
	"reddot/projector/testkit"
)

// touched is what a set says of a user, however it says it.
type touched struct {
	Last events.Seq
	Left map[string]bool
}

// expand lists the users of a set.
func expand(s *dirty.Set) map[string]touched {
	users := map[string]touched{}
	enter := func(user string, stamp dirty.Stamp, left ...events.ConversationID) {
		u, found := users[user]
		if !found {
			u.Left = map[string]bool{}
		}
		u.Last = max(u.Last, stamp.Seq)
		for _, c := range left {
			u.Left[c.String()] = true
		}
		users[user] = u
	}
	for user, u := range s.Users.All() {
		enter(user, u.Stamp)
		for c := range u.Left.All() {
			enter(user, u.Stamp, c)
		}
	}
	for _, b := range s.Bulks {
		for _, user := range b.Users {
			if enter(user, b.Stamp); b.Left {
				enter(user, b.Stamp, group(b.Group))
			}
		}
	}
	return users
}

func group(id string) events.ConversationID { return events.ConversationID{Kind: events.Group, ID: id} }

// draw draws the effects of a command: those of many members of a group, all alike,
// or of a few users.
func draw(rng *rand.Rand) *fold.Effects {
	fx := new(fold.Effects)
	of := group(fmt.Sprint("g", rng.IntN(4)))
	n, left := rng.IntN(4), rng.IntN(3) == 0
	if rng.IntN(4) == 0 {
		n = 10 + rng.IntN(20)
	}
	for i := range n {
		if n < 4 && rng.IntN(2) == 0 {
			of = events.ConversationID{Kind: events.C2C, ID: fmt.Sprint("p", rng.IntN(3))}
		}
		k := fold.Key{User: fmt.Sprint("u", i+rng.IntN(3)*10), ConversationID: of}
		if fx.Changed = append(fx.Changed, k); left {
			fx.Noted = append(fx.Noted, k)
		}
		if rng.IntN(4) == 0 {
			fx.Receipts = append(fx.Receipts, fold.ReceiptKey{Key: k})
		}
	}
	if rng.IntN(3) == 0 {
		fx.Groups = append(fx.Groups, of.ID)
	}
	return fx
}

// TestSet enters commands into one set, and into several that are merged: both name
// whom the effects name, with the last command of each and what may have left the
// list, and nobody else.
func TestSet(t *testing.T) {
	rng := rand.New(rand.NewPCG(testkit.Seed(t), 1))
	for range 200 {
		want := map[string]touched{}
		whole, merged := dirty.Set{Many: 8}, dirty.Set{Many: 8}
		part := dirty.Set{Many: 8}
		receipts := map[fold.ReceiptKey]bool{}
		groups := map[string]events.Seq{}
		for seq := events.Seq(1); seq <= events.Seq(rng.IntN(120)); seq++ {
			fx := draw(rng)
			whole.Add(seq, 0, fx)
			if part.Add(seq, 0, fx); rng.IntN(3) == 0 {
				merged.Merge(&part)
				part = dirty.Set{Many: 8}
			}
			for _, k := range fx.Changed {
				u := want[k.User]
				if u.Left == nil {
					u.Left = map[string]bool{}
				}
				u.Last = seq
				want[k.User] = u
			}
			for _, k := range fx.Noted {
				want[k.User].Left[k.ConversationID.String()] = true
			}
			for _, k := range fx.Receipts {
				receipts[k] = true
			}
			for _, g := range fx.Groups {
				groups[g] = seq
			}
		}
		merged.Merge(&part)
		for name, s := range map[string]*dirty.Set{"one set": &whole, "several, merged": &merged} {
			if diff := cmp.Diff(want, expand(s)); diff != "" {
				t.Fatalf("%s: users (-want +got):\n%s", name, diff)
			}
			got := map[fold.ReceiptKey]bool{}
			for k := range s.Receipts.All() {
				got[k] = true
			}
			for k := range s.BulkReceipts.All() {
				got[k] = true
			}
			seqs := map[string]events.Seq{}
			for g, stamp := range s.Groups.All() {
				seqs[g] = stamp.Seq
			}
			if diff := cmp.Diff(receipts, got) + cmp.Diff(groups, seqs); diff != "" {
				t.Fatalf("%s: (-want +got):\n%s", name, diff)
			}
			if s.Empty() != (len(want)+len(receipts)+len(groups) == 0) {
				t.Fatalf("%s: empty: %v", name, s.Empty())
			}
		}
	}
}

// TestBulks: the lists of users of their own are few, however many commands touch
// many; who is in one that is given up is emitted in bulk still, unless a command
// that touches few names the user as well.
func TestBulks(t *testing.T) {
	all := dirty.Set{Many: 2}
	add := func(seq events.Seq, users ...string) {
		s := dirty.Set{Many: 2}
		fx := new(fold.Effects)
		for _, user := range users {
			fx.Changed = append(fx.Changed, fold.Key{User: user, ConversationID: group("g")})
		}
		s.Add(seq, 0, fx)
		all.Merge(&s)
	}
	add(1, "a", "b")
	add(2, "b")
	for seq := events.Seq(3); seq < 1_000; seq++ {
		add(seq, "c", "d")
	}
	if n := len(all.Bulks); n > 64 {
		t.Errorf("%d lists are kept", n)
	}
	for user, bulk := range map[string]bool{"a": true, "b": false, "c": true} {
		if u := all.Users.Get(user); u.Seq == 0 || u.Bulk != bulk {
			t.Errorf("%s: %+v, want in bulk: %v", user, u, bulk)
		}
	}
}

// TestLast: a refusal and a sweep that begins are news of their command; what is
// swept for an earlier one is not.
func TestLast(t *testing.T) {
	var s dirty.Set
	check := func(what string, last events.Seq, empty bool) {
		t.Helper()
		if s.Last != last || s.Empty() != empty {
			t.Errorf("%s: last %d, empty %v; want %d, %v", what, s.Last, s.Empty(), last, empty)
		}
	}
	s.Add(1, 0, new(fold.Effects))
	check("nothing", 0, true)
	s.Add(2, 0, &fold.Effects{Refused: "for the test"})
	check("a refusal", 2, false)
	s.Add(3, 0, &fold.Effects{Begun: &fold.Sweep{Seq: 3, Kind: fold.SweepErase, ID: "u"}})
	check("a sweep that begins", 3, false)
	s.Add(4, 0, &fold.Effects{Swept: []fold.Departure{{Seq: 3}}})
	check("what is swept", 3, false)
}
