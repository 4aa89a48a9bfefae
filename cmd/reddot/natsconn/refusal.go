package natsconn

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"strings"

	"github.com/nats-io/nats.go"
)

// refusedError is a connection that a server does not take, or that is not taken
// to a server, whatever time passes: it needs a person.
type refusedError struct {
	text string
	err  error
}

func (e *refusedError) Error() string { return e.text }
func (e *refusedError) Unwrap() error { return e.err }

// RefusedByAny is Refused of several servers, and names the one: the library
// reports the error of one of them, and a refusal of any is one of all. options are
// those of the connection.
func (c *Config) RefusedByAny(err error, urls string, options []nats.Option) error {
	list := strings.Split(urls, ",")
	if len(list) == 1 {
		return c.Refused(err, urls)
	}
	for _, url := range list {
		conn, err := nats.Connect(url, options...)
		if err == nil {
			conn.Close() // it has come meanwhile
			return nil
		}
		if refused := c.Refused(err, url); refused != nil {
			return refused
		}
	}
	return c.Refused(err, urls)
}

// Refused returns what an error of connecting to the servers at urls means where
// it needs a person, fit to be shown; nil if it may pass by itself: the server is
// not there, or not yet.
func (c *Config) Refused(err error, urls string) error {
	shown := Redacted(urls)
	var (
		authority x509.UnknownAuthorityError
		hostname  x509.HostnameError
		invalid   x509.CertificateInvalidError
		verify    *tls.CertificateVerificationError
		path      *fs.PathError
	)
	text := ""
	switch {
	case errors.Is(err, nats.ErrAuthorization), errors.Is(err, nats.ErrAuthExpired), errors.Is(err, nats.ErrAuthRevoked),
		errors.Is(err, nats.ErrAccountAuthExpired), errors.Is(err, nats.ErrNkeysNotSupported):
		text = fmt.Sprintf("the NATS server at %s refuses %s (%s): name others with --nats-user, --nats-token-file, --nats-nkey, --nats-creds or --nats-context",
			shown, c.Who(urls), Scrubbed(err.Error()))
	case errors.As(err, &authority):
		text = fmt.Sprintf("the certificate of the NATS server at %s is of an authority that is not trusted here (%s): name that with --nats-ca", shown, err)
	case errors.As(err, &hostname), errors.As(err, &invalid), errors.As(err, &verify):
		text = fmt.Sprintf("the certificate of the NATS server at %s is not good (%s): use the name that it is for in the URL, or renew it", shown, err)
	case strings.Contains(err.Error(), "remote error: tls: "), // its type is private
		strings.Contains(err.Error(), "connection closed by remote after TLS handshake"): // or its alert was lost
		text = fmt.Sprintf("the NATS server at %s refuses the client's certificate, or that there is none (%s): name it with --nats-cert and --nats-key", shown, err)
	case errors.Is(err, nats.ErrSecureConnWanted):
		text = fmt.Sprintf("the NATS server at %s has no TLS, which tls:// or --nats-ca ask for: leave them out", shown)
	case errors.As(err, &path):
		text = fmt.Sprintf("connect to the NATS server at %s: %s", shown, Scrubbed(err.Error()))
	default:
		return nil
	}
	return &refusedError{text, err}
}
