package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"strings"
	"sync/atomic"
	"testing"

	"reddot/cmd/reddot/bench"
)

// screen is what a terminal shows of what was written to it: lines that are
// done, and the last one.
func screen(written string) (lines []string) {
	for line := range strings.SplitSeq(written, "\n") {
		shown := ""
		for part := range strings.SplitSeq(line, "\r") {
			if rest, wiped := strings.CutPrefix(part, strings.TrimPrefix(clearLine, "\r")); wiped {
				shown, part = "", rest
			}
			if len(part) >= len(shown) {
				shown = part
			} else {
				shown = part + shown[len(part):]
			}
		}
		lines = append(lines, strings.TrimRight(shown, " "))
	}
	return lines
}

// TestProgressOnATerminal: what is logged stands in lines of its own above the
// bar, and nothing of the bar is left at the end.
func TestProgressOnATerminal(t *testing.T) {
	var out bytes.Buffer
	c := &console{out: &out, terminal: true}
	g := &taskGauge{unit: "commands folded"}
	g.all.Store(300_000)
	p := newProgress(c, g)
	draw := p.bar()
	draw()
	g.done.Store(120_000)
	draw()
	if lines := screen(out.String()); len(lines) != 1 || !strings.HasPrefix(lines[0], "120,000 of 300,000 commands folded, ") || strings.Count(lines[0], "/s") != 1 {
		t.Errorf("the bar is %q", lines)
	}
	fmt.Fprintln(c, "level=WARN msg=something")
	draw()
	g.done.Store(300_000)
	draw()
	go p.run()
	p.finish(true)
	lines := screen(out.String())
	if len(lines) != 3 || lines[0] != "level=WARN msg=something" || !strings.HasPrefix(lines[1], "300,000 commands folded in ") || lines[2] != "" {
		t.Errorf("the terminal shows %q", lines)
	}

	out.Reset()
	p = newProgress(c, g)
	p.bar()()
	if got := out.String(); !strings.HasSuffix(got, "\r") {
		t.Errorf("the cursor is left behind the bar: %q", got)
	}
	go p.run()
	p.finish(false)
	if lines := screen(out.String()); len(lines) != 1 || lines[0] != "" {
		t.Errorf("the terminal shows %q", lines)
	}
}

// TestProgressInLines: where there is no terminal, a line tells how far it is.
func TestProgressInLines(t *testing.T) {
	var out bytes.Buffer
	g := publishGauge{acked: new(atomic.Int64), lines: new(atomic.Int64)}
	p := newProgress(newConsole(&out), g)
	for _, c := range []struct {
		acked, lines int64
		want         string
	}{
		{120_000, -1, "120,000 commands, "},
		{1, -1, "1 command, "},
		{120_000, 300_000, "120,000 of 300,000 commands, "},
		{300_000, 300_000, "300,000 commands, "},
	} {
		g.acked.Store(c.acked)
		g.lines.Store(c.lines)
		out.Reset()
		p.tell()
		if got := out.String(); !strings.HasPrefix(got, c.want) || !strings.HasSuffix(got, "/s\n") {
			t.Errorf("%+v is told as %q", c, got)
		}
	}
	step := stepGauge{&bench.Step{Name: "fold", Total: 10}}
	if got := step.words(); got != "fold, 0 of 10" {
		t.Errorf("a step is told as %q", got)
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
