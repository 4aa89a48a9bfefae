package emit

import (
	"context"
	"time"
)

// A fold that was busy for more than a busyShare-th of a generation's time is at
// work on more than the odd command, and shares the processors with the
// emitter. Then the emitter rests for restShare times as long as the generation
// took, mostRest at most: the changes merge meanwhile, and the fold comes to its
// end sooner. When no command has come for quietAfter there is nothing to wait
// for. Generations shorter than shortRound don't hold anybody up.
const (
	busyShare  = 5
	restShare  = 2
	mostRest   = 2 * time.Second
	quietAfter = 100 * time.Millisecond
	shortRound = 5 * time.Millisecond
)

// pace rests after a generation, during which the fold was busy for some time.
func (e *Emitter) pace(ctx context.Context, took, folded time.Duration) error {
	if took < shortRound || folded < took/busyShare {
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

// busy is how long the fold has been busy since the start.
func (e *Emitter) busy() time.Duration {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.folded
}
