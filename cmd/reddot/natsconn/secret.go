package natsconn

import (
	"crypto/x509"
	"fmt"
	"os"
	"strings"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nkeys"
)

// credentials is the option that says who connects; nil if only the URL may.
func (c *Config) credentials() (nats.Option, error) {
	switch {
	case c.user != "":
		if _, err := readSecret("--nats-password-file", c.passwordFile); err != nil {
			return nil, err
		}
		return nats.UserInfoHandler(func() (string, string) {
			password, _ := readSecret("", c.passwordFile) // the server refuses an empty one
			return c.user, password
		}), nil
	case c.tokenFile != "":
		if _, err := readSecret("--nats-token-file", c.tokenFile); err != nil {
			return nil, err
		}
		return nats.TokenHandler(func() string {
			token, _ := readSecret("", c.tokenFile)
			return token
		}), nil
	case c.nkey != "":
		if _, err := readSecret("--nats-nkey", c.nkey); err != nil {
			return nil, err
		}
		option, err := nats.NkeyOptionFromSeed(c.nkey)
		if err != nil {
			return nil, fmt.Errorf("--nats-nkey %s: there is no seed in it, which begins with SU (%w)", c.nkey, err)
		}
		return option, nil
	case c.creds != "":
		content, err := readSecret("--nats-creds", c.creds)
		if err != nil {
			return nil, err
		}
		seed, err := nkeys.ParseDecoratedNKey([]byte(content))
		if err != nil {
			return nil, fmt.Errorf("--nats-creds %s: there are no NATS credentials in it (%w)", c.creds, err)
		}
		seed.Wipe()
		return nats.UserCredentials(c.creds), nil
	}
	return nil, nil
}

// maxSecret bounds what is read of a secret's file, in bytes.
const maxSecret = 64 << 10

// readSecret reads a file without the line break at its end.
func readSecret(flag, path string) (string, error) {
	content, err := os.ReadFile(path)
	if err != nil {
		return "", fmt.Errorf("%s: %w", flag, err)
	}
	text := strings.TrimRight(string(content), "\r\n")
	switch {
	case text == "":
		return "", fmt.Errorf("%s: %s is empty", flag, path)
	case len(text) > maxSecret:
		return "", fmt.Errorf("%s: %s is longer than %d bytes", flag, path, maxSecret)
	}
	return text, nil
}

// checkCertificates reports a file without certificates.
func checkCertificates(path string) error {
	content, err := os.ReadFile(path)
	if err != nil {
		return fmt.Errorf("--nats-ca: %w", err)
	}
	if !x509.NewCertPool().AppendCertsFromPEM(content) {
		return fmt.Errorf("--nats-ca: there is no certificate in PEM form in %s", path)
	}
	return nil
}
