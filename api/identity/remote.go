package identity

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/MicahParks/jwkset"
	"github.com/MicahParks/keyfunc/v3"
	"github.com/golang-jwt/jwt/v5"
	"golang.org/x/time/rate"
)

// Times of a key set.
const (
	refreshEvery   = time.Hour
	unknownEvery   = 30 * time.Second // a key that is not in the set has it fetched at most so often
	unknownWait    = 2 * time.Second  // for which the one who brought it waits at most
	fetchTimeout   = 20 * time.Second
	firstRetry     = time.Second // as long as there is no set yet, then twice as long each time
	mostFirstRetry = time.Minute
)

// errNotFetched: the key set has not been fetched yet.
var errNotFetched = errors.New("the key set of jwks_url has not been fetched yet")

// remote is the key set at a URL. What was fetched last stays until the next is there.
type remote struct {
	url     string
	log     *slog.Logger
	ask     chan struct{} // for a fetch; holds one
	unknown *rate.Limiter
	every   time.Duration

	mu   sync.Mutex
	set  keyfunc.Keyfunc // nil: none yet
	sets uint64          // fetched so far
	why  error           // there is none
	next chan struct{}   // closed when the fetch has ended that is under way, or the next one
}

func newRemote(url string, log *slog.Logger) *remote {
	return &remote{url: url, log: log, ask: make(chan struct{}, 1), unknown: rate.NewLimiter(rate.Every(unknownEvery), 1),
		every: refreshEvery, why: errNotFetched, next: make(chan struct{})}
}

// run fetches the set: now, hourly, and when asked to, until ctx ends.
func (r *remote) run(ctx context.Context) {
	retry := firstRetry
	for {
		r.fetch(ctx)
		wait := r.every
		if r.ready() != nil {
			wait, retry = retry, min(2*retry, mostFirstRetry)
		}
		timer := time.NewTimer(wait)
		select {
		case <-ctx.Done():
			timer.Stop()
			return
		case <-timer.C:
		case <-r.ask:
			timer.Stop()
		}
	}
}

// fetch fetches the set. Keys that are no longer in it end with it.
func (r *remote) fetch(ctx context.Context) {
	storage, err := jwkset.NewStorageFromHTTP(r.url, jwkset.HTTPClientStorageOptions{Ctx: ctx, HTTPTimeout: fetchTimeout})
	var set keyfunc.Keyfunc
	if err == nil {
		set, err = keyfunc.New(keyfunc.Options{Storage: storage, UseWhitelist: []jwkset.USE{jwkset.UseSig, ""}})
	}
	if err != nil && ctx.Err() == nil {
		r.log.Warn("fetch the key set of jwks_url", "url", r.url, "error", err)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if err == nil {
		r.set, r.why = set, nil
		r.sets++
	} else if r.set == nil {
		r.why = fmt.Errorf("%w: %w", errNotFetched, err)
	}
	close(r.next)
	r.next = make(chan struct{})
}

// ready says why there is no set.
func (r *remote) ready() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.why
}

// version tells a set from the one before; of no remote it is 0.
func (r *remote) version() uint64 {
	if r == nil {
		return 0
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.sets
}

// now returns the set, and when the next fetch ends.
func (r *remote) now() (keyfunc.Keyfunc, <-chan struct{}, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.set, r.next, r.why
}

// key is what a token may have been signed with. One that names a key which is not in the
// set has it fetched, if it was not lately, and waits a little.
func (r *remote) key(ctx context.Context, t *jwt.Token, now time.Time) (any, error) {
	set, fetched, err := r.now()
	if err != nil {
		return nil, err
	}
	key, err := pick(ctx, set, t)
	if !errors.Is(err, jwkset.ErrKeyNotFound) || !r.unknown.AllowN(now, 1) {
		return key, err
	}
	select {
	case r.ask <- struct{}{}:
	default: // it is asked for already
	}
	wait := time.NewTimer(unknownWait)
	defer wait.Stop()
	select {
	case <-fetched:
	case <-wait.C:
	case <-ctx.Done():
	}
	if set, _, err = r.now(); err != nil {
		return nil, err
	}
	return pick(ctx, set, t)
}

// pick finds a token's key in a set: by its name, or without one all that its algorithm
// signs with.
func pick(ctx context.Context, set keyfunc.Keyfunc, t *jwt.Token) (any, error) {
	key, err := set.KeyfuncCtx(ctx)(t)
	if err != nil {
		return nil, err
	}
	keys := []jwt.VerificationKey{key}
	if several, ok := key.(jwt.VerificationKeySet); ok {
		keys = several.Keys
	}
	if keys = fitting(keys, t.Method.Alg()); len(keys) == 0 {
		return nil, errNoKey
	}
	return jwt.VerificationKeySet{Keys: keys}, nil
}
