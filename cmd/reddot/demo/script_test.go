package demo

import (
	"slices"
	"strings"
	"testing"
	"time"

	"reddot/events"
)

func TestScript(t *testing.T) {
	s := newScript(newCast(), 1)
	var b strings.Builder
	for _, a := range s.prologue() {
		b.WriteString(a.words + "\n")
	}
	for range 120 {
		b.WriteString(s.next().words + "\n")
	}
	golden(t, "demo-script.txt", b.String())
}

// TestScriptIsPlayable looks at long performances: every command is valid, a
// message's text is told once, nobody pauses for too long, and everything that
// can happen does.
func TestScriptIsPlayable(t *testing.T) {
	seen := map[events.Verb]int{}
	for seed := range uint64(20) {
		ids := map[string]bool{}
		played := performance(seed, 2000)
		for _, a := range played {
			if a.words == "" || len(a.commands) == 0 || a.pause > 5*time.Second {
				t.Fatalf("seed %d: %+v", seed, a)
			}
			if a.id != "" && a.text != recalled {
				if ids[a.id] {
					t.Fatalf("seed %d: message %s twice", seed, a.id)
				}
				ids[a.id] = true
			}
			for _, c := range a.commands {
				seen[c.Verb]++
				if _, err := events.Encode(&c); err != nil {
					t.Fatalf("seed %d: %s: %v", seed, a.words, err)
				}
			}
		}
		same := func(x, y act) bool { return x.words == y.words && x.pause == y.pause && x.id == y.id }
		if !slices.EqualFunc(played, performance(seed, 2000), same) {
			t.Errorf("seed %d: two performances differ", seed)
		}
	}
	for _, v := range []events.Verb{events.UserMessage, events.UserRevoke, events.UserSent, events.UserRead, events.UserReadAll,
		events.UserUnread, events.UserMute, events.UserDelete, events.GroupMessage, events.GroupRevoke, events.GroupJoin} {
		if seen[v] == 0 {
			t.Errorf("no %v in 40,000 acts", v)
		}
	}
}

func performance(seed uint64, n int) []act {
	s := newScript(newCast(), seed)
	return append(s.prologue(), acts(s, n)...)
}

func acts(s *script, n int) []act {
	var list []act
	for range n {
		list = append(list, s.next())
	}
	return list
}

func TestMentioned(t *testing.T) {
	names, all := mentioned("@all @bob? and @carol, mail dave@example.com or @nobody", []string{"alice", "bob", "carol", "dave"})
	if !all || !slices.Equal(names, []string{"bob", "carol"}) {
		t.Errorf("got %v, %v", names, all)
	}
}
