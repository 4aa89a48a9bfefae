package main

import (
	"fmt"
	"io"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/schollz/progressbar/v3"

	"reddot/cmd/reddot/bench"
)

const (
	// progressInterval is how often the progress bar is drawn.
	progressInterval = 100 * time.Millisecond
	// progressLine is how often a line tells how far it is where there is no
	// terminal.
	progressLine = 10 * time.Second
)

// gauge is what a progress shows.
type gauge interface {
	total() int64  // where at ends; -1 if unknown
	at() int64     // how far it is
	count() int64  // what the rate is of; 0 if it has none
	words() string // what is done, and of how much if that is not all
}

// ofTotal is how far something is, in words.
func ofTotal(at, total int64, unit string) string {
	switch {
	case total > at:
		return fmt.Sprintf("%s of %s %s", grouped(at), grouped(total), unit)
	case at == 1:
		return "1 " + singular(unit)
	}
	return grouped(at) + " " + unit
}

// publishGauge is the gauge of a publish.
type publishGauge struct {
	acked *atomic.Int64 // commands acknowledged
	lines *atomic.Int64 // to publish; -1 while that is not known
}

func (g publishGauge) total() int64  { return g.lines.Load() }
func (g publishGauge) at() int64     { return g.acked.Load() }
func (g publishGauge) count() int64  { return g.acked.Load() }
func (g publishGauge) words() string { return ofTotal(g.at(), g.total(), "commands") }

// stepGauge is the gauge of a step of bench.
type stepGauge struct{ *bench.Step }

func (g stepGauge) total() int64 { return g.Total }
func (g stepGauge) at() int64    { return g.Done() }

func (g stepGauge) words() string {
	if at, total := g.at(), g.total(); at < total {
		return fmt.Sprintf("%s, %s of %s", g.Name, grouped(at), grouped(total))
	}
	return g.Name
}

func (g stepGauge) count() int64 {
	if g.Turns {
		return 0
	}
	return g.Done()
}

// progress tells on standard error how something comes along: with a bar on a
// terminal, elsewhere in a line from time to time. At the end, one line sums it
// up.
type progress struct {
	console *console
	gauge   gauge
	begun   time.Time
	quiet   bool // no line at the end
	every   time.Duration
	quit    chan struct{}
	done    chan struct{}
}

func startProgress(out io.Writer, g gauge) *progress {
	p := newProgress(newConsole(out), g)
	go p.run()
	return p
}

func newProgress(c *console, g gauge) *progress {
	p := &progress{console: c, gauge: g, begun: time.Now(), every: progressLine, quit: make(chan struct{}), done: make(chan struct{})}
	if c.terminal {
		p.every = progressInterval
	}
	return p
}

// run shows how far it is until finish is called.
func (p *progress) run() {
	defer close(p.done)
	show := p.tell
	if p.console.terminal {
		show = p.bar()
		show()
	}
	ticker := time.NewTicker(p.every)
	defer ticker.Stop()
	for {
		select {
		case <-p.quit:
			return
		case <-ticker.C:
			show()
		}
	}
}

// finish takes the bar away and sums it up. Nothing is said of what was not
// completed: the error says it all.
func (p *progress) finish(complete bool) {
	close(p.quit)
	<-p.done
	p.console.clear()
	if complete && !p.quiet {
		fmt.Fprintln(p.console, p.summary())
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

// tell writes a line.
func (p *progress) tell() { fmt.Fprintln(p.console, p.gauge.words()+p.rate(time.Since(p.begun))) }

// bar returns what draws the bar.
func (p *progress) bar() func() {
	most := p.gauge.total()
	bar := progressbar.NewOptions64(most,
		progressbar.OptionSetWriter(p.console.out), // a terminal, whose width it asks for
		progressbar.OptionFullWidth(),
		progressbar.OptionSetPredictTime(true),
		progressbar.OptionUseANSICodes(true),
		progressbar.OptionSetSpinnerChangeInterval(0),
	)
	return func() {
		p.console.draw(func() {
			if now := p.gauge.total(); now != most {
				most = now
				bar.ChangeMax64(most)
			}
			at := p.gauge.at()
			if most >= 0 {
				at = min(at, most-1) // a full bar is not drawn again
			}
			// The bar's own errors are those of writing to the terminal.
			bar.Describe(p.gauge.words() + p.rate(time.Since(p.begun)))
			_ = bar.Set64(at)
		})
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
