package server

import (
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"time"
)

// certificateLook is how long a certificate is taken to be what its files have.
const certificateLook = time.Second

// certificate is what the listeners show who they are with. Its files are read again when
// they change.
type certificate struct {
	certFile, keyFile string
	log               *slog.Logger

	mu     sync.Mutex
	looked time.Time
	read   [2]stamp // of the files that were read last, whether they could be used or not
	now    *tls.Certificate
}

// stamp tells a file from another in its place.
type stamp struct {
	at   time.Time
	size int64
}

// openCertificate reads a certificate; nil if none is named.
func openCertificate(certFile, keyFile string, log *slog.Logger) (*certificate, error) {
	if certFile == "" {
		return nil, nil
	}
	c := &certificate{certFile: certFile, keyFile: keyFile, log: log}
	if err := c.look(); err != nil {
		return nil, fmt.Errorf("--tls-cert and --tls-key: %w", err)
	}
	c.looked = time.Now()
	return c, nil
}

// config is for a listener; nil of no certificate.
func (c *certificate) config() *tls.Config {
	if c == nil {
		return nil
	}
	return &tls.Config{MinVersion: tls.VersionTLS12, GetCertificate: c.get}
}

// get is the certificate of a handshake. Files that can't be used change nothing.
func (c *certificate) get(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if now := time.Now(); now.Sub(c.looked) >= certificateLook {
		c.looked = now
		if err := c.look(); err != nil {
			c.log.Error("the files of --tls-cert and --tls-key can't be used: the certificate stays as it was", "error", err)
		}
	}
	return c.now, nil
}

// look reads the files if they are others than before.
func (c *certificate) look() error {
	var found [2]stamp
	var failed error
	for i, path := range []string{c.certFile, c.keyFile} {
		info, err := os.Stat(path)
		if err != nil {
			failed = errors.Join(failed, err)
			continue
		}
		found[i] = stamp{info.ModTime(), info.Size()}
	}
	if c.now != nil && found == c.read {
		return nil
	}
	c.read = found
	if failed != nil {
		return failed
	}
	next, err := tls.LoadX509KeyPair(c.certFile, c.keyFile)
	if err != nil {
		return err
	}
	if c.now != nil {
		c.log.Info("the certificate is read again", "until", next.Leaf.NotAfter)
	}
	c.now = &next
	return nil
}
