package identity_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/MicahParks/jwkset"
	"github.com/golang-jwt/jwt/v5"

	"reddot/api/identity"
	"reddot/projector/testkit"
)

// issuer serves a key set that a test changes.
type issuer struct {
	*httptest.Server
	mu      sync.Mutex
	keys    map[string]any // by kid
	fetches int
	down    bool
	held    chan struct{} // nil: answers at once
}

func newIssuer(t *testing.T, keys map[string]any) *issuer {
	i := &issuer{keys: keys}
	i.Server = httptest.NewServer(http.HandlerFunc(i.serve))
	t.Cleanup(i.Close)
	return i
}

func (i *issuer) serve(w http.ResponseWriter, r *http.Request) {
	i.mu.Lock()
	i.fetches++
	down, held := i.down, i.held
	var set jwkset.JWKSMarshal
	for kid, key := range i.keys {
		jwk := must(jwkset.NewJWKFromKey(key, jwkset.JWKOptions{
			Marshal: jwkset.JWKMarshalOptions{Private: true}, Metadata: jwkset.JWKMetadataOptions{KID: kid},
		}))
		set.Keys = append(set.Keys, jwk.Marshal())
	}
	i.mu.Unlock()
	if held != nil {
		select {
		case <-held:
		case <-r.Context().Done():
		}
	}
	if down {
		http.Error(w, "away", http.StatusBadGateway)
		return
	}
	w.Write(must(json.Marshal(set)))
}

// change changes what is served.
func (i *issuer) change(fn func()) {
	i.mu.Lock()
	defer i.mu.Unlock()
	fn()
}

func (i *issuer) fetched() int {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.fetches
}

// run runs an authority as long as the test.
func run(t *testing.T, a *identity.Authority) {
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		a.Run(ctx)
	}()
	t.Cleanup(func() {
		stop()
		testkit.Receive(t, "the end of Run", ended)
	})
}

// withSet is a running authority with the key set of an issuer.
func withSet(t *testing.T, f *folder, i *issuer) *identity.Authority {
	a := f.load(fmt.Sprintf(`{"tokens":{"jwks_url":%q}}`, i.URL))
	run(t, a)
	testkit.Eventually(t, "the key set is fetched", func() bool { return a.Ready() == nil })
	return a
}

// TestKeySet: tokens of the set's keys let in, by the kind of each.
func TestKeySet(t *testing.T) {
	f := newFolder(t)
	i := newIssuer(t, map[string]any{"r": &keys.rsa.PublicKey, "e": &keys.p256.PublicKey, "d": keys.ed.Public(), "s": keys.secret})
	a := withSet(t, f, i)
	pem := public(&keys.rsa.PublicKey)
	for _, c := range []struct {
		what, token string
		want        identity.Outcome
	}{
		{"RS256", f.sign(jwt.SigningMethodRS256, keys.rsa, f.claims(nil), "kid", "r"), identity.OK},
		{"ES256", f.sign(jwt.SigningMethodES256, keys.p256, f.claims(nil), "kid", "e"), identity.OK},
		{"EdDSA", f.sign(jwt.SigningMethodEdDSA, keys.ed, f.claims(nil), "kid", "d"), identity.OK},
		{"without kid", f.sign(jwt.SigningMethodES256, keys.p256, f.claims(nil)), identity.OK},
		{"another's kid", f.sign(jwt.SigningMethodES256, keys.p256, f.claims(nil), "kid", "r"), identity.Invalid},
		{"another's key", f.sign(jwt.SigningMethodRS256, keys.otherRSA, f.claims(nil), "kid", "r"), identity.Invalid},
		{"HS256 with the RSA public key", f.sign(jwt.SigningMethodHS256, pem, f.claims(nil), "kid", "r"), identity.Invalid},
		{"HS256 with a secret in the set", f.sign(jwt.SigningMethodHS256, keys.secret, f.claims(nil), "kid", "s"), identity.Invalid},
		{"none", f.sign(jwt.SigningMethodNone, jwt.UnsafeAllowNoneSignatureType, f.claims(nil), "kid", "r"), identity.Invalid},
	} {
		wantOutcome(t, a, c.what, c.token, c.want)
	}
	if got := i.fetched(); got != 1 {
		t.Errorf("fetched %d times", got)
	}
}

