package projector

import (
	"context"
	"sync/atomic"

	"github.com/nats-io/nats.go"
)

// contact knows whether there is a connection to a NATS server, and never blocks.
// The connection itself does, for seconds: it is locked while it tries to come back
// to a server that takes it and says nothing.
type contact struct {
	conn *nats.Conn
	lost atomic.Bool
}

// watch keeps it up to date until ctx ends.
func (c *contact) watch(ctx context.Context) error {
	changed := c.conn.StatusChanged()
	defer c.conn.RemoveStatusListener(changed)
	c.lost.Store(!c.conn.IsConnected())
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case now := <-changed:
			if now != nats.CONNECTED {
				c.lost.Store(true)
				continue
			}
			// Which it may say before it can be used.
			c.lost.Store(!c.conn.IsConnected())
		}
	}
}

func (c *contact) up() bool { return !c.lost.Load() }
