// Package yield lets work in bulk leave the processors to what is waited for.
//
// Go runs goroutines in turn, without priorities, and each for up to 10 ms. Worse
// for a server: it looks for network input only when no goroutine waits for a
// processor, else every 10 ms (findRunnable and sysmon in the runtime's proc.go).
// A fold or an emitter that is behind always waits for one, so a query would
// wait that long at each step of its way. So both give way every millisecond or
// less, and step aside for longer when others were waiting.
package yield

import (
	"runtime"
	"time"
)

// Behind is how many commands not yet dealt with make work of them work in bulk:
// nobody waits for one of them in particular.
const Behind = 1_024

const (
	// waited is from how long on a turn of others says that they need the
	// processors.
	waited = 200 * time.Microsecond
	// rest is how long bulk work then steps aside: long enough for those who
	// wait to be done, and for the network to be looked at.
	rest = 5 * time.Millisecond
)

// Turn lets others have a turn. Work in bulk, which is not what anyone waits for
// at the moment, then rests if others needed the processors.
func Turn(bulk bool) {
	if others := needed(); bulk && others {
		time.Sleep(rest)
	}
}

const (
	// share is what part of a processor is left to work that had better come last: one of
	// so many.
	share = 8
	// mostRest bounds how long such work rests at a time.
	mostRest = 100 * time.Millisecond
)

// Last is Turn for work in bulk of which there is less the later it comes, after some time of
// it. If others needed the processors it rests for as long as leaves it its share.
func Last(worked time.Duration) {
	if needed() {
		time.Sleep(min(max((share-1)*worked, rest), mostRest))
	}
}

// needed lets others have a turn, and reports whether they needed the processors.
func needed() bool {
	start := time.Now()
	runtime.Gosched()
	return time.Since(start) > waited
}
