package projector

import (
	"context"

	"reddot/projector/emit"
	"reddot/projector/fold"
)

// SetPace has the projector's stores leave more to be swept, and sweep it slower.
func (c *Config) SetPace(p fold.Pace) { c.pace = p }

// HoldFolding keeps commands from being folded until it is released.
func (p *Projector) HoldFolding() (release func()) {
	p.folding.Lock()
	return p.folding.Unlock
}

// CheckLog is what is checked of the command stream every watchEvery.
func (p *Projector) CheckLog(ctx context.Context) error { return p.checkLog(ctx) }

// Figures are what the emitter has done.
func (p *Projector) Figures() emit.Figures { return p.emitter.Figures() }

// AloneFor is how long a look that has found nobody else is good for.
const AloneFor = aloneFor

// SettledByLook reports whether the settling is over because a look at the stream
// has found nobody else.
func (p *Projector) SettledByLook() bool {
	s := p.settling
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.doneLocked() && s.timer.Stop()
}
