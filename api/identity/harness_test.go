package identity_test

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"reddot/api/identity"
	"reddot/projector/testkit"
)

// clock is a time that a test moves.
type clock struct {
	mu sync.Mutex
	at time.Time
}

func newClock() *clock { return &clock{at: time.Unix(1_800_000_000, 0)} }

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at
}

func (c *clock) move(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = c.at.Add(d)
}

// folder is where a test's auth file lies, with what it names.
type folder struct {
	t   testing.TB
	dir string
	*clock
}

func newFolder(t testing.TB) *folder { return &folder{t, t.TempDir(), newClock()} }

// write writes a file of the folder.
func (f *folder) write(name string, content []byte) string {
	f.t.Helper()
	path := filepath.Join(f.dir, name)
	testkit.OK(f.t, os.WriteFile(path, content, 0o600))
	return path
}

// load is the authority of a file with this text.
func (f *folder) load(text string) *identity.Authority {
	f.t.Helper()
	a, err := identity.Load(f.write("auth.json", []byte(text)), identity.Options{Now: f.now})
	testkit.OK(f.t, err)
	return a
}

// reload reads an authority's file again, and returns the names of keys that are gone.
func reload(t *testing.T, a *identity.Authority) string {
	t.Helper()
	return fmt.Sprint(testkit.Must(a.Reload())(t))
}

// claims are those of a valid token of alice, changed.
func (f *folder) claims(change map[string]any) jwt.MapClaims {
	c := jwt.MapClaims{"sub": "alice", "exp": f.now().Add(time.Hour).Unix(), "iss": "https://id.example", "aud": "reddot"}
	for name, value := range change {
		if value == nil {
			delete(c, name)
		} else {
			c[name] = value
		}
	}
	return c
}

// sign is a token with a header of its own.
func (f *folder) sign(method jwt.SigningMethod, key any, claims jwt.MapClaims, header ...string) string {
	f.t.Helper()
	token := jwt.NewWithClaims(method, claims)
	for i := 0; i+1 < len(header); i += 2 {
		token.Header[header[i]] = header[i+1]
	}
	return testkit.Must(token.SignedString(key))(f.t)
}

// Keys that tests sign with, made once.
var keys = struct {
	rsa, otherRSA *rsa.PrivateKey
	p256, p384    *ecdsa.PrivateKey
	ed            ed25519.PrivateKey
	secret        []byte
}{
	rsa: must(rsa.GenerateKey(rand.Reader, 2048)), otherRSA: must(rsa.GenerateKey(rand.Reader, 2048)),
	p256: must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader)), p384: must(ecdsa.GenerateKey(elliptic.P384(), rand.Reader)),
	ed: ed25519.NewKeyFromSeed([]byte("0123456789abcdef0123456789abcdef")), secret: []byte("a secret of thirty-two bytes....\n"),
}

func must[V any](v V, err error) V {
	if err != nil {
		panic(err)
	}
	return v
}

// public is a public key in PEM form.
func public(key any) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: must(x509.MarshalPKIXPublicKey(key))})
}

// wantOutcome checks what becomes of a credential.
func wantOutcome(t *testing.T, a *identity.Authority, what, credential string, want identity.Outcome) identity.Identity {
	t.Helper()
	id, err := a.Authenticate(t.Context(), credential)
	if got := identity.OutcomeOf(err); got != want {
		t.Errorf("%s: %s (%v), want %s", what, got, err, want)
	}
	if (err == nil) != (id.Role != 0) {
		t.Errorf("%s: %v with the error %v", what, id, err)
	}
	return id
}
