package term

import (
	"io"
	"os"
	"sync"

	"golang.org/x/term"
)

// clearLine moves to the beginning of a terminal's line and empties it.
const clearLine = "\r\x1b[2K"

// Console is standard error: a progress bar on the last line, and whatever is
// written, whole lines, above it. It is safe for concurrent use.
type Console struct {
	out      io.Writer
	terminal bool

	mu  sync.Mutex
	bar bool // one is on the last line
}

// NewConsole returns the console that writes to out, which may be one itself.
func NewConsole(out io.Writer) *Console {
	if c, ok := out.(*Console); ok {
		return c
	}
	return &Console{out: out, terminal: IsTerminal(out)}
}

// NewTerminal returns a console that takes out for a terminal, whatever it is.
func NewTerminal(out io.Writer) *Console { return &Console{out: out, terminal: true} }

// IsTerminal reports whether people read what is written.
func IsTerminal(w io.Writer) bool {
	switch w := w.(type) {
	case *Console:
		return w.terminal
	case *os.File:
		return term.IsTerminal(int(w.Fd()))
	}
	return false
}

// Write writes lines. The bar comes back when it is drawn next.
func (c *Console) Write(p []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.wipeLocked()
	return c.out.Write(p)
}

// draw has f draw the bar. The cursor is left at its beginning: what the
// terminal itself shows, as ^C for Ctrl-C, would else break the full line.
func (c *Console) draw(f func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.bar = true
	f()
	_, _ = io.WriteString(c.out, "\r")
}

// clear takes the bar away.
func (c *Console) clear() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.wipeLocked()
}

// wipeLocked takes the bar away. Nothing is lost if it can't be written.
func (c *Console) wipeLocked() {
	if c.bar {
		_, _ = io.WriteString(c.out, clearLine)
		c.bar = false
	}
}
