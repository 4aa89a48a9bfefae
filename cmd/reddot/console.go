package main

import (
	"io"
	"os"
	"sync"

	"golang.org/x/term"
)

// clearLine moves to the beginning of a terminal's line and empties it.
const clearLine = "\r\x1b[2K"

// console is standard error: a progress bar on the last line, and whatever is
// written, whole lines, above it. It is safe for concurrent use.
type console struct {
	out      io.Writer
	terminal bool

	mu  sync.Mutex
	bar bool // one is on the last line
}

func newConsole(out io.Writer) *console {
	if c, ok := out.(*console); ok {
		return c
	}
	return &console{out: out, terminal: isTerminal(out)}
}

// Write writes lines. The bar comes back when it is drawn next.
func (c *console) Write(p []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.wipe()
	return c.out.Write(p)
}

// draw has f draw the bar. The cursor is left at its beginning: what the
// terminal itself shows, as ^C for Ctrl-C, would else break the full line.
func (c *console) draw(f func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.bar = true
	f()
	_, _ = io.WriteString(c.out, "\r")
}

// clear takes the bar away.
func (c *console) clear() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.wipe()
}

// wipe takes the bar away; mu is held. Nothing is lost if it can't be written.
func (c *console) wipe() {
	if c.bar {
		_, _ = io.WriteString(c.out, clearLine)
		c.bar = false
	}
}

// isTerminal reports whether people read what is written.
func isTerminal(w io.Writer) bool {
	switch w := w.(type) {
	case *console:
		return w.terminal
	case *os.File:
		return term.IsTerminal(int(w.Fd()))
	}
	return false
}
