package term

// ClearLine is what empties a terminal's line.
const ClearLine = clearLine

// Stepped is a progress that is shown when the test says so.
type Stepped struct {
	*Progress
	Draw func()
}

// StartStepped begins a progress that nothing shows but Draw, until Run.
func StartStepped(c *Console, g Gauge) Stepped {
	p := newProgress(c, g)
	if c.terminal {
		return Stepped{p, p.newBar()}
	}
	return Stepped{p, p.writeLine}
}

// Run shows it as Start does.
func (s Stepped) Run() { go s.run() }

// TotalOf is the total of a bar's gauge.
func TotalOf(b *Bar) int64 { return b.task.Total() }
