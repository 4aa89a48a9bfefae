package main

import (
	"sync/atomic"
	"testing"

	"reddot/cmd/reddot/bench"
)

// TestGauges says in words how far a publish and a step of bench are.
func TestGauges(t *testing.T) {
	g := publishGauge{acked: new(atomic.Int64), lines: new(atomic.Int64)}
	for _, c := range []struct {
		acked, lines int64
		want         string
	}{
		{120_000, -1, "120,000 commands"}, {1, -1, "1 command"},
		{120_000, 300_000, "120,000 of 300,000 commands"}, {300_000, 300_000, "300,000 commands"},
	} {
		g.acked.Store(c.acked)
		g.lines.Store(c.lines)
		if got := g.Words(); got != c.want || g.Count() != c.acked {
			t.Errorf("%+v is shown as %q", c, got)
		}
	}
	step := stepGauge{&bench.Step{Name: "fold", Total: 10}}
	if got := step.Words(); got != "fold, 0 of 10" {
		t.Errorf("a step is shown as %q", got)
	}
}
