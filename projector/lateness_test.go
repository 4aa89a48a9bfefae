package projector

import (
	"testing"
	"time"

	"reddot/events"
)

// TestLateness: a state is shown when it has come close to the newest one, and until
// it is far behind: in between it depends on where it comes from.
func TestLateness(t *testing.T) {
	t.Parallel()
	now := time.Now()
	// each look: how long ago the stream was asked, what it held, what was applied
	// when it had answered, and whether the state is late then.
	type look struct {
		ago           time.Duration
		last, applied events.Seq
		late          bool
	}
	const half = lookEvery
	for name, looks := range map[string][]look{
		"nothing in the log":       {{0, 0, 0, false}},
		"applied before the start": {{0, 9, 9, false}},
		"catches up": {
			{8 * half, 100, 20, true},
			{7 * half, 200, 90, true},
			{6 * half, 300, 150, true}, // shows what was the newest 8 looks ago
			{1 * half, 400, 390, true}, // 6 looks ago
			{0, 500, 410, false},
		},
		"close, to the nanosecond": {
			{closeBehind + 1, 300, 300, true},
			{closeBehind, 400, 400, false},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var l lateness
			if !l.late() {
				t.Error("a state is shown of which nothing is known")
			}
			for i, look := range looks {
				l.look(now.Add(-look.ago), look.last, now, look.applied)
				if l.late() != look.late {
					t.Errorf("look %d: late %v, want %v", i, l.late(), look.late)
				}
			}
		})
	}
	// Time passes, and what was the newest state is of longer ago. Where it begins
	// and ends to be late is not the same age.
	var l lateness
	l.look(now, 9, now, 9)
	for _, shown := range []struct {
		ago  time.Duration
		late bool
	}{
		{0, false}, {closeBehind + 1, false}, {farBehind, false}, {farBehind + 1, true}, {farBehind, true}, {closeBehind + 1, true}, {closeBehind, false},
	} {
		l.covered.set(now.Add(-shown.ago))
		if l.look(now, 20, now, 9); l.late() != shown.late {
			t.Errorf("%v behind: late %v", shown.ago, l.late())
		}
	}
	// The stream is silent for longer than anybody is answered. What is shown then was
	// the newest state before that.
	later := now.Add(staleAfter + 1)
	if l.look(later, 30, later, 9); !l.late() {
		t.Error("a state from before a silence is shown")
	}
	if l.look(later, 30, later, 30); l.late() {
		t.Error("the newest state is not shown")
	}
}

// TestLookPatience: a look is made again soon when a request was lost, and a slow
// server is waited for all the same.
func TestLookPatience(t *testing.T) {
	t.Parallel()
	const s = time.Second
	for failed, want := range []time.Duration{2 * s, s / 2, s, 2 * s, s / 2, s, 2 * s} {
		if got := lookPatience(failed); got != want {
			t.Errorf("after %d failures: %v, want %v", failed, got, want)
		}
	}
}
