package demo

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"
)

func TestScreen(t *testing.T) {
	var out bytes.Buffer
	columns, lines := 80, 24
	s := &screen{terminal: &Terminal{Out: &out, Size: func() (int, int, error) { return columns, lines, nil }}}
	took := func(do func() error) string {
		t.Helper()
		out.Reset()
		if err := do(); err != nil {
			t.Fatal(err)
		}
		return out.String()
	}
	p := somePicture()
	draw := func() error { return s.draw(p) }
	if got := took(s.open); got != "\x1b[?1049h\x1b[?25l\x1b[2J" {
		t.Errorf("opened with %q", got)
	}
	first := took(draw)
	if !strings.HasPrefix(first, clearScreen+cursorHome) || strings.Contains(first, "\x1b[1m") || strings.HasSuffix(first, "\n") {
		t.Errorf("first frame %q", first)
	}
	if got := took(draw); got != "" {
		t.Errorf("the same frame again: %q", got)
	}
	p.words = "something else"
	if got := took(draw); !strings.HasPrefix(got, cursorHome) || strings.Contains(got, clearScreen) ||
		!strings.HasSuffix(got, "\r\n"+clearBelow+" something else"+clearRight) {
		t.Errorf("another frame: %q", got)
	}
	columns = 60
	got := took(draw)
	if !strings.HasPrefix(got, clearScreen) {
		t.Errorf("another size: %q", got)
	}
	for _, text := range strings.Split(got, "\r\n") {
		if full := strings.HasSuffix(text, "…"); full && strings.HasSuffix(text, clearRight) {
			t.Errorf("the last column is cleared: %q", text)
		}
	}
	if got := took(s.close); got != "\x1b[?25h\x1b[?1049l" {
		t.Errorf("closed with %q", got)
	}
	s.terminal.Size = func() (int, int, error) { return 0, 0, io.ErrClosedPipe }
	if err := s.draw(p); !errors.Is(err, io.ErrClosedPipe) {
		t.Errorf("got %v", err)
	}
}
