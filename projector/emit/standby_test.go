package emit

import (
	"testing"

	"reddot/events"
	"reddot/projector/dirty"
	"reddot/projector/fold"
)

// TestEmittedAll has one that stands by find out whether the other has emitted all
// that is applied. What was applied before it started may have changed what
// it knows nothing of.
func TestEmittedAll(t *testing.T) {
	var stored events.Seq
	e := New(Config{}, nil, func(seq events.Seq) { stored = seq })
	check := func(what string, want bool, upto events.Seq) {
		t.Helper()
		if got := e.emittedAll(); got != want || stored != upto {
			t.Errorf("%s: all is emitted: %v, up to %d; want %v, %d", what, got, stored, want, upto)
		}
	}
	changed := func() *dirty.Set {
		m := new(dirty.Set)
		m.Add(30, 0, &fold.Effects{Refused: "for the test"})
		return m
	}
	e.Add(new(dirty.Set), 27, 0)
	e.stored(18)
	check("commands before the start", false, 18)
	e.Add(new(dirty.Set), 28, 0)
	check("a command without a change", false, 18)
	e.stored(27)
	check("the start is emitted", true, 28)
	e.Add(changed(), 30, 0)
	check("a command with a change", false, 28)
	e.Add(new(dirty.Set), 31, 0)
	e.stored(18)
	check("the other emits an old command", false, 28)
	e.stored(30)
	check("the change is emitted", true, 31)
	m := new(dirty.Set)
	m.Add(33, 0, &fold.Effects{Refused: "for the test"})
	m.Add(34, 0, new(fold.Effects))
	e.Add(m, 35, 0)
	e.stored(32)
	check("some commands at a time, one with a change", false, 32)
	e.stored(33)
	check("the one with a change is emitted", true, 35)
}
