package bench

import (
	"bytes"
	"os"
	"testing"

	"github.com/cespare/xxhash/v2"

	"reddot/events"
)

// drawn is the hash of a workload's script, and the script.
func drawn(t *testing.T, w Workload) (uint64, *script) {
	t.Helper()
	subjects, err := events.NewSubjects(events.DefaultPrefix)
	if err != nil {
		t.Fatal(err)
	}
	joins := 0
	s, err := writeScript(t.Context(), t.TempDir(), w.all(subjects, w.Commands, &joins), &joins, new(Step))
	if err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(s.path)
	if err != nil {
		t.Fatal(err)
	}
	return xxhash.Sum64(data), s
}

func TestSameSeedSameCommands(t *testing.T) {
	w := Workload{Seed: 7, Users: 500, Groups: 20, Commands: 3_000}
	first, _ := drawn(t, w)
	again, s := drawn(t, w)
	if first != again {
		t.Errorf("the same seed gave %x and %x", first, again)
	}
	if s.joins != w.Groups || s.commands != w.Commands {
		t.Errorf("%d joins and %d commands", s.joins, s.commands)
	}
	w.Seed++
	if other, _ := drawn(t, w); other == first {
		t.Error("another seed gave the same commands")
	}
}

// TestProportions: the traffic is mixed as it is said to be, the groups have
// the sizes, and what is read or recalled was sent.
func TestProportions(t *testing.T) {
	const n, perMille = 100_000, 1_000
	w := Workload{Seed: 3, Users: 20_000, Groups: 500, Commands: n}
	g := newGenerator(w)
	for rank := range w.Groups {
		c := g.join(rank)
		if size := len(c.Users); size < smallestGroup || size > largestGroup || rank == 0 && size != largestGroup {
			t.Fatalf("group %d has %d members", rank, size)
		}
		seen := map[string]bool{}
		for _, u := range c.Users {
			seen[u] = true
		}
		if len(seen) != len(c.Users) {
			t.Fatalf("group %d has a member twice", rank)
		}
	}
	verbs, ids, chats := map[events.Verb]int{}, map[string]bool{}, map[string]int{}
	for range n {
		c := g.next()
		if err := c.Validate(); err != nil {
			t.Fatal(err)
		}
		verbs[c.Verb]++
		switch c.Verb {
		case events.UserMessage, events.GroupMessage:
			if ids[c.ID] || len(c.ID) < 16 || len(c.ID) > 20 || c.From == c.Inbox {
				t.Fatalf("a message %+v", c)
			}
			ids[c.ID] = true
			if c.Verb == events.UserMessage {
				chats[c.Inbox+" "+c.From]++
			}
		case events.UserRead:
			if c.Upto != "" && !ids[c.Upto] {
				t.Fatalf("a read up to a message that was not sent: %+v", c)
			}
		case events.UserRevoke, events.GroupRevoke:
			if !ids[c.ID] {
				t.Fatalf("a revoke of a message that was not sent: %+v", c)
			}
		}
	}
	for _, part := range []struct {
		words         string
		got, perMille int
	}{
		{"C2C messages", verbs[events.UserMessage], 600},
		{"group messages", verbs[events.GroupMessage], 250},
		{"reads", verbs[events.UserRead], 130},
		{"read-alls", verbs[events.UserReadAll], 15},
		{"revokes", verbs[events.UserRevoke] + verbs[events.GroupRevoke], 5},
	} {
		want := n / perMille * part.perMille
		if off := part.got - want; off*off > 16*want { // 4 standard deviations
			t.Errorf("%s are %d of %d, want some %d", part.words, part.got, n, want)
		}
	}
	if each := float64(verbs[events.UserMessage]) / float64(len(chats)); each < 1.5 || each > 6 {
		t.Errorf("a C2C conversation has %.1f messages", each)
	}
}

// TestSmallWorlds: no bounds on what can be drawn but two users and a group.
func TestSmallWorlds(t *testing.T) {
	for _, w := range []Workload{{Users: 2, Groups: 1}, {Users: 3, Groups: 7}, {Users: 1_000, Groups: 1}} {
		g := newGenerator(w)
		for rank := range w.Groups {
			if c := g.join(rank); c.Validate() != nil {
				t.Errorf("%+v: %+v", w, c)
			}
		}
		for range 2_000 {
			if c := g.next(); c.Validate() != nil {
				t.Fatalf("%+v: %+v", w, c)
			}
		}
	}
}

func TestScript(t *testing.T) {
	give := func(give func(string, []byte) error) error {
		for _, payload := range []string{"", "a", "bc"} {
			if err := give("s."+payload, []byte(payload)); err != nil {
				return err
			}
		}
		return nil
	}
	joins := 1
	s, err := writeScript(t.Context(), t.TempDir(), give, &joins, new(Step))
	if err != nil {
		t.Fatal(err)
	}
	if s.joins != 1 || s.commands != 2 {
		t.Errorf("%d joins and %d commands", s.joins, s.commands)
	}
	r, err := s.open()
	if err != nil {
		t.Fatal(err)
	}
	defer r.close()
	for _, want := range []string{"", "a", "bc"} {
		subject, payload, err := r.next()
		if err != nil || subject != "s."+want || !bytes.Equal(payload, []byte(want)) {
			t.Errorf("got %q %q %v, want %q", subject, payload, err, want)
		}
	}
	if _, _, err := r.next(); err == nil {
		t.Error("read on past the end")
	}
}
