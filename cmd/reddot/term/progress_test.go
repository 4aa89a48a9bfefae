package term_test

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"reddot/cmd/reddot/term"
)

// gauge is what a test says that it is.
type gauge struct{ at, total int64 }

func (g *gauge) Total() int64  { return g.total }
func (g *gauge) At() int64     { return g.at }
func (g *gauge) Count() int64  { return g.at }
func (g *gauge) Words() string { return term.OfTotal(g.at, g.total, "commands folded") }

// screen is what a terminal shows of what was written to it: lines that are
// done, and the last one.
func screen(written string) (lines []string) {
	for line := range strings.SplitSeq(written, "\n") {
		shown := ""
		for part := range strings.SplitSeq(line, "\r") {
			if rest, wiped := strings.CutPrefix(part, strings.TrimPrefix(term.ClearLine, "\r")); wiped {
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
	c := term.NewTerminal(&out)
	g := &gauge{total: 300_000}
	p := term.StartStepped(c, g)
	p.Draw()
	g.at = 120_000
	p.Draw()
	if lines := screen(out.String()); len(lines) != 1 || !strings.HasPrefix(lines[0], "120,000 of 300,000 commands folded, ") || strings.Count(lines[0], "/s") != 1 {
		t.Errorf("the bar is %q", lines)
	}
	fmt.Fprintln(c, "level=WARN msg=something")
	p.Draw()
	g.at = 300_000
	p.Draw()
	p.Run()
	p.Finish(true)
	lines := screen(out.String())
	if len(lines) != 3 || lines[0] != "level=WARN msg=something" || !strings.HasPrefix(lines[1], "300,000 commands folded in ") || lines[2] != "" {
		t.Errorf("the terminal shows %q", lines)
	}

	out.Reset()
	p = term.StartStepped(c, g)
	p.Draw()
	if got := out.String(); !strings.HasSuffix(got, "\r") {
		t.Errorf("the cursor is left behind the bar: %q", got)
	}
	p.Run()
	p.Finish(false)
	if lines := screen(out.String()); len(lines) != 1 || lines[0] != "" {
		t.Errorf("the terminal shows %q", lines)
	}
}

// TestProgressInLines: where there is no terminal, a line says how far it is.
func TestProgressInLines(t *testing.T) {
	var out bytes.Buffer
	g := &gauge{}
	p := term.StartStepped(term.NewConsole(&out), g)
	for _, c := range []struct {
		at, total int64
		want      string
	}{
		{120_000, -1, "120,000 commands folded, "},
		{1, -1, "1 command folded, "},
		{120_000, 300_000, "120,000 of 300,000 commands folded, "},
		{300_000, 300_000, "300,000 commands folded, "},
	} {
		g.at, g.total = c.at, c.total
		out.Reset()
		p.Draw()
		if got := out.String(); !strings.HasPrefix(got, c.want) || !strings.HasSuffix(got, "/s\n") {
			t.Errorf("%+v is shown as %q", c, got)
		}
	}
}

// TestBar: elsewhere than on a terminal a bar is a line at the end.
func TestBar(t *testing.T) {
	for _, c := range []struct {
		unit     string
		total    uint64
		done     uint64
		complete bool
		want     string
	}{
		{"commands folded", 1500, 1500, true, "1,500 commands folded in "},
		{"commands folded", 2000, 1500, true, "1,500 of 2,000 commands folded in "},
		{"commands folded", 0, 0, true, "0 commands folded in "},
		{"commands folded", 1, 1, true, "1 command folded in "},
		{"bytes read", 0, 1 << 20, true, "1,048,576 bytes read in "},
		{"bytes read", 1 << 20, 7, false, ""},
	} {
		var out bytes.Buffer
		b := term.StartBar(&out, c.unit, c.total)
		b.Set(c.done)
		b.Finish(c.complete)
		if got := out.String(); !strings.HasPrefix(got, c.want) || c.want == "" && got != "" || strings.Contains(got, "/s") != (c.complete && c.done > 0) {
			t.Errorf("%+v prints %q", c, got)
		}
		if term.TotalOf(b) == 0 {
			t.Errorf("%+v: a total of 0", c)
		}
	}
}
