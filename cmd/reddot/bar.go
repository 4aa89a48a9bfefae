package main

import (
	"fmt"
	"io"
	"sync/atomic"
	"time"

	"github.com/schollz/progressbar/v3"
)

// bar shows on stderr how far something long is, with its rate and the time
// left: a bar on a terminal, one line at the end elsewhere.
type bar struct {
	out   io.Writer
	unit  string // what is counted, as in "commands"
	begun time.Time
	done  atomic.Uint64
	bar   *progressbar.ProgressBar // nil: no terminal
	drawn time.Time
}

// newBar starts a bar of total units, not drawn before the first of them.
func newBar(out io.Writer, title, unit string, total uint64) *bar {
	b := &bar{out: out, unit: unit, begun: time.Now()}
	if isTerminal(out) {
		b.bar = progressbar.NewOptions64(int64(total),
			progressbar.OptionSetWriter(out),
			progressbar.OptionSetDescription(title),
			progressbar.OptionShowCount(),
			progressbar.OptionShowIts(),
			progressbar.OptionSetItsString(unit),
			progressbar.OptionFullWidth(),
			progressbar.OptionSetPredictTime(true),
			progressbar.OptionUseANSICodes(true),
			progressbar.OptionThrottle(progressInterval),
		)
	}
	return b
}

// set tells how many units are done. For one goroutine.
func (b *bar) set(done uint64) {
	b.done.Store(done)
	if b.bar != nil && time.Since(b.drawn) >= progressInterval {
		b.drawn = time.Now()
		_ = b.bar.Set64(int64(done)) // its errors are those of writing to the terminal
	}
}

// total corrects the number of units.
func (b *bar) total(total uint64) {
	if b.bar != nil && b.bar.GetMax64() != int64(total) {
		b.bar.ChangeMax64(int64(total))
	}
}

// finish ends the bar; elsewhere than on a terminal it prints how it went.
func (b *bar) finish(complete bool) {
	done, took := b.done.Load(), time.Since(b.begun)
	switch {
	case b.bar != nil:
		if complete {
			_ = b.bar.Finish()
		}
		fmt.Fprintln(b.out)
	case complete:
		fmt.Fprintf(b.out, "%s %s in %v, %s/s\n", grouped(int64(done)), b.unit, took.Round(time.Millisecond),
			grouped(int64(float64(done)/max(took.Seconds(), 1e-9))))
	}
}

// quit ends the bar and prints nothing.
func (b *bar) quit() {
	if b.bar != nil {
		fmt.Fprintln(b.out)
	}
}
