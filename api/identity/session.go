package identity

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"time"
)

// SessionLife is how long a session lasts.
const SessionLife = 12 * time.Hour

// Of a session's value: version, expiry in Unix milliseconds, digest of the key, name of
// the key, seal; all of it in base64 of URLs.
const (
	sessionVersion = 1
	expiryBytes    = 8
	sessionHead    = 1 + expiryBytes + sha256.Size
	maxSession     = 512 // bytes as text; a name has 64
)

// sessionText is strict, so that a session has one text.
var sessionText = base64.RawURLEncoding.Strict()

// Sessions let somebody in again who has shown a key, by a value that a browser keeps in
// place of it. Nothing is stored: the value names the key and its end under a seal, so it
// is good until then, unless the file no longer has the key. The secret is what seals: who
// has the file of --auth alone can make no session.
type Sessions struct {
	authority *Authority
	secret    []byte
}

// NewSessions returns the sessions of an authority's keys.
func NewSessions(a *Authority, secret []byte) *Sessions { return &Sessions{a, secret} }

// leastSecret is how many bytes a secret of sessions has at least: who guesses it makes
// sessions of any key whose digest is known.
const leastSecret = 32

// ReadSecret reads the secret of sessions from a file, without white space around it, so that
// servers behind one address take each other's sessions.
func ReadSecret(path string) ([]byte, error) {
	content, err := readFile(path)
	if err != nil {
		return nil, err
	}
	secret := bytes.TrimSpace(content)
	if len(secret) < leastSecret {
		return nil, fmt.Errorf("%s holds %d bytes: use %d random ones or more, as \"openssl rand -hex 32\" prints them", path, len(secret), leastSecret)
	}
	return secret, nil
}

// ErrNoSession: who asks is somebody, and has no key whose role sees what others do.
var ErrNoSession = errors.New("a session needs a key of the role viewer or operator")

// Begin begins a session with a key. The errors are ErrNoSession and those of
// Authenticate.
func (s *Sessions) Begin(ctx context.Context, key string) (value string, id Identity, err error) {
	if id, err = s.authority.Authenticate(ctx, key); err != nil {
		return "", id, err
	}
	digest := sha256.Sum256([]byte(key))
	if _, isKey := s.authority.now.Load().keys[digest]; !isKey || !id.May(Viewer) { // a token ends by itself, and sooner
		return "", id, ErrNoSession
	}
	id.Expires = s.authority.options.Now().Add(SessionLife).Truncate(time.Millisecond)
	sealed := append(make([]byte, 0, maxSession), sessionVersion)
	sealed = binary.BigEndian.AppendUint64(sealed, uint64(id.Expires.UnixMilli()))
	sealed = append(append(sealed, digest[:]...), id.Name...)
	return sessionText.EncodeToString(append(sealed, s.seal(sealed)...)), id, nil
}

// Authenticate returns who a session's value is of, as the file has the key now. The error
// is a *Refusal.
func (s *Sessions) Authenticate(value string) (Identity, error) {
	id, err := s.decide(value)
	s.authority.options.Observe(BySession, OutcomeOf(err))
	return id, err
}

func (s *Sessions) decide(value string) (id Identity, err error) {
	if len(value) > maxSession {
		return id, refuseSession(Invalid, "it is too long")
	}
	b, err := sessionText.DecodeString(value)
	if err != nil || len(b) < sessionHead+sha256.Size || b[0] != sessionVersion {
		return id, refuseSession(Invalid, "it has another form")
	}
	sealed, seal := b[:len(b)-sha256.Size], b[len(b)-sha256.Size:]
	if !hmac.Equal(seal, s.seal(sealed)) {
		return id, refuseSession(Invalid, "the seal is not this server's")
	}
	expires := time.UnixMilli(int64(binary.BigEndian.Uint64(sealed[1:])))
	if !s.authority.options.Now().Before(expires) {
		return id, refuseSession(Expired, "expired")
	}
	id = s.authority.now.Load().keys[[sha256.Size]byte(sealed[1+expiryBytes:sessionHead])]
	if id.Name != string(sealed[sessionHead:]) || !id.May(Viewer) {
		return Identity{}, refuseSession(Expired, "the file no longer has its key")
	}
	id.Expires = expires
	return id, nil
}

func (s *Sessions) seal(sealed []byte) []byte {
	h := hmac.New(sha256.New, s.secret)
	h.Write(sealed)
	return h.Sum(nil)
}

func refuseSession(o Outcome, reason string) error {
	return &Refusal{Method: BySession, Outcome: o, Reason: reason}
}
