package main

import (
	"cmp"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nkeys"
	"github.com/spf13/pflag"
)

// natsConfig says as whom a NATS server is connected to, and which server is
// trusted. The flags have the same names at every command. Secrets are read from
// files, again at each connection, so that they can be changed under way.
type natsConfig struct {
	user, passwordFile string
	tokenFile          string
	nkey               string // file of a seed
	creds              string // file of a JWT and a seed
	ca                 string // file of certificates; the system's if empty
	cert, key          string // files of the client's certificate
	context            string // of the nats command
	inbox              string // first tokens of the subjects of answers; empty: the context's, or ownInbox
	ownInbox           string // empty: the library's, _INBOX
}

func (c *natsConfig) addFlags(f *pflag.FlagSet) {
	f.StringVar(&c.user, "nats-user", "", "NATS user `name`; its password is in --nats-password-file")
	f.StringVar(&c.passwordFile, "nats-password-file", "", "`file` of the NATS user's password")
	f.StringVar(&c.tokenFile, "nats-token-file", "", "`file` of a NATS token")
	f.StringVar(&c.nkey, "nats-nkey", "", "`file` of the seed of a NATS nkey")
	f.StringVar(&c.creds, "nats-creds", "", "NATS credentials `file`")
	f.StringVar(&c.creds, "creds", "", "the same as --nats-creds, a `file`")
	f.StringVar(&c.ca, "nats-ca", "", "`file` of the certificates that the NATS server's is checked with (default the system's)")
	f.StringVar(&c.cert, "nats-cert", "", "`file` of the client's TLS certificate")
	f.StringVar(&c.key, "nats-key", "", "`file` of its key")
	f.StringVar(&c.context, "nats-context", "", "`name` of a context of the nats command, or a path of its file: server and credentials")
	f.StringVar(&c.inbox, "nats-inbox-prefix", "", "first tokens of the `subjects` that answers come to (default "+cmp.Or(c.ownInbox, nats.InboxPrefix[:len(nats.InboxPrefix)-1])+")")
}

// given are the flags that say who connects, in use.
func (c *natsConfig) given() (flags []string) {
	for _, f := range []struct{ name, value string }{
		{"--nats-user", c.user}, {"--nats-token-file", c.tokenFile}, {"--nats-nkey", c.nkey}, {"--nats-creds", c.creds}, {"--nats-context", c.context},
	} {
		if f.value != "" {
			flags = append(flags, f.name)
		}
	}
	return flags
}

// trust are the flags that say which server is trusted, and how it is talked to, in
// use.
func (c *natsConfig) trust() (flags []string) {
	for _, f := range []struct{ name, value string }{
		{"--nats-password-file", c.passwordFile}, {"--nats-ca", c.ca}, {"--nats-cert", c.cert}, {"--nats-key", c.key}, {"--nats-inbox-prefix", c.inbox},
	} {
		if f.value != "" {
			flags = append(flags, f.name)
		}
	}
	return flags
}

// ownInbox is the inbox prefix of the server: nobody else may listen to the
// commands that come to it.
const ownInbox = "_INBOX_reddot"

// validate reports a usageError. urls is the list of servers, empty if the
// context names them.
func (c *natsConfig) validate(urls string) error {
	given := c.given()
	switch {
	case len(given) > 1:
		return usagef("%s and %s both say who connects: leave one out", given[0], given[1])
	case (c.user == "") != (c.passwordFile == ""):
		return usagef("--nats-user and --nats-password-file go together: give both")
	case (c.cert == "") != (c.key == ""):
		return usagef("--nats-cert and --nats-key go together: give both")
	case strings.ContainsAny(c.inbox, "*> \t") || strings.HasPrefix(c.inbox, ".") || strings.HasSuffix(c.inbox, "."):
		return usagef("--nats-inbox-prefix %q: use tokens without wildcards, as _INBOX_alice", c.inbox)
	}
	if urls == "" {
		return nil
	}
	servers, err := parseURLs(urls)
	if err != nil {
		return usageError{err}
	}
	for _, u := range servers {
		if u.User != nil && len(given) > 0 && given[0] != "--nats-context" {
			return usagef("the server's URL says who connects, and %s too: leave one out", given[0])
		}
	}
	return nil
}

