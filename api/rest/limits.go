package rest

import (
	"sync"
	"time"

	"golang.org/x/time/rate"

	"reddot/api/identity"
)

// keyRates are the buckets of the keys that have a rate: there are as many as keys in
// the file.
type keyRates struct {
	mu sync.Mutex
	of map[string]*rate.Limiter
}

// take takes n tokens of a key's, or says after how long there are so many.
func (k *keyRates) take(id identity.Identity, n int, at time.Time) (wait time.Duration, ok bool) {
	if id.Rate <= 0 {
		return 0, true
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.of == nil {
		k.of = map[string]*rate.Limiter{}
	}
	burst := int(max(1, 2*id.Rate))
	l := k.of[id.Name]
	if l == nil || l.Limit() != rate.Limit(id.Rate) { // new, or the file has another rate for it
		l = rate.NewLimiter(rate.Limit(id.Rate), burst)
		k.of[id.Name] = l
	}
	// A batch larger than the bucket is let in when that is full, and emptied: it can
	// only be larger by what a batch may have.
	if l.AllowN(at, min(n, burst)) {
		return 0, true
	}
	missing := float64(min(n, burst)) - l.TokensAt(at)
	return time.Duration(missing / id.Rate * float64(time.Second)), false
}

// limitOf is what a request is, as a label.
func (x *Exchange) limitOf() string {
	if x.route == nil {
		return limitedQueries
	}
	switch x.route.Limit {
	case Commands:
		return limitedCommands
	case Streams:
		return limitedStreams
	}
	return limitedQueries
}

func rateLimited(detail string, wait time.Duration) error {
	return &Problem{Code: RateLimited, Detail: detail, RetryAfter: wait}
}

// admitKey takes a token of a key that has a rate, for a request that is no batch: that
// takes one for each command.
func (s *Server) admitKey(x *Exchange) error {
	if x.route.Limit == Unlimited || x.route.Body == maxBatchBody {
		return nil
	}
	return s.takeKey(x, 1)
}

func (s *Server) takeKey(x *Exchange, n int) error {
	if wait, ok := s.keys.take(x.Who, n, time.Now()); !ok {
		return rateLimited("more requests a second than the key has", wait)
	}
	return nil
}

// bounded reports whether a user's rate holds for who asks about the user: for the
// user's own token, and where nobody is asked who they are.
func (x *Exchange) bounded() bool {
	return x.Who.Role == identity.User || x.Who.Role == identity.Anybody
}

// admitQuery takes a token of a user's rate of queries.
func (s *Server) admitQuery(x *Exchange, user string) error {
	if !x.bounded() {
		return nil
	}
	live, err := s.live()
	if err != nil {
		return err
	}
	if wait, ok := live.AdmitQuery(user); !ok {
		return rateLimited("more queries a second than a user has", wait)
	}
	return nil
}

// AdmitStream takes a token of a user's rate of streams that are opened.
func (s *Server) AdmitStream(x *Exchange, user string) error {
	if !x.bounded() {
		return nil
	}
	if wait, ok := s.streamsOf.Take(user, 1, time.Now()); !ok {
		return rateLimited("more streams opened a second than a user may", wait)
	}
	return nil
}
