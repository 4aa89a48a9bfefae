package term_test

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"

	"reddot/cmd/reddot/term"
)

// TestScreen: a frame is written over the one before, where it is another one.
func TestScreen(t *testing.T) {
	var out bytes.Buffer
	columns := 80
	s := &term.Screen{Out: &out, Size: func() (int, int, error) { return columns, 24, nil }}
	took := func(do func() error) string {
		t.Helper()
		out.Reset()
		if err := do(); err != nil {
			t.Fatal(err)
		}
		return out.String()
	}
	frame := []string{"one", "two"}
	draw := func() error {
		return s.Draw(func(width, height int) []string {
			if width != columns || height != 24 {
				t.Errorf("a frame of %d by %d", width, height)
			}
			return frame
		})
	}
	if got := took(s.Open); got != "\x1b[?1049h\x1b[?25l\x1b[2J" {
		t.Errorf("opened with %q", got)
	}
	if got := took(draw); got != "\x1b[2J\x1b[H\x1b[2Kone\r\n\x1b[J\x1b[2Ktwo" {
		t.Errorf("first frame %q", got)
	}
	if got := took(draw); got != "" {
		t.Errorf("the same frame again: %q", got)
	}
	frame = []string{"one", "three"}
	if got := took(draw); got != "\x1b[H\x1b[2Kone\r\n\x1b[J\x1b[2Kthree" {
		t.Errorf("another frame: %q", got)
	}
	columns = 60
	if got := took(draw); !strings.HasPrefix(got, "\x1b[2J\x1b[H") {
		t.Errorf("another size: %q", got)
	}
	if got := took(s.Close); got != "\x1b[?25h\x1b[?1049l" {
		t.Errorf("closed with %q", got)
	}
	s.Size = func() (int, int, error) { return 0, 0, io.ErrClosedPipe }
	if err := draw(); !errors.Is(err, io.ErrClosedPipe) {
		t.Errorf("got %v", err)
	}
	if term.ScreenOf(&out) != nil {
		t.Error("a buffer is a terminal")
	}
}
