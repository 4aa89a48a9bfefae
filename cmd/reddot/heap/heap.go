// Package heap says how much garbage may pile up before it is collected.
//
// Go collects when the heap has grown to twice of what lives in it: the less lives the
// more often, and a projection that is small or being built spends an eighth of its
// time on that; and the more lives the more memory lies idle. Here the heap may grow further
// while it is small, up to a soft limit of the whole process, and less beyond that:
//
//	collected at min(five times what lives, the soft limit)
//	the soft limit = max(floor, what lives + what may pile up), set anew as that changes
//	what may pile up = max(floor / 4, half of what lives and may have pointers)
//
// A fixed limit would have garbage collected without end once more lives than that. A
// collection's work is what may have pointers, so that is what its frequency goes by: most
// of what lives here are blocks and rows without any, and room in proportion to them
// would lie idle. What may have some are, for the larger part, the NATS server's indexes of the
// subjects of what was written or read lately, of which a start reads two minutes.
//
// Until the projection has caught up at the start it is one and a half times of them: nobody is
// answered before, and while many commands are folded a collection follows the other.
// Where memory is limited by a control group, as in a container, the floor is a share of
// it, and with little of it no more piles up until then: a start that is killed for its memory
// begins again, and is killed again.
//
// GOGC and GOMEMLIMIT of the environment win.
//
// Source: https://go.dev/doc/gc-guide, on GOGC, the memory limit and how both work
// together.
package heap

import (
	"context"
	"math"
	"os"
	"runtime/debug"
	"time"

	"github.com/KimMachineGun/automemlimit/memlimit"
)

const (
	// percent is what GOGC is: the heap may grow to five times of what lives in it.
	percent = 400
	// floor is the least soft limit, in bytes.
	floor = 512 << 20
	// room is what part of the floor may pile up beyond it at least.
	room = 4
	// scanned is how much may pile up beyond the floor, in percent of what may have pointers, and
	// catchUp the same until the projection has caught up.
	scanned = 50
	catchUp = 150
	// share is what part of a container's memory the floor takes at most: the rest is
	// for what lives, for the page cache and for what Go does not know of.
	share = 2
	// plenty is how much memory a container has, in bytes, of which more may pile up until the
	// projection has caught up.
	plenty = 4 * floor
	// every is how often the soft limit is set: what lives is known anew after a
	// collection, of which there are few in that time.
	every = 250 * time.Millisecond
	// step is what the soft limit is rounded up to, in bytes: setting it stops all
	// goroutines for a moment.
	step = 16 << 20
)

// Save has garbage collected less often until the function is called that it returns, and
// least often until caughtUp is closed, which a nil one never is. It is of the whole process:
// once at a time.
func Save(caughtUp <-chan struct{}) (end func()) {
	return save(boundsOf(memlimit.FromCgroup()), caughtUp)
}

func save(b bounds, caughtUp <-chan struct{}) (end func()) {
	if os.Getenv("GOGC") != "" { // Go has read both at the start
		return func() {}
	}
	before := debug.SetGCPercent(percent)
	if os.Getenv("GOMEMLIMIT") != "" {
		return func() { debug.SetGCPercent(before) }
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		keep(ctx, b.least, b.catchUp, caughtUp)
		keep(ctx, b.least, scanned, nil)
	}()
	return func() {
		cancel()
		<-ended
		debug.SetMemoryLimit(math.MaxInt64)
		debug.SetGCPercent(before)
	}
}

// bounds are what holds in a control group.
type bounds struct {
	least   int64 // soft limit
	catchUp int64 // percent, as the constant is
}

// boundsOf is of one that may have some memory; an error says that there is none, or no limit.
func boundsOf(memory uint64, err error) bounds {
	switch {
	case err != nil:
		return bounds{floor, catchUp}
	case memory < plenty:
		return bounds{int64(min(floor, memory/share)), scanned}
	}
	return bounds{floor, catchUp}
}

// keep sets the soft limit, by how much may pile up, until ctx or the phase has ended.
func keep(ctx context.Context, least, percent int64, ended <-chan struct{}) {
	tick := time.NewTicker(every)
	defer tick.Stop()
	for was := int64(0); ctx.Err() == nil; {
		if now := measure().limit(least, percent); now != was {
			debug.SetMemoryLimit(now)
			was = now
		}
		select {
		case <-tick.C:
		case <-ended:
			return
		case <-ctx.Done():
		}
	}
}
