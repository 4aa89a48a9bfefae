package projector

import "context"

// CheckLog is what is checked of the command stream every watchEvery.
func (p *Projector) CheckLog(ctx context.Context) error { return p.checkLog(ctx) }
