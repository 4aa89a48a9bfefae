package main

import (
	"fmt"
	"io"
	"os"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/schollz/progressbar/v3"
	"golang.org/x/term"
)

// progressInterval is how often the progress bar is drawn.
const progressInterval = 100 * time.Millisecond

// progress tells on stderr how a publish comes along: with a bar on a
// terminal, in one line at the end elsewhere.
type progress struct {
	out      io.Writer
	from     *source
	acked    *atomic.Int64 // commands acknowledged
	begun    time.Time
	terminal bool
	quit     chan struct{}
	done     chan struct{}
}

func startProgress(out io.Writer, from *source, acked *atomic.Int64) *progress {
	p := &progress{out: out, from: from, acked: acked, begun: time.Now(), terminal: isTerminal(out),
		quit: make(chan struct{}), done: make(chan struct{})}
	if p.terminal {
		go p.draw()
	} else {
		close(p.done)
	}
	return p
}

func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// finish ends the bar, or prints the line. A publish that was not complete
// leaves the bar where it stood and prints no line: the error says it all.
func (p *progress) finish(complete bool) {
	close(p.quit)
	<-p.done
	switch {
	case p.terminal:
		fmt.Fprintln(p.out)
	case complete:
		fmt.Fprintln(p.out, p.summary())
	}
}

// sofar is the commands stored, and their rate over the whole time.
func (p *progress) sofar(took time.Duration) (commands, rate string) {
	n := p.acked.Load()
	return grouped(n) + " commands", grouped(int64(float64(n)/max(took.Seconds(), 1e-9))) + "/s"
}

// summary is the line at the end.
func (p *progress) summary() string {
	took := time.Since(p.begun)
	commands, rate := p.sofar(took)
	return fmt.Sprintf("%s in %v, %s", commands, took.Round(time.Millisecond), rate)
}

// draw moves the bar until finish is called: by the bytes read of the source,
// which are known before its lines are.
func (p *progress) draw() {
	defer close(p.done)
	bar := progressbar.NewOptions64(p.from.size,
		progressbar.OptionSetWriter(p.out),
		progressbar.OptionShowBytes(true),
		progressbar.OptionShowCount(),
		progressbar.OptionFullWidth(),
		progressbar.OptionSetPredictTime(true),
		progressbar.OptionUseANSICodes(true),
		progressbar.OptionSetSpinnerChangeInterval(0),
	)
	ticker := time.NewTicker(progressInterval)
	defer ticker.Stop()
	drawn := int64(0)
	for ending := false; ; {
		read := p.from.read.Load()
		if !ending && p.from.size >= 0 {
			read = min(read, p.from.size-1) // a full bar is not drawn again
		}
		// The bar's own errors are those of writing to the terminal.
		commands, rate := p.sofar(time.Since(p.begun))
		bar.Describe(commands + ", " + rate)
		_ = bar.Add64(read - drawn)
		if ending {
			return
		}
		drawn = read
		select {
		case <-p.quit:
			ending = true
		case <-ticker.C:
		}
	}
}

// grouped writes a number with commas between the thousands.
func grouped(n int64) string {
	s := strconv.FormatInt(n, 10)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}
