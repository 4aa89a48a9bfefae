package emit

import (
	"context"
	"time"
)

// While commands stream in, the emitter rests after each generation for
// restShare times as long as the generation took, mostRest at most: the changes
// merge meanwhile, and the fold, which shares the processors, comes to its end
// sooner. When no command has come for quietAfter there is nothing to wait for.
// Generations shorter than shortRound don't hold anybody up.
const (
	restShare  = 3
	mostRest   = 2 * time.Second
	quietAfter = 20 * time.Millisecond
	shortRound = 5 * time.Millisecond
)

// pace rests after a generation that took some time.
func (e *Emitter) pace(ctx context.Context, took time.Duration) error {
	if took < shortRound {
		return nil
	}
	rest := time.NewTimer(min(restShare*took, mostRest))
	defer rest.Stop()
	quiet := time.NewTimer(quietAfter)
	defer quiet.Stop()
	for {
		select {
		case <-e.wake:
			quiet.Reset(quietAfter)
		case <-quiet.C:
			return nil
		case <-rest.C:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}
