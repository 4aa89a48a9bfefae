package snapshot

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"reddot/snapshot/storage"
)

// errLapsed is returned where a pin could not be renewed in time, so that
// others may have taken its owner for dead.
var errLapsed = errors.New("the pin in the storage could not be renewed in time")

// releaseWithin bounds how long an operation that is over tries to remove its
// pin, which would expire anyway.
const releaseWithin = 10 * time.Second

// lease is a pin of an operation of this process, renewed while it goes on.
type lease struct {
	r         *Repository
	kind      pinKind
	name      string // of the pin's blob
	snapshots []string
	stop      context.CancelFunc
	stopped   chan struct{}

	mu struct {
		sync.Mutex
		until  time.Time // counted on up to then
		lapsed bool      // since the last call of renew by the owner
	}
}

// acquire puts a pin. It must be released.
func (r *Repository) acquire(ctx context.Context, kind pinKind, snapshots ...string) (*lease, error) {
	l := &lease{r: r, kind: kind, name: newPinName(kind), snapshots: snapshots, stopped: make(chan struct{})}
	if err := l.renew(ctx); err != nil {
		_ = l.remove(ctx) // it may be there all the same; else it expires
		return nil, err
	}
	background, stop := context.WithCancel(context.WithoutCancel(ctx))
	l.stop = stop
	go l.keep(background)
	return l, nil
}

// renew puts the pin again, after which it has not lapsed.
func (l *lease) renew(ctx context.Context) error {
	if err := l.extend(ctx); err != nil {
		return err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.mu.lapsed = false
	return nil
}

func (l *lease) extend(ctx context.Context) error {
	began := l.r.now()
	data, err := seal(pin{
		Format: pinFormat, Kind: l.kind, Owner: l.r.cfg.Owner, Snapshots: l.snapshots, Expires: began.Add(pinFor),
	})
	if err == nil {
		err = l.r.storage.Put(ctx, l.name, data)
	}
	if err != nil {
		return fmt.Errorf("put a pin: %w", err)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.mu.lapsed = l.mu.lapsed || began.After(l.mu.until)
	l.mu.until = began.Add(holdFor)
	return nil
}

// keep renews the pin until the lease is released.
func (l *lease) keep(ctx context.Context) {
	defer close(l.stopped)
	wait := renewEvery
	for {
		select {
		case <-ctx.Done():
			return
		case <-time.After(wait):
		}
		err := l.attempt(ctx)
		wait = renewEvery
		if err != nil && ctx.Err() == nil {
			wait = renewEvery / 10
			l.r.log.Warn("a pin could not be renewed; trying again", "pin", l.name, "error", err)
		}
	}
}

func (l *lease) attempt(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, renewEvery)
	defer cancel()
	return l.extend(ctx)
}

// in reports whether a listing has the pin.
func (l *lease) in(blobs []storage.Blob) bool {
	return slices.ContainsFunc(blobs, func(b storage.Blob) bool { return b.Name == l.name })
}

// held returns a context that ends when the pin may no longer be counted on
// (if it is not renewed), or errLapsed if it has lapsed before.
func (l *lease) held(ctx context.Context) (context.Context, context.CancelFunc, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.mu.lapsed || l.r.now().After(l.mu.until) {
		return nil, nil, errLapsed
	}
	ctx, cancel := context.WithDeadlineCause(ctx, l.mu.until, errLapsed)
	return ctx, cancel, nil
}

// during does what is right only while the pin is held. It returns errLapsed,
// wrapped, if the pin was not held or not to the end.
func (l *lease) during(ctx context.Context, do func(context.Context) error) error {
	held, cancel, err := l.held(ctx)
	if err != nil {
		return err
	}
	defer cancel()
	if err = do(held); err != nil && ctx.Err() == nil && errors.Is(context.Cause(held), errLapsed) {
		return fmt.Errorf("%w: %w", errLapsed, err)
	}
	return err
}

// release removes the pin, also where ctx has ended.
func (l *lease) release(ctx context.Context) {
	l.stop()
	<-l.stopped
	if err := l.remove(ctx); err != nil {
		l.r.log.Warn("a pin could not be removed; it expires", "pin", l.name, "after", pinFor, "error", err)
	}
}

// remove tries for a while: a pin that stays makes others wait.
func (l *lease) remove(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), releaseWithin)
	defer cancel()
	for wait := 10 * time.Millisecond; ; wait *= 2 {
		err := l.r.storage.Delete(ctx, l.name)
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(wait):
		}
	}
}
