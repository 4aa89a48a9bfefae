package identity_test

import (
	"crypto/x509"
	"encoding/base64"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"reddot/api/identity"
	"reddot/projector/testkit"
)

const everyKey = `{"tokens": {"issuer": "https://id.example", "audience": "reddot", "secret_file": "hs.key",
	"public_key_files": ["rs.pem", "ec.pem"], "leeway": "30s", "max_ttl": "24h"}}`

// withKeys is a folder with the key files that everyKey names.
func withKeys(t testing.TB) *folder {
	f := newFolder(t)
	f.write("hs.key", keys.secret)
	f.write("rs.pem", public(&keys.rsa.PublicKey))
	f.write("ec.pem", append(public(&keys.p256.PublicKey), public(keys.ed.Public())...))
	return f
}

// TestTokens: which tokens let in, and what the others are refused as.
func TestTokens(t *testing.T) {
	f := withKeys(t)
	a := f.load(everyKey)
	hs := func(change map[string]any) string {
		return f.sign(jwt.SigningMethodHS256, keys.secret, f.claims(change))
	}
	pem := public(&keys.rsa.PublicKey)
	der := x509.MarshalPKCS1PublicKey(&keys.rsa.PublicKey)
	at := func(d time.Duration) int64 { return f.now().Add(d).Unix() }
	for _, c := range []struct {
		what, token string
		want        identity.Outcome
	}{
		{"HS256", hs(nil), identity.OK},
		{"HS384", f.sign(jwt.SigningMethodHS384, keys.secret, f.claims(nil)), identity.OK},
		{"HS512", f.sign(jwt.SigningMethodHS512, keys.secret, f.claims(nil)), identity.OK},
		{"RS256", f.sign(jwt.SigningMethodRS256, keys.rsa, f.claims(nil)), identity.OK},
		{"PS512", f.sign(jwt.SigningMethodPS512, keys.rsa, f.claims(nil)), identity.OK},
		{"ES256", f.sign(jwt.SigningMethodES256, keys.p256, f.claims(nil)), identity.OK},
		{"EdDSA", f.sign(jwt.SigningMethodEdDSA, keys.ed, f.claims(nil), "kid", "unknown"), identity.OK},
		{"none", f.sign(jwt.SigningMethodNone, jwt.UnsafeAllowNoneSignatureType, f.claims(nil)), identity.Invalid},
		{"HS256 with the RSA public key as PEM", f.sign(jwt.SigningMethodHS256, pem, f.claims(nil)), identity.Invalid},
		{"HS256 with the RSA public key as DER", f.sign(jwt.SigningMethodHS256, der, f.claims(nil)), identity.Invalid},
		{"another RSA key", f.sign(jwt.SigningMethodRS256, keys.otherRSA, f.claims(nil)), identity.Invalid},
		{"a curve that no key has", f.sign(jwt.SigningMethodES384, keys.p384, f.claims(nil)), identity.Invalid},
		{"another secret", f.sign(jwt.SigningMethodHS256, keys.secret[:32], f.claims(nil)), identity.Invalid},
		{"a critical header", f.sign(jwt.SigningMethodHS256, keys.secret, f.claims(nil), "crit", "b64"), identity.Invalid},
		{"wrong aud", hs(map[string]any{"aud": "other"}), identity.Invalid},
		{"aud among several", hs(map[string]any{"aud": []string{"other", "reddot"}}), identity.OK},
		{"no aud", hs(map[string]any{"aud": nil}), identity.Invalid},
		{"wrong iss", hs(map[string]any{"iss": "https://evil.example"}), identity.Invalid},
		{"no exp", hs(map[string]any{"exp": nil}), identity.Invalid},
		{"exp as text", hs(map[string]any{"exp": "2030"}), identity.Invalid},
		{"exp in ten years", hs(map[string]any{"exp": at(10 * 365 * 24 * time.Hour)}), identity.Invalid},
		{"exp beyond all times", hs(map[string]any{"exp": 1e300}), identity.Invalid},
		{"exp at max_ttl", hs(map[string]any{"exp": at(24 * time.Hour)}), identity.OK},
		{"exp beyond max_ttl and leeway", hs(map[string]any{"exp": at(24*time.Hour + 31*time.Second)}), identity.Invalid},
		{"expired", hs(map[string]any{"exp": at(-31 * time.Second)}), identity.Expired},
		{"expired within the leeway", hs(map[string]any{"exp": at(-29 * time.Second)}), identity.OK},
		{"expired, of another audience", hs(map[string]any{"exp": at(-time.Hour), "aud": "other"}), identity.Invalid},
		{"expired, of another secret", f.sign(jwt.SigningMethodHS256, []byte("x"), f.claims(map[string]any{"exp": at(-time.Hour)})), identity.Invalid},
		{"not yet", hs(map[string]any{"nbf": at(time.Minute)}), identity.Invalid},
		{"not yet, within the leeway", hs(map[string]any{"nbf": at(20 * time.Second)}), identity.OK},
		{"made in the future", hs(map[string]any{"iat": at(time.Minute)}), identity.Invalid},
		{"no user", hs(map[string]any{"sub": nil}), identity.Invalid},
		{"an empty user", hs(map[string]any{"sub": ""}), identity.Invalid},
		{"a user that is a number", hs(map[string]any{"sub": 7}), identity.Invalid},
		{"a user with NUL", hs(map[string]any{"sub": "al\x00ice"}), identity.Invalid},
		{"a user of 256 bytes", hs(map[string]any{"sub": strings.Repeat("x", 256)}), identity.OK},
		{"a user of 257 bytes", hs(map[string]any{"sub": strings.Repeat("x", 257)}), identity.Invalid},
		{"reddot is no object", hs(map[string]any{"reddot": "read"}), identity.Invalid},
		{"can is no list", hs(map[string]any{"reddot": map[string]any{"can": "read"}}), identity.Invalid},
		{"too long", hs(map[string]any{"more": strings.Repeat("x", 8<<10)}), identity.Invalid},
		{"cut", hs(nil)[:40], identity.Invalid},
		{"no token at all", "Bearer", identity.Invalid},
		{"nothing", "", identity.Missing},
		{"a key that nobody has", "rdk_" + strings.Repeat("x", 43), identity.Invalid},
	} {
		id := wantOutcome(t, a, c.what, c.token, c.want)
		if c.want == identity.OK && (id.Role != identity.User || id.User == "" || id.Expires.IsZero() || !id.Read || !id.Mark) {
			t.Errorf("%s: %+v", c.what, id)
		}
	}
}

