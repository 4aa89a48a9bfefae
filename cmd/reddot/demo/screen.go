package demo

import (
	"fmt"
	"io"
	"strings"
)

// What is sent to a terminal (ECMA-48 and xterm's private modes).
const (
	enterScreen = "\x1b[?1049h\x1b[?25l\x1b[2J" // the alternate screen, no cursor, empty
	leaveScreen = "\x1b[?25h\x1b[?1049l"
	clearScreen = "\x1b[2J"
	cursorHome  = "\x1b[H"
	clearRight  = "\x1b[K"
	clearBelow  = "\x1b[J"
)

// Terminal is a terminal to draw on.
type Terminal struct {
	Out   io.Writer
	Size  func() (columns, lines int, err error) // asked before each frame
	Color bool                                   // may be used
}

// screen draws frames on a terminal: each in one write, over the one before,
// so that nothing flickers.
type screen struct {
	terminal      *Terminal
	columns, rows int    // of the last frame
	last          string // it
}

func (s *screen) open() error {
	_, err := io.WriteString(s.terminal.Out, enterScreen)
	return err
}

// close gives the terminal back as it was.
func (s *screen) close() error {
	_, err := io.WriteString(s.terminal.Out, leaveScreen)
	return err
}

// draw shows a picture.
func (s *screen) draw(p picture) error {
	columns, rows, err := s.terminal.Size()
	if err != nil {
		return fmt.Errorf("ask for the size of the terminal: %w", err)
	}
	resized := columns != s.columns || rows != s.rows
	text := written(p.frame(columns, rows, s.terminal.Color), columns, s.terminal.Color)
	if !resized && text == s.last {
		return nil
	}
	s.columns, s.rows, s.last = columns, rows, text
	if resized {
		text = clearScreen + text
	}
	_, err = io.WriteString(s.terminal.Out, text)
	return err
}

// written is a frame as it is written over another one. A line as wide as the
// screen leaves nothing to clear: its last character would go.
func written(frame []line, columns int, color bool) string {
	var b strings.Builder
	b.WriteString(cursorHome)
	for i, l := range frame {
		if i > 0 {
			b.WriteString("\r\n")
		}
		if i == len(frame)-1 {
			b.WriteString(clearBelow)
		}
		b.WriteString(l.render(color))
		if l.width() < columns {
			b.WriteString(clearRight)
		}
	}
	return b.String()
}
