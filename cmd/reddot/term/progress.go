package term

import (
	"fmt"
	"io"
	"time"

	"github.com/schollz/progressbar/v3"
)

const (
	// progressInterval is how often the progress bar is drawn.
	progressInterval = 100 * time.Millisecond
	// progressLine is how often a line says how far it is where there is no
	// terminal.
	progressLine = 10 * time.Second
)

// Gauge is what a progress shows. It is asked on a goroutine of the progress's.
type Gauge interface {
	Total() int64  // where At ends; -1 if unknown
	At() int64     // how far it is
	Count() int64  // what the rate is of; 0 if it has none
	Words() string // what is done, and of how much if that is not all
}

// Progress says on standard error how something comes along: with a bar on a
// terminal, elsewhere in a line from time to time. At the end, one line sums it
// up.
type Progress struct {
	console *Console
	gauge   Gauge
	begun   time.Time
	every   time.Duration
	quit    chan struct{}
	done    chan struct{}
}

// Start begins to show a gauge on out, until Finish is called.
func Start(out io.Writer, g Gauge) *Progress {
	p := newProgress(NewConsole(out), g)
	go p.run()
	return p
}

func newProgress(c *Console, g Gauge) *Progress {
	p := &Progress{console: c, gauge: g, begun: time.Now(), every: progressLine, quit: make(chan struct{}), done: make(chan struct{})}
	if c.terminal {
		p.every = progressInterval
	}
	return p
}

func (p *Progress) run() {
	defer close(p.done)
	show := p.writeLine
	if p.console.terminal {
		show = p.newBar()
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

// Finish takes the bar away and sums up what is complete. Nothing is said of
// what is not: the error says it all.
func (p *Progress) Finish(complete bool) {
	close(p.quit)
	<-p.done
	p.console.clear()
	if complete {
		fmt.Fprintln(p.console, p.summary())
	}
}

// rate is what was done per second, over the whole time, if it has a rate.
func (p *Progress) rate(took time.Duration) string {
	n := p.gauge.Count()
	if n == 0 {
		return ""
	}
	return ", " + Grouped(int64(float64(n)/max(took.Seconds(), 1e-9))) + "/s"
}

// summary is the line at the end.
func (p *Progress) summary() string {
	took := time.Since(p.begun)
	return fmt.Sprintf("%s in %v%s", p.gauge.Words(), took.Round(time.Millisecond), p.rate(took))
}

func (p *Progress) writeLine() {
	fmt.Fprintln(p.console, p.gauge.Words()+p.rate(time.Since(p.begun)))
}

// newBar returns what draws the bar.
func (p *Progress) newBar() (draw func()) {
	most := p.gauge.Total()
	bar := progressbar.NewOptions64(most,
		progressbar.OptionSetWriter(p.console.out), // a terminal, whose width it asks for
		progressbar.OptionFullWidth(),
		progressbar.OptionSetPredictTime(true),
		progressbar.OptionUseANSICodes(true),
		progressbar.OptionSetSpinnerChangeInterval(0),
	)
	return func() {
		p.console.draw(func() {
			if now := p.gauge.Total(); now != most {
				most = now
				bar.ChangeMax64(most)
			}
			at := p.gauge.At()
			if most >= 0 {
				at = min(at, most-1) // a full bar is not drawn again
			}
			// The bar's own errors are those of writing to the terminal.
			bar.Describe(p.gauge.Words() + p.rate(time.Since(p.begun)))
			_ = bar.Set64(at)
		})
	}
}
