package identity_test

import (
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"reddot/api/identity"
	"reddot/projector/testkit"
)

// TestSeenTokens: a token that has come before is refused like any other once it has
// ended, or the file or the key set says so.
func TestSeenTokens(t *testing.T) {
	f := withKeys(t)
	a := f.load(`{"tokens":{"secret_file":"hs.key","leeway":"30s"}}`)
	token := testkit.Must(a.Mint("alice", time.Minute))(t)
	for range 3 {
		if id := wantOutcome(t, a, "again", token, identity.OK); id.User != "alice" {
			t.Errorf("%+v", id)
		}
	}
	wantOutcome(t, a, "with a sign more", token+"A", identity.Invalid)
	f.move(time.Minute + 29*time.Second)
	wantOutcome(t, a, "within the leeway", token, identity.OK)
	f.move(time.Second)
	wantOutcome(t, a, "at its end", token, identity.Expired)

	token = testkit.Must(a.Mint("alice", time.Minute))(t)
	wantOutcome(t, a, "a new one", token, identity.OK)
	f.write("hs.key", []byte("another secret"))
	reload(t, a)
	wantOutcome(t, a, "after another secret", token, identity.Invalid)

	i := newIssuer(t, map[string]any{"one": &keys.rsa.PublicKey})
	a = withSet(t, f, i)
	old := f.sign(jwt.SigningMethodRS256, keys.rsa, f.claims(nil), "kid", "one")
	for range 2 {
		wantOutcome(t, a, "of the set", old, identity.OK)
	}
	i.change(func() { i.keys = map[string]any{"two": &keys.otherRSA.PublicKey} })
	wantOutcome(t, a, "of the next set", f.sign(jwt.SigningMethodRS256, keys.otherRSA, f.claims(nil), "kid", "two"), identity.OK)
	wantOutcome(t, a, "of the set before", old, identity.Invalid)
}
