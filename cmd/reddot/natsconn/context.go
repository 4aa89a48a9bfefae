package natsconn

import (
	"errors"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/nats-io/nats.go"
	"github.com/synadia-io/orbit.go/natscontext"
)

// errRead ends a connection before it begins: its options are known.
var errRead = errors.New("the context is read")

// HasContext reports whether a context of the nats command is named.
func (c *Config) HasContext() bool { return c.context != "" }

// Context reads the context of the nats command that is named, by its name or by
// the path of its file; nil if none is. The library knows contexts only as
// connections.
func (c *Config) Context() (*nats.Options, error) {
	if c.context == "" {
		return nil, nil
	}
	name, path := c.context, c.context
	if strings.ContainsRune(name, filepath.Separator) {
		absolute, err := filepath.Abs(name)
		if err != nil {
			return nil, fmt.Errorf("--nats-context %s: %w", name, err)
		}
		path = absolute
	}
	var read nats.Options
	conn, _, err := natscontext.Connect(path, func(o *nats.Options) error {
		read = *o
		return errRead
	})
	if conn != nil {
		conn.Close()
	}
	if !errors.Is(err, errRead) {
		return nil, fmt.Errorf(`--nats-context %s: %w: "nats context ls" lists those there are`, name, Safe(err))
	}
	return &read, nil
}

// useContext is an option that applies a context, but for its server: that is
// the connection's URL.
func useContext(read *nats.Options) nats.Option {
	return func(o *nats.Options) error {
		servers := o.Servers
		*o = *read
		o.Servers = servers
		return nil
	}
}
