package main

import (
	"context"
	"os"
	"strings"
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

// TestLinesAreCounted as they are published, compressed or not, from where the
// input stands on.
func TestLinesAreCounted(t *testing.T) {
	for name, c := range map[string]struct {
		content []byte
		from    int
		want    int64
	}{
		"plain":      {[]byte(messageLines(10)), 1, 10},
		"compressed": {zipped(t, messageLines(10)+"\n\n"+messageLines(5)), 1, 15},
		"from":       {[]byte(messageLines(3) + "\n" + messageLines(2)), 3, 3},
		"broken":     {zipped(t, messageLines(10))[:40], 1, -1},
	} {
		s, closeFile, err := openSource(file(t, "c.jsonl", c.content), nil)
		if err != nil {
			t.Fatal(err)
		}
		if got := s.count(t.Context(), c.from); got != c.want {
			t.Errorf("%s: %d lines, want %d", name, got, c.want)
		}
		if err := closeFile(); err != nil {
			t.Fatal(err)
		}
	}
	f, err := os.Open(file(t, "c.jsonl", []byte(messageLines(10))))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := f.Seek(int64(len(messageLines(4))), 0); err != nil {
		t.Fatal(err)
	}
	s, _, err := openSource("-", f)
	if err != nil {
		t.Fatal(err)
	}
	if got := s.count(t.Context(), 1); got != 6 {
		t.Errorf("the rest of a file has %d lines, want 6", got)
	}
	if s, _, _ := openSource("-", strings.NewReader("x")); s.count(t.Context(), 1) != -1 {
		t.Error("a pipe is read twice")
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if got := s.count(ended, 1); got != -1 {
		t.Errorf("counting goes on after the end: %d", got)
	}
}
