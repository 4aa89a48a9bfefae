package identity

import (
	"context"
	"crypto/sha256"
	"fmt"
	"log/slog"
	"net/netip"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// Options say how an Authority works. The zero value is fit for use.
type Options struct {
	// Observe, if not nil, is called once for each credential with what became of it.
	Observe func(Method, Outcome)
	Logger  *slog.Logger     // nil logs nothing
	Now     func() time.Time // nil: time.Now
}

// Authority knows who may come in: the file of --auth at work. It is safe for use by
// several goroutines.
type Authority struct {
	path    string // empty: nobody is asked
	options Options
	now     atomic.Pointer[state]
	reload  sync.Mutex    // one at a time
	changed chan struct{} // for Run; holds one
}

// state is the file as it was read last, and the key set that it names.
type state struct {
	*config
	remote *remote // nil: none
	seen   *seen
}

func newAuthority(path string, o Options) *Authority {
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Observe == nil {
		o.Observe = func(Method, Outcome) {}
	}
	return &Authority{path: path, options: o, changed: make(chan struct{}, 1)}
}

// Open returns an authority that asks nobody who they are.
func Open(o Options) *Authority {
	a := newAuthority("", o)
	a.now.Store(&state{config: &config{}, seen: &seen{}})
	return a
}

// Load returns the authority of a file. Errors name the file, and the field. Without Run
// it fetches no key set.
func Load(path string, o Options) (*Authority, error) {
	a := newAuthority(path, o)
	if _, err := a.Reload(); err != nil {
		return nil, err
	}
	return a, nil
}

// Reload reads the file again, and the files that it names. On an error all stays as it
// was. Where nobody is asked it does nothing. gone are the names of keys that the file no
// longer has, or has with another role: what they have open is to be closed.
func (a *Authority) Reload() (gone []string, err error) {
	if a.IsOpen() {
		return nil, nil
	}
	a.reload.Lock()
	defer a.reload.Unlock()
	content, err := readFile(a.path)
	if err != nil {
		return nil, err
	}
	f, err := parseFile(content)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", a.path, err)
	}
	next := &state{seen: &seen{}}
	if next.config, err = f.understand(filepath.Dir(a.path)); err != nil {
		return nil, fmt.Errorf("%s: %w", a.path, err)
	}
	for _, risk := range next.tokens.risks() {
		a.options.Logger.Warn(risk, "file", a.path)
	}
	next.remote = a.remoteOf(next.tokens)
	before := a.now.Swap(next)
	select {
	case a.changed <- struct{}{}:
	default: // Run has not looked yet
	}
	if before == nil {
		return nil, nil
	}
	return before.goneFrom(next.config), nil
}

// remoteOf is the key set of the next state: the one at work, if its URL is the same.
func (a *Authority) remoteOf(v *verifier) *remote {
	if v == nil || v.url == "" {
		return nil
	}
	if before := a.now.Load(); before != nil && before.remote != nil && before.remote.url == v.url {
		return before.remote
	}
	return newRemote(v.url, a.options.Logger)
}

// Run fetches key sets until ctx ends.
func (a *Authority) Run(ctx context.Context) {
	var fetching sync.WaitGroup
	defer fetching.Wait()
	for ctx.Err() == nil {
		at := a.now.Load().remote
		until, stop := context.WithCancel(ctx)
		if at != nil {
			fetching.Go(func() { at.run(until) })
		}
		a.replaced(ctx, at)
		stop()
	}
}

// replaced returns when another key set than at is at work, or ctx ends.
func (a *Authority) replaced(ctx context.Context, at *remote) {
	for a.now.Load().remote == at {
		select {
		case <-ctx.Done():
			return
		case <-a.changed:
		}
	}
}

// Ready says why tokens can't be checked yet.
func (a *Authority) Ready() error {
	if r := a.now.Load().remote; r != nil {
		return r.ready()
	}
	return nil
}

// IsOpen reports whether nobody is asked who they are.
func (a *Authority) IsOpen() bool { return a.path == "" }

// Authenticate returns who a credential is of: an API key or a token, as it stands
// behind "Bearer "; empty: none came. The error is a *Refusal. It may wait for a key set,
// for two seconds at most, and not beyond ctx.
func (a *Authority) Authenticate(ctx context.Context, credential string) (Identity, error) {
	id, method, err := a.decide(ctx, credential)
	a.options.Observe(method, OutcomeOf(err))
	return id, err
}

func (a *Authority) decide(ctx context.Context, credential string) (id Identity, m Method, err error) {
	now := a.now.Load()
	switch {
	case a.IsOpen():
		return Identity{Role: Anybody, Read: true, Mark: true}, ByOpen, nil
	case credential == "":
		return id, ByNothing, &Refusal{Method: ByNothing, Outcome: Missing, Reason: "no credential"}
	case strings.HasPrefix(credential, keyPrefix):
		id, err = now.byKey(credential)
		return id, ByKey, err
	}
	id, err = now.byToken(ctx, credential, a.options.Now())
	return id, ByToken, err
}

// byToken is who a token is of, which may have come before.
func (s *state) byToken(ctx context.Context, credential string, at time.Time) (Identity, error) {
	digest, version := sha256.Sum256([]byte(credential)), s.remote.version()
	if id, ok := s.seen.find(digest, version, at); ok {
		return id, nil
	}
	id, err := s.tokens.byToken(ctx, credential, at, s.remote)
	if err == nil {
		s.seen.keep(digest, version, id)
	}
	return id, err
}

// Origins are the web origins that browsers may ask from, as they send them.
func (a *Authority) Origins() []string { return a.now.Load().origins }

// TrustedProxies are the networks whose word is taken for whom they ask for.
func (a *Authority) TrustedProxies() []netip.Prefix { return a.now.Load().proxies }

// Mint signs a token of a user with the file's secret, for trials.
func (a *Authority) Mint(user string, ttl time.Duration) (string, error) {
	return a.now.Load().tokens.mint(user, ttl, a.options.Now())
}
