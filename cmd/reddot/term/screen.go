package term

import (
	"fmt"
	"io"
	"os"
	"strings"

	"golang.org/x/term"
)

// What is sent to a terminal (ECMA-48 and xterm's private modes).
const (
	enterScreen = "\x1b[?1049h\x1b[?25l\x1b[2J" // the alternate screen, no cursor, empty
	leaveScreen = "\x1b[?25h\x1b[?1049l"
	clearScreen = "\x1b[2J"
	cursorHome  = "\x1b[H"
	clearRow    = "\x1b[2K"
	clearBelow  = "\x1b[J"
)

// Screen is a terminal to draw frames on: each in one write, over the one before, so that
// nothing flickers. Out, Size and Color are its caller's to set.
type Screen struct {
	Out   io.Writer
	Size  func() (columns, lines int, err error) // asked before each frame
	Color bool                                   // may be used

	columns, rows int    // of the last frame
	last          string // it
}

// ScreenOf is the terminal that w is, or nil if nothing can be drawn on it.
func ScreenOf(w io.Writer) *Screen {
	f, ok := w.(*os.File)
	if !ok || !IsTerminal(f) || os.Getenv("TERM") == "dumb" {
		return nil
	}
	fd := int(f.Fd())
	return &Screen{
		Out:   f,
		Size:  func() (columns, lines int, err error) { return term.GetSize(fd) },
		Color: os.Getenv("NO_COLOR") == "",
	}
}

// Open takes the terminal, until Close.
func (s *Screen) Open() error {
	_, err := io.WriteString(s.Out, enterScreen)
	return err
}

// Close gives the terminal back as it was.
func (s *Screen) Close() error {
	_, err := io.WriteString(s.Out, leaveScreen)
	return err
}

// Draw shows a frame: at most so many lines, none of them wider than there are columns.
func (s *Screen) Draw(frame func(columns, lines int) []string) error {
	columns, rows, err := s.Size()
	if err != nil {
		return fmt.Errorf("ask for the size of the terminal: %w", err)
	}
	resized := columns != s.columns || rows != s.rows
	text := written(frame(columns, rows))
	if !resized && text == s.last {
		return nil
	}
	s.columns, s.rows, s.last = columns, rows, text
	if resized {
		text = clearScreen + text
	}
	_, err = io.WriteString(s.Out, text)
	return err
}

// written is a frame as it is written over another one. A row is cleared before it is
// written: behind a line as wide as the screen its last character would go.
func written(frame []string) string {
	var b strings.Builder
	b.WriteString(cursorHome)
	for i, l := range frame {
		if i > 0 {
			b.WriteString("\r\n")
		}
		if i == len(frame)-1 {
			b.WriteString(clearBelow)
		}
		b.WriteString(clearRow + l)
	}
	return b.String()
}