// options are what the client library needs to know. They fail where a file
// can't be used.
func (c *natsConfig) options() ([]nats.Option, error) {
	var options []nats.Option
	if c.context != "" {
		context, err := readContext(c.context)
		if err != nil {
			return nil, err
		}
		options = append(options, useContext(context))
	}
	options = append(options, nats.CustomInboxPrefix(c.inboxPrefix()))
	who, err := c.credentials()
	if err != nil {
		return nil, err
	}
	if who != nil {
		options = append(options, who)
	}
	if c.ca != "" {
		if err := checkCertificates(c.ca); err != nil {
			return nil, err
		}
		options = append(options, nats.RootCAs(c.ca))
	}
	if c.cert != "" {
		if _, err := tls.LoadX509KeyPair(c.cert, c.key); err != nil {
			return nil, fmt.Errorf("--nats-cert %s and --nats-key %s: %w", c.cert, c.key, err)
		}
		options = append(options, nats.ClientCert(c.cert, c.key))
	}
	return options, nil
}

// inboxPrefix is what the subjects of this client's answers begin with.
func (c *natsConfig) inboxPrefix() string {
	fromContext := ""
	if c.context != "" {
		if context, err := readContext(c.context); err == nil {
			fromContext = context.InboxPrefix
		}
	}
	return cmp.Or(c.inbox, fromContext, c.ownInbox, strings.TrimSuffix(nats.InboxPrefix, "."))
}

// credentials is the option that says who connects; nil if only the URL may.
func (c *natsConfig) credentials() (nats.Option, error) {
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

// who names who connects, without what lets one in.
func (c *natsConfig) who(urls string) string {
	switch {
	case c.user != "":
		return fmt.Sprintf("the user %q", c.user)
	case c.tokenFile != "":
		return "the token in " + c.tokenFile
	case c.nkey != "":
		return "the nkey in " + c.nkey
	case c.creds != "":
		return "the user of the credentials in " + c.creds
	case c.context != "":
		return fmt.Sprintf("the user of the context %q", c.context)
	}
	servers, _ := parseURLs(urls)
	for _, u := range servers {
		if u.User == nil {
			continue
		}
		if _, ok := u.User.Password(); ok {
			return fmt.Sprintf("the user %q", u.User.Username())
		}
		return "the token in the URL"
	}
	return "this user, of whom it was told nothing"
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

// turnedAway is a connection that a server does not take, or that is not taken to
// a server, whatever time passes: an error that needs a person.
type turnedAway struct {
	text string
	err  error
}

func (e *turnedAway) Error() string { return e.text }
func (e *turnedAway) Unwrap() error { return e.err }

// refusedByAny is refused of several servers, and names the one: the library tells
// of one of them, and a refusal of any is one of all. options are those of the
// connection.
func (c *natsConfig) refusedByAny(err error, urls string, options []nats.Option) error {
	list := strings.Split(urls, ",")
	if len(list) == 1 {
		return c.refused(err, urls)
	}
	for _, url := range list {
		conn, err := nats.Connect(url, options...)
		if err == nil {
			conn.Close() // it has come meanwhile
			return nil
		}
		if refused := c.refused(err, url); refused != nil {
			return refused
		}
	}
	return c.refused(err, urls)
}

// refused is the turnedAway that an error of connecting tells of, nil if it may
// pass by itself: the server is not there, or not yet.
func (c *natsConfig) refused(err error, urls string) error {
	shown := redacted(urls)
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
			shown, c.who(urls), scrubbed(err.Error()))
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
		text = fmt.Sprintf("connect to the NATS server at %s: %s", shown, scrubbed(err.Error()))
	default:
		return nil
	}
	return &turnedAway{text, err}
}
