package bench

import (
	"runtime"
	"time"
)

// longestSpin is the time that is waited for actively: sleeping ends too late
// by some tens of microseconds.
const longestSpin = 80 * time.Microsecond

// pacer waits for points in time to some microseconds. It belongs to the
// goroutine that made it.
type pacer struct{ spin time.Duration }

// newPacer returns a pacer for points in time that are a gap apart, of which it
// is active for a tenth at most.
func newPacer(gap time.Duration) pacer {
	runtime.LockOSThread() // it sleeps as the thread sleeps
	return pacer{min(longestSpin, gap/10)}
}

func (pacer) close() { runtime.UnlockOSThread() }

// wait returns at a time, or at once if it is over.
func (p pacer) wait(until time.Time) {
	if left := time.Until(until); left > p.spin {
		sleep(left - p.spin)
	}
	for time.Now().Before(until) {
	}
}
