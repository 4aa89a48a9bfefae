// Package heap says how much garbage may pile up before it is collected.
//
// Go collects when the heap has grown to twice of what lives in it: the less lives the
// more often, and a projection that is small or being built spends an eighth of its
// time on that; and the more lives the more memory lies idle. Here the heap may grow further
// while it is small, up to a soft limit of the whole process, and less beyond that:
//
//	collected at min(five times what lives, the soft limit)
//	the soft limit = max(floor, 1.3 times what lives), set anew as that changes
//
// A fixed limit would have garbage collected without end once more lives than that.
// Where memory is limited by a control group, as in a container, the floor is a share of
// it.
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
	// garbage is how much may pile up beyond the floor, in percent of what lives: by far the
	// most of that is in pieces without pointers, which are collected quickly.
	garbage = 30
	// share is what part of a container's memory the floor takes at most: the rest is
	// for what lives, for the page cache and for what Go does not know of.
	share = 2
	// every is how often the soft limit is set: what lives is known anew after a
	// collection, of which there are few in that time.
	every = 250 * time.Millisecond
	// step is what the soft limit is rounded up to, in bytes: setting it stops all
	// goroutines for a moment.
	step = 16 << 20
)

// Save has garbage collected less often until the function is called that it returns. It
// is of the whole process: once at a time.
func Save() (end func()) {
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
		keep(ctx, least(memlimit.FromCgroup()))
	}()
	return func() {
		cancel()
		<-ended
		debug.SetMemoryLimit(math.MaxInt64)
		debug.SetGCPercent(before)
	}
}

// least is the floor where a control group may have some memory; an error says that there
// is none, or no limit.
func least(memory uint64, err error) int64 {
	if err != nil {
		return floor
	}
	return int64(min(floor, memory/share))
}

// keep sets the soft limit until ctx ends.
func keep(ctx context.Context, least int64) {
	tick := time.NewTicker(every)
	defer tick.Stop()
	for was := int64(0); ; {
		if now := measure().limit(least); now != was {
			debug.SetMemoryLimit(now)
			was = now
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}
