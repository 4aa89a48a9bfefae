package identity

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"slices"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

// verifier is what makes a token valid.
type verifier struct {
	issuer, audience string // empty: any
	userClaim        string
	maxTTL, leeway   time.Duration
	roleClaim        bool   // a token may have another role than a user's
	secret           []byte // nil: no token is signed with one
	public           []any  // *rsa.PublicKey, *ecdsa.PublicKey, ed25519.PublicKey
	url              string // of a key set; empty: none
}

var (
	secretMethods = []string{"HS256", "HS384", "HS512"}
	publicMethods = []string{"RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"}
)

// curves are the algorithms of elliptic curves, by the bits of the curve.
var curves = map[int]string{256: "ES256", 384: "ES384", 521: "ES512"}

// fits reports whether a public key is one that an algorithm signs with.
func fits(key any, alg string) bool {
	switch k := key.(type) {
	case *rsa.PublicKey:
		return alg[:2] == "RS" || alg[:2] == "PS"
	case *ecdsa.PublicKey:
		return curves[k.Curve.Params().BitSize] == alg
	case ed25519.PublicKey:
		return alg == "EdDSA"
	}
	return false
}

// errNoKey: no key is of the kind that a token's algorithm takes.
var errNoKey = errors.New("no key of the kind that its algorithm takes")

// keysOf are the keys of the file that may have signed a token with an algorithm: a
// secret never stands for a public key, nor the other way about.
func (v *verifier) keysOf(alg string) (set jwt.VerificationKeySet) {
	if v.secret != nil && slices.Contains(secretMethods, alg) {
		set.Keys = append(set.Keys, v.secret)
	}
	if slices.Contains(publicMethods, alg) {
		set.Keys = append(set.Keys, fitting(v.public, alg)...)
	}
	return set
}

func fitting[K any](keys []K, alg string) (fit []jwt.VerificationKey) {
	for _, k := range keys {
		if fits(k, alg) {
			fit = append(fit, k)
		}
	}
	return fit
}

// methods are the algorithms that the keys at hand allow.
func (v *verifier) methods() (m []string) {
	if v.secret != nil {
		m = append(m, secretMethods...)
	}
	for _, alg := range publicMethods {
		if v.url != "" || len(fitting(v.public, alg)) > 0 {
			m = append(m, alg)
		}
	}
	return m
}

// shortSecret is how many bytes a secret has at least that nobody guesses.
const shortSecret = 32

// risks are what is taken as it is, though it would let in somebody else.
func (v *verifier) risks() (list []string) {
	if v == nil {
		return nil
	}
	if v.secret != nil && len(v.secret) < shortSecret {
		list = append(list, fmt.Sprintf("the secret of tokens has %d bytes: who has one token can guess it; use %d random ones", len(v.secret), shortSecret))
	}
	if u, err := url.Parse(v.url); err == nil && u.Scheme == "http" && !isLoopback(u.Hostname()) {
		list = append(list, "jwks_url is without TLS: who is on the way can let in anybody; use https://")
	}
	return list
}

// isLoopback reports whether a host is this machine.
func isLoopback(host string) bool {
	address, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && address.Unmap().IsLoopback()
}

// readPublicKeys reads the public keys and certificates of a PEM file.
func readPublicKeys(path string) (keys []any, err error) {
	rest, err := readFile(path)
	if err != nil {
		return nil, err
	}
	for {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			break
		}
		key, err := parsePublicKey(block)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		keys = append(keys, key)
	}
	if len(keys) == 0 {
		return nil, fmt.Errorf("%s: no public key in PEM form", path)
	}
	return keys, nil
}

// leastRSA is how many bits an RSA key must have.
const leastRSA = 2048

func parsePublicKey(block *pem.Block) (key any, err error) {
	switch block.Type {
	case "PUBLIC KEY":
		key, err = x509.ParsePKIXPublicKey(block.Bytes)
	case "RSA PUBLIC KEY":
		key, err = x509.ParsePKCS1PublicKey(block.Bytes)
	case "CERTIFICATE":
		var c *x509.Certificate
		if c, err = x509.ParseCertificate(block.Bytes); err == nil {
			key = c.PublicKey
		}
	default:
		return nil, fmt.Errorf("a block %q: want a PUBLIC KEY or a CERTIFICATE", block.Type)
	}
	if err != nil {
		return nil, err
	}
	switch k := key.(type) {
	case *rsa.PublicKey:
		if k.N.BitLen() < leastRSA {
			return nil, fmt.Errorf("an RSA key of %d bits: want %d or more", k.N.BitLen(), leastRSA)
		}
	case *ecdsa.PublicKey:
		if curves[k.Curve.Params().BitSize] == "" {
			return nil, fmt.Errorf("an elliptic curve of %d bits: want P-256, P-384 or P-521", k.Curve.Params().BitSize)
		}
	case ed25519.PublicKey:
	default:
		return nil, fmt.Errorf("a key of the type %T: want RSA, ECDSA or Ed25519", key)
	}
	return key, nil
}
