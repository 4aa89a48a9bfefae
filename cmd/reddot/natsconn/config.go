package natsconn

import (
	"cmp"
	"crypto/tls"
	"errors"
	"fmt"
	"strings"

	"github.com/nats-io/nats.go"
	"github.com/spf13/pflag"
)

// Config says as whom a NATS server is connected to, and which server is
// trusted. The flags have the same names at every command. Secrets are read from
// files, again at each connection, so that they can be changed under way.
type Config struct {
	user, passwordFile string
	tokenFile          string
	nkey               string // file of a seed
	creds              string // file of a JWT and a seed
	ca                 string // file of certificates; the system's if empty
	cert, key          string // files of the client's certificate
	context            string // of the nats command
	inbox              string // first tokens of the subjects of answers; empty: the context's, or OwnInbox

	// OwnInbox is what the subjects of answers begin with unless the flags say
	// otherwise. Empty: the library's, _INBOX.
	OwnInbox string
}

// AddFlags adds the flags that fill c.
func (c *Config) AddFlags(f *pflag.FlagSet) {
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
	f.StringVar(&c.inbox, "nats-inbox-prefix", "", "first tokens of the `subjects` that answers come to (default "+cmp.Or(c.OwnInbox, nats.InboxPrefix[:len(nats.InboxPrefix)-1])+")")
}

// Given returns the flags that say who connects, of those in use.
func (c *Config) Given() (flags []string) {
	for _, f := range []struct{ name, value string }{
		{"--nats-user", c.user}, {"--nats-token-file", c.tokenFile}, {"--nats-nkey", c.nkey}, {"--nats-creds", c.creds}, {"--nats-context", c.context},
	} {
		if f.value != "" {
			flags = append(flags, f.name)
		}
	}
	return flags
}

// Trust returns the flags that say which server is trusted, and how it is talked
// to, of those in use.
func (c *Config) Trust() (flags []string) {
	for _, f := range []struct{ name, value string }{
		{"--nats-password-file", c.passwordFile}, {"--nats-ca", c.ca}, {"--nats-cert", c.cert}, {"--nats-key", c.key}, {"--nats-inbox-prefix", c.inbox},
	} {
		if f.value != "" {
			flags = append(flags, f.name)
		}
	}
	return flags
}

// Validate reports what is wrong with the flags. urls is the list of servers, empty
// if the context names them.
func (c *Config) Validate(urls string) error {
	given := c.Given()
	switch {
	case len(given) > 1:
		return fmt.Errorf("%s and %s both say who connects: leave one out", given[0], given[1])
	case (c.user == "") != (c.passwordFile == ""):
		return errors.New("--nats-user and --nats-password-file go together: give both")
	case (c.cert == "") != (c.key == ""):
		return errors.New("--nats-cert and --nats-key go together: give both")
	case strings.ContainsAny(c.inbox, "*> \t") || strings.HasPrefix(c.inbox, ".") || strings.HasSuffix(c.inbox, "."):
		return fmt.Errorf("--nats-inbox-prefix %q: use tokens without wildcards, as _INBOX_alice", c.inbox)
	}
	if urls == "" {
		return nil
	}
	servers, err := parseURLs(urls)
	if err != nil {
		return err
	}
	for _, u := range servers {
		if u.User != nil && len(given) > 0 && given[0] != "--nats-context" {
			return fmt.Errorf("the server's URL says who connects, and %s too: leave one out", given[0])
		}
	}
	return nil
}

// Options returns what the client library needs to know. It fails where a file
// can't be used.
func (c *Config) Options() ([]nats.Option, error) {
	var options []nats.Option
	context, err := c.Context()
	if err != nil {
		return nil, err
	}
	if context != nil {
		options = append(options, useContext(context))
	}
	options = append(options, nats.CustomInboxPrefix(c.InboxPrefix()))
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

// InboxPrefix is what the subjects of this client's answers begin with.
func (c *Config) InboxPrefix() string {
	fromContext := ""
	if context, err := c.Context(); err == nil && context != nil {
		fromContext = context.InboxPrefix
	}
	return cmp.Or(c.inbox, fromContext, c.OwnInbox, strings.TrimSuffix(nats.InboxPrefix, "."))
}

// Who names who connects to the servers at urls, without what lets one in.
func (c *Config) Who(urls string) string {
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
