// Package bucket bounds how often each of very many callers may do something, in
// memory that is bounded too: token buckets of golang.org/x/time/rate, by name.
package bucket

import (
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// maxBuckets bounds the buckets of one generation, some 200 bytes each. Beyond
// it generations turn early: a flood of that many callers is no caller's fault, and
// costs one of them at most a few tokens more than the rate.
const maxBuckets = 100_000

// Buckets are the callers' buckets of tokens, in two generations. A generation
// lasts as long as an empty bucket takes to fill, so that one which was not
// asked for during a whole generation is full, and may be forgotten. They are safe for
// concurrent use; nil Buckets bound nothing.
type Buckets struct {
	every rate.Limit
	burst int
	lasts time.Duration

	mu       sync.Mutex
	now, old map[string]*rate.Limiter
	turned   time.Time
}

// New returns buckets of burst tokens that get perSecond new ones a second, which may
// be a fraction.
func New(perSecond float64, burst int) *Buckets {
	return &Buckets{
		every: rate.Limit(perSecond), burst: burst,
		lasts: time.Duration(float64(burst) / perSecond * float64(time.Second)),
		now:   map[string]*rate.Limiter{},
	}
}

// PerSecond is how many tokens a bucket gets in a second.
func (b *Buckets) PerSecond() float64 { return float64(b.every) }

// Burst is how many tokens a bucket holds; of nil Buckets 0.
func (b *Buckets) Burst() int {
	if b == nil {
		return 0
	}
	return b.burst
}

// Take takes n tokens of a caller's bucket, or none and says after how long there will
// be so many. More than the burst there never are.
func (b *Buckets) Take(caller string, n int, at time.Time) (wait time.Duration, ok bool) {
	if b == nil {
		return 0, true
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	l := b.ofLocked(caller, at)
	if l.AllowN(at, n) {
		return 0, true
	}
	return b.missingLocked(l, n, at), false
}

// Empty reports whether a caller's bucket has no token, and after how long there will
// be one. It takes none.
func (b *Buckets) Empty(caller string, at time.Time) (wait time.Duration, empty bool) {
	if b == nil {
		return 0, false
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	l := b.now[caller]
	if l == nil {
		if l = b.old[caller]; l == nil {
			return 0, false
		}
	}
	if l.TokensAt(at) >= 1 {
		return 0, false
	}
	return b.missingLocked(l, 1, at), true
}

func (b *Buckets) missingLocked(l *rate.Limiter, n int, at time.Time) time.Duration {
	missing := float64(n) - l.TokensAt(at)
	return time.Duration(missing / float64(b.every) * float64(time.Second))
}

func (b *Buckets) ofLocked(caller string, at time.Time) *rate.Limiter {
	if at.Sub(b.turned) > b.lasts || len(b.now) >= maxBuckets {
		b.now, b.old, b.turned = make(map[string]*rate.Limiter, len(b.now)/2), b.now, at
	}
	l := b.now[caller]
	if l == nil {
		if l = b.old[caller]; l == nil {
			l = rate.NewLimiter(b.every, b.burst)
		}
		delete(b.old, caller)
		b.now[caller] = l
	}
	return l
}