// TestUnknownKeys: any number of tokens with keys that nobody knows has the set fetched
// once in 30 s, and the set that is there stays.
func TestUnknownKeys(t *testing.T) {
	f := newFolder(t)
	i := newIssuer(t, map[string]any{"r": &keys.rsa.PublicKey})
	a := withSet(t, f, i)
	good := f.sign(jwt.SigningMethodRS256, keys.rsa, f.claims(nil), "kid", "r")
	flood := func() {
		var all sync.WaitGroup
		for n := range 50 {
			token := f.sign(jwt.SigningMethodRS256, keys.otherRSA, f.claims(nil), "kid", fmt.Sprint("x", n))
			all.Go(func() { a.Authenticate(t.Context(), token) })
		}
		all.Wait()
	}
	for round := range 3 {
		flood()
		if got := i.fetched(); got != 2+round {
			t.Errorf("round %d: fetched %d times, want %d", round, got, 2+round)
		}
		flood()
		if got := i.fetched(); got != 2+round {
			t.Errorf("round %d, again: fetched %d times, want %d", round, got, 2+round)
		}
		wantOutcome(t, a, "a good token", good, identity.OK)
		f.move(30 * time.Second)
		i.change(func() { i.down = round == 0 })
	}
}

// TestRotatedKeys: a new key's first token lets in, and the old key no longer does.
func TestRotatedKeys(t *testing.T) {
	f := newFolder(t)
	i := newIssuer(t, map[string]any{"old": &keys.rsa.PublicKey})
	a := withSet(t, f, i)
	old := f.sign(jwt.SigningMethodRS256, keys.rsa, f.claims(nil), "kid", "old")
	next := f.sign(jwt.SigningMethodRS256, keys.otherRSA, f.claims(nil), "kid", "new")
	wantOutcome(t, a, "the old key", old, identity.OK)
	i.change(func() { i.keys = map[string]any{"new": &keys.otherRSA.PublicKey} })
	wantOutcome(t, a, "the new key", next, identity.OK)
	wantOutcome(t, a, "the old key, later", old, identity.Invalid)
}

// TestNoKeySet: before there is a set its tokens can't be checked, and those of the
// file's own keys can. What does not answer holds nobody.
func TestNoKeySet(t *testing.T) {
	f := withKeys(t)
	i := newIssuer(t, map[string]any{"r": &keys.otherRSA.PublicKey})
	i.held = make(chan struct{})
	a := f.load(fmt.Sprintf(`{"tokens":{"jwks_url":%q,"secret_file":"hs.key","public_key_files":["rs.pem"]}}`, i.URL))
	run(t, a)
	token := f.sign(jwt.SigningMethodRS256, keys.otherRSA, f.claims(nil), "kid", "r")
	wantOutcome(t, a, "of the set", token, identity.Unavailable)
	wantOutcome(t, a, "of the secret", f.sign(jwt.SigningMethodHS256, keys.secret, f.claims(nil)), identity.OK)
	wantOutcome(t, a, "of a public key", f.sign(jwt.SigningMethodRS256, keys.rsa, f.claims(nil), "kid", "any"), identity.OK)
	if a.Ready() == nil {
		t.Error("ready without the key set")
	}
	close(i.held)
	testkit.Eventually(t, "the key set is fetched", func() bool { return a.Ready() == nil })
	wantOutcome(t, a, "of the set, later", token, identity.OK)

	hold := make(chan struct{})
	i.change(func() { i.held = hold })
	wantOutcome(t, a, "of an unknown key", f.sign(jwt.SigningMethodRS256, keys.otherRSA, f.claims(nil), "kid", "x"), identity.Invalid)
	close(hold)
}

// TestReloadKeySet: a file with the same URL keeps the set, one with another fetches its
// own, and one without has none.
func TestReloadKeySet(t *testing.T) {
	f := newFolder(t)
	one, two := newIssuer(t, map[string]any{"r": &keys.rsa.PublicKey}), newIssuer(t, map[string]any{"r": &keys.otherRSA.PublicKey})
	a := withSet(t, f, one)
	token := f.sign(jwt.SigningMethodRS256, keys.rsa, f.claims(nil), "kid", "r")
	reload(t, a)
	wantOutcome(t, a, "after the same file", token, identity.OK)
	if got := one.fetched(); got != 1 {
		t.Errorf("fetched %d times", got)
	}
	f.write("auth.json", fmt.Appendf(nil, `{"tokens":{"jwks_url":%q}}`, two.URL))
	reload(t, a)
	testkit.Eventually(t, "the other key set is fetched", func() bool { return a.Ready() == nil })
	wantOutcome(t, a, "of the set before", token, identity.Invalid)
	wantOutcome(t, a, "of the set now", f.sign(jwt.SigningMethodRS256, keys.otherRSA, f.claims(nil), "kid", "r"), identity.OK)
	f.write("auth.json", []byte(`{}`))
	reload(t, a)
	testkit.OK(t, a.Ready())
	wantOutcome(t, a, "without a set", token, identity.Invalid)
}
