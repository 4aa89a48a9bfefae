package identity_test

import (
	"testing"

	"github.com/golang-jwt/jwt/v5"

	"reddot/projector/testkit"
)

// BenchmarkAuthenticate is what a request costs, by what its credential is.
func BenchmarkAuthenticate(b *testing.B) {
	f := withKeys(b)
	a := f.load(`{"keys":[` + entry("chat", "backend", "rdk_1") + `],"tokens":{"secret_file":"hs.key","public_key_files":["rs.pem","ec.pem"]}}`)
	for name, credential := range map[string]string{
		"key": "rdk_1", "HS256": f.sign(jwt.SigningMethodHS256, keys.secret, f.claims(nil)),
		"RS256": f.sign(jwt.SigningMethodRS256, keys.rsa, f.claims(nil)), "ES256": f.sign(jwt.SigningMethodES256, keys.p256, f.claims(nil)),
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				testkit.Must(a.Authenticate(b.Context(), credential))(b)
			}
		})
	}
}
