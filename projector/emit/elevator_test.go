package emit

import (
	"cmp"
	"slices"
	"testing"
)

// TestElevator: what waits is taken in passes, each in order by name, one of each name at a
// time. Nothing is lost.
func TestElevator(t *testing.T) {
	e := elevator[string]{compare: func(a, b string) int { return cmp.Compare(a[0], b[0]) }}
	var got []string
	take := func(n int) {
		for range n {
			if s, ok := e.next(); ok {
				got = append(got, s)
			}
		}
	}
	for _, s := range []string{"e", "a1", "c", "a2", "b1", "a3", "b2"} {
		e.add(s)
	}
	take(1)
	e.add("d") // comes later, and has its turn in the next pass
	e.add("a4")
	if e.len() != 8 {
		t.Errorf("%d wait, not 8", e.len())
	}
	take(6)
	e.add("a5")
	take(9)
	if want := []string{"a1", "b1", "c", "e", "a2", "b2", "a3", "a4", "d", "a5"}; !slices.Equal(got, want) || e.len() != 0 {
		t.Errorf("in the order %v, not %v; %d wait", got, want, e.len())
	}
}