// TestTokenOfTwoPayloads: a token's parts can't be put together anew.
func TestTokenOfTwoPayloads(t *testing.T) {
	f := withKeys(t)
	a := f.load(everyKey)
	mine := strings.Split(f.sign(jwt.SigningMethodHS256, keys.secret, f.claims(nil)), ".")
	bobs := strings.Split(f.sign(jwt.SigningMethodHS256, []byte("mine"), f.claims(map[string]any{"sub": "bob"})), ".")
	none := base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"nOnE"}`))
	for _, token := range []string{
		mine[0] + "." + bobs[1] + "." + mine[2], mine[0] + "." + bobs[1] + ".", none + "." + bobs[1] + ".", mine[0] + "." + bobs[1],
		mine[0] + "." + mine[1] + "." + mine[2] + "." + mine[2], mine[0] + "." + mine[1] + "." + mine[2] + "=",
	} {
		wantOutcome(t, a, token, token, identity.Invalid)
	}
}

// TestClaims: what a token may be narrowed to, and that a role comes from one only where
// the file says so.
func TestClaims(t *testing.T) {
	f := withKeys(t)
	roles := strings.Replace(everyKey, `"leeway"`, `"allow_role_claim": true, "leeway"`, 1)
	for _, c := range []struct {
		file, reddot string
		want         string
	}{
		{everyKey, `{}`, `user "alice" read mark`},
		{everyKey, `{"can":["read"]}`, `user "alice" read`},
		{everyKey, `{"can":["mark","fly"]}`, `user "alice" mark`},
		{everyKey, `{"can":[]}`, `user "alice"`},
		{everyKey, `{"role":"backend"}`, `user "alice" read mark`},
		{roles, `{"role":"viewer"}`, `viewer "alice" read mark`},
		{roles, `{}`, `user "alice" read mark`},
		{roles, `{"role":"user"}`, ``},
		{roles, `{"role":"root"}`, ``},
		{roles, `{"role":7}`, ``},
	} {
		token := jwt.NewWithClaims(jwt.SigningMethodHS256, f.claims(map[string]any{"reddot": rawJSON(c.reddot)}))
		id, err := f.load(c.file).Authenticate(t.Context(), testkit.Must(token.SignedString(keys.secret))(t))
		got := ""
		if err == nil {
			got = id.String()
			for word, can := range map[string]bool{" read": id.Read, " mark": id.Mark} {
				if can && word == " read" {
					got = strings.Replace(got, `"alice"`, `"alice" read`, 1)
				} else if can {
					got += word
				}
			}
		}
		if got != c.want {
			t.Errorf("%s: %s, want %s: %v", c.reddot, got, c.want, err)
		}
	}
}

// rawJSON is written as it is.
type rawJSON string

func (r rawJSON) MarshalJSON() ([]byte, error) { return []byte(r), nil }

// TestMint: what is minted lets in, for as long as it says.
func TestMint(t *testing.T) {
	f := withKeys(t)
	a := f.load(everyKey)
	token := testkit.Must(a.Mint("al/ice", time.Minute))(t)
	if id := wantOutcome(t, a, "minted", token, identity.OK); id.User != "al/ice" || !id.Expires.Equal(f.now().Add(time.Minute)) {
		t.Errorf("%+v", id)
	}
	f.move(2 * time.Minute)
	wantOutcome(t, a, "minted, later", token, identity.Expired)
	for _, c := range []struct {
		user string
		ttl  time.Duration
		says string
	}{
		{"alice", 25 * time.Hour, "max_ttl"}, {"alice", 0, "max_ttl"}, {"", time.Hour, "user is empty"}, {"a\x00", time.Hour, "NUL"},
	} {
		_, err := a.Mint(c.user, c.ttl)
		if err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%+v: %v", c, err)
		}
	}
	_, err := f.load(`{"tokens":{"public_key_files":["rs.pem"]}}`).Mint("alice", time.Hour)
	if err == nil || !strings.Contains(err.Error(), "secret_file") {
		t.Error(err)
	}
	_, err = f.load(`{}`).Mint("alice", time.Hour)
	if err == nil || !strings.Contains(err.Error(), "secret_file") {
		t.Error(err)
	}
}

// TestRefusalsTellNothing: what the log says of a credential lets nobody in.
func TestRefusalsTellNothing(t *testing.T) {
	f := withKeys(t)
	a := f.load(everyKey)
	for _, token := range []string{
		f.sign(jwt.SigningMethodRS256, keys.otherRSA, f.claims(nil), "kid", "hunter2"),
		f.sign(jwt.SigningMethodHS256, keys.secret, f.claims(map[string]any{"exp": 5})),
		f.sign(jwt.SigningMethodHS256, keys.secret, f.claims(map[string]any{"aud": "other"})), "rdk_hunter2hunter2hunter2", "hunter2.hunter2.hunter2",
	} {
		_, err := a.Authenticate(t.Context(), token)
		said := fmt.Sprint(err)
		for _, part := range append(strings.Split(token, "."), "hunter2") {
			if len(part) > 4 && strings.Contains(said, part) {
				t.Errorf("%q tells %q", said, part)
			}
		}
	}
}
