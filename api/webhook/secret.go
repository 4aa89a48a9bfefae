package webhook

import (
	"crypto/ed25519"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
)

// What secrets begin with.
const (
	symmetric = "whsec_" // HMAC-SHA256: both sides have it
	private   = "whsk_"  // Ed25519: the receiver has the public key
)

// minSecret is how many bytes a symmetric secret has at least; maxSecret at most.
const (
	minSecret = 16
	maxSecret = 128
)

// signer signs a message, as Standard Webhooks has it: "v1,..." or "v1a,...".
type signer interface {
	Sign(id string, at time.Time, body []byte) (string, error)
}

// parseSecret reads a secret. Its errors do not repeat it.
func parseSecret(s string) (signer, error) {
	switch {
	case strings.HasPrefix(s, symmetric):
		key, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(s, symmetric))
		if err != nil {
			return nil, errors.New("want base64 after " + symmetric)
		}
		if len(key) < minSecret || len(key) > maxSecret {
			return nil, fmt.Errorf("want %d to %d bytes after %s, got %d", minSecret, maxSecret, symmetric, len(key))
		}
		return standardwebhooks.NewWebhookRaw(key)
	case strings.HasPrefix(s, private):
		key, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(s, private))
		if err != nil {
			return nil, errors.New("want base64 after " + private)
		}
		switch len(key) {
		case ed25519.SeedSize:
			return signingKey(ed25519.NewKeyFromSeed(key)), nil
		case ed25519.PrivateKeySize: // the seed, and the public key behind it
			of := ed25519.NewKeyFromSeed(key[:ed25519.SeedSize])
			if !of.Equal(ed25519.PrivateKey(key)) {
				return nil, errors.New("the public key in it is not the private key's")
			}
			return signingKey(of), nil
		}
		return nil, fmt.Errorf("want %d or %d bytes after %s, got %d", ed25519.SeedSize, ed25519.PrivateKeySize, private, len(key))
	}
	return nil, errors.New("want a secret that begins with " + symmetric + " or " + private)
}

// signingKey signs with Ed25519.
type signingKey ed25519.PrivateKey

// Sign implements signer.
func (k signingKey) Sign(id string, at time.Time, body []byte) (string, error) {
	signed := make([]byte, 0, len(id)+len(body)+24)
	signed = append(append(signed, id...), '.')
	signed = append(strconv.AppendInt(signed, at.Unix(), 10), '.')
	signed = append(signed, body...)
	return "v1a," + base64.StdEncoding.EncodeToString(ed25519.Sign(ed25519.PrivateKey(k), signed)), nil
}

// sign sets the headers of a message: a signature of each secret, so that a receiver may
// have the old one or the new one.
func sign(h http.Header, by []signer, id string, at time.Time, body []byte) error {
	all := make([]string, len(by))
	for i, s := range by {
		var err error
		if all[i], err = s.Sign(id, at, body); err != nil {
			return err
		}
	}
	h.Set(standardwebhooks.HeaderWebhookID, id)
	h.Set(standardwebhooks.HeaderWebhookTimestamp, strconv.FormatInt(at.Unix(), 10))
	h.Set(standardwebhooks.HeaderWebhookSignature, strings.Join(all, " "))
	return nil
}
