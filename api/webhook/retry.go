package webhook

import (
	"math/rand/v2"
	"time"
)

// steps are how long after a failure the same is tried again. With the first attempt an
// item is tried eleven times, within some 16 hours: less than events are kept.
var steps = []time.Duration{
	0, 5 * time.Second, 30 * time.Second, 2 * time.Minute, 10 * time.Minute, 30 * time.Minute,
	time.Hour, 2 * time.Hour, 4 * time.Hour, 8 * time.Hour,
}

// givesUp is after how long something is a dead letter that could not be tried, as others
// were, to see whether the endpoint is back.
var givesUp = func() (sum time.Duration) {
	for _, s := range steps {
		sum += s
	}
	return sum
}()

// Bounds of an endpoint.
const (
	maxInFlight  = 16             // requests at a time
	failsProbed  = 10             // failures in a row after which one request at a time is tried
	mostWait     = 24 * time.Hour // that an answer may ask for
	notReadyWait = time.Second    // after which what could not be made is made again
)

// jitter is a wait of some 20 % more or less, so that what has failed together does not
// come back together.
func jitter(d time.Duration) time.Duration {
	return d + time.Duration((rand.Float64()*0.4-0.2)*float64(d))
}

// result is what became of an attempt.
type result struct {
	kind   resultKind
	wait   time.Duration // of Throttled: what the answer asks for
	status int           // of the answer; 0: there was none
	reason string        // of a failure, for people
	took   time.Duration
}

// unknown reports whether what failed may have been taken all the same: nothing came back,
// or who answers in front of the endpoint did.
func (r result) unknown() bool { return r.kind == failed && (r.status == 0 || r.status >= 500) }

type resultKind uint8

const (
	delivered resultKind = iota
	dropped              // there was nothing to tell any more
	notReady             // what is to be told can't be made now
	throttled            // the endpoint says when to come again
	gone                 // the endpoint wants no more
	failed
)

func (k resultKind) String() string {
	return [...]string{"delivered", "dropped", "not_ready", "throttled", "gone", "failed"}[k]
}
