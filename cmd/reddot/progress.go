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

	"reddot/cmd/reddot/bench"
)

// progressInterval is how often the progress bar is drawn.
const progressInterval = 100 * time.Millisecond

// gauge is what a progress bar shows.
type gauge interface {
	total() int64  // where at ends; -1 if unknown
	at() int64     // how far it is
	bytes() bool   // both are bytes
	count() int64  // what is done; 0 if it has no rate
	words() string // what is done
}

// publishGauge is the gauge of a publish: by the bytes read of the source,
// which are known before its lines are.
type publishGauge struct {
	from  *source
	acked *atomic.Int64 // commands acknowledged
}

func (g publishGauge) total() int64  { return g.from.size }
func (g publishGauge) at() int64     { return g.from.read.Load() }
func (g publishGauge) bytes() bool   { return true }
func (g publishGauge) count() int64  { return g.acked.Load() }
func (g publishGauge) words() string { return grouped(g.count()) + " commands" }

// stepGauge is the gauge of a step of bench.
type stepGauge struct{ *bench.Step }

func (g stepGauge) total() int64  { return g.Total }
func (g stepGauge) at() int64     { return g.Done() }
func (g stepGauge) bytes() bool   { return false }
func (g stepGauge) words() string { return g.Name }

func (g stepGauge) count() int64 {
	if g.Turns {
		return 0
	}
	return g.Done()
}

// progress tells on stderr how something comes along: with a bar on a
// terminal, in one line at the end elsewhere.
type progress struct {
	out      io.Writer
	gauge    gauge
	begun    time.Time
	terminal bool
	quit     chan struct{}
	done     chan struct{}
}

func startProgress(out io.Writer, g gauge) *progress {
	p := &progress{out: out, gauge: g, begun: time.Now(), terminal: isTerminal(out),
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

// finish ends the bar, or prints the line. What was not complete leaves the
// bar where it stood and prints no line: the error says it all.
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

// rate is what was done per second, over the whole time, if it has a rate.
func (p *progress) rate(took time.Duration) string {
	n := p.gauge.count()
	if n == 0 {
		return ""
	}
	return ", " + grouped(int64(float64(n)/max(took.Seconds(), 1e-9))) + "/s"
}

// summary is the line at the end.
func (p *progress) summary() string {
	took := time.Since(p.begun)
	return fmt.Sprintf("%s in %v%s", p.gauge.words(), took.Round(time.Millisecond), p.rate(took))
}

// draw moves the bar until finish is called.
func (p *progress) draw() {
	defer close(p.done)
	most := p.gauge.total()
	bar := progressbar.NewOptions64(most,
		progressbar.OptionSetWriter(p.out),
		progressbar.OptionShowBytes(p.gauge.bytes()),
		progressbar.OptionShowCount(),
		progressbar.OptionFullWidth(),
		progressbar.OptionSetPredictTime(true),
		progressbar.OptionUseANSICodes(true),
		progressbar.OptionSetSpinnerChangeInterval(0),
	)
	ticker := time.NewTicker(progressInterval)
	defer ticker.Stop()
	for ending := false; ; {
		at := p.gauge.at()
		if now := p.gauge.total(); now != most {
			most = now
			bar.ChangeMax64(most)
		}
		if !ending && most >= 0 {
			at = min(at, most-1) // a full bar is not drawn again
		}
		// The bar's own errors are those of writing to the terminal.
		bar.Describe(p.gauge.words() + p.rate(time.Since(p.begun)))
		_ = bar.Set64(at)
		if ending {
			return
		}
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
