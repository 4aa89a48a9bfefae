package gate

import (
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// maxBuckets bounds the buckets of one generation, some 200 bytes each. Beyond
// it generations turn early: a flood of that many users is no user's fault, and
// costs one of them at most a few commands more than the rate.
const maxBuckets = 100_000

// buckets are the users' buckets of tokens, in two generations. A generation
// lasts as long as an empty bucket takes to fill, so that one which was not
// asked for during a whole generation is full, and may be forgotten.
type buckets struct {
	every rate.Limit
	burst int
	lasts time.Duration

	mu       sync.Mutex
	now, old map[string]*rate.Limiter
	turned   time.Time
}

func newBuckets(perSecond, burst int) *buckets {
	return &buckets{
		every: rate.Limit(perSecond), burst: burst,
		lasts: time.Duration(burst) * time.Second / time.Duration(perSecond),
		now:   map[string]*rate.Limiter{},
	}
}

// take takes a token of the user's, or says after how long there will be one.
func (b *buckets) take(user string, at time.Time) (wait time.Duration, ok bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if at.Sub(b.turned) > b.lasts || len(b.now) >= maxBuckets {
		b.now, b.old, b.turned = make(map[string]*rate.Limiter, len(b.now)/2), b.now, at
	}
	l := b.now[user]
	if l == nil {
		if l = b.old[user]; l == nil {
			l = rate.NewLimiter(b.every, b.burst)
		}
		delete(b.old, user)
		b.now[user] = l
	}
	if l.AllowN(at, 1) {
		return 0, true
	}
	missing := 1 - l.TokensAt(at)
	return time.Duration(missing / float64(b.every) * float64(time.Second)), false
}
