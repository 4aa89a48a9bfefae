package server

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
)

// connectionsSubject is where the servers of an account say who is connected.
const connectionsSubject = "$SYS.REQ.ACCOUNT.PING.CONNZ"

// How long the servers of a cluster are waited for that say who is connected: the first of
// them, and each further one.
const (
	firstCount = 2 * time.Second
	nextCount  = 100 * time.Millisecond
)

// mostNames is of how many names connections are counted; beyond it counting begins anew.
const mostNames = 100_000

// crowd counts the connections of each name at an existing NATS server, which says of none
// that it has ended: those that were let in are counted, and the servers are asked how
// many there still are before one too many is refused.
type crowd struct {
	conn *nats.Conn

	mu sync.Mutex
	in map[string]int
}

func newCrowd(conn *nats.Conn) *crowd { return &crowd{conn: conn, in: map[string]int{}} }

// enter counts one more connection of a name, unless there are as many as there may be; 0:
// any number.
func (c *crowd) enter(ctx context.Context, name string, most int) error {
	if most == 0 || c.add(name, most) {
		return nil
	}
	now, err := c.connected(ctx, name, most)
	if err != nil {
		return fmt.Errorf("count the connections of %s: %w", name, err)
	}
	if now >= most {
		return fmt.Errorf("%s has %d connections already", name, now)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.in[name] = now + 1
	return nil
}

func (c *crowd) add(name string, most int) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.in[name] >= most {
		return false
	}
	if len(c.in) >= mostNames {
		clear(c.in)
	}
	c.in[name]++
	return true
}

// connected is how many connections of a name there are, of no more than most.
func (c *crowd) connected(ctx context.Context, name string, most int) (n int, err error) {
	request, err := json.Marshal(server.ConnzEventOptions{ConnzOptions: server.ConnzOptions{Username: true, User: name, Limit: most}})
	if err != nil {
		return 0, err
	}
	inbox := c.conn.NewInbox()
	sub, err := c.conn.SubscribeSync(inbox)
	if err != nil {
		return 0, err
	}
	defer sub.Unsubscribe()
	if err := c.conn.PublishRequest(connectionsSubject, inbox, request); err != nil {
		return 0, err
	}
	for wait := firstCount; n < most; wait = nextCount {
		waiting, cancel := context.WithTimeout(ctx, wait)
		reply, err := sub.NextMsgWithContext(waiting)
		cancel()
		if errors.Is(err, context.DeadlineExceeded) && wait == nextCount && ctx.Err() == nil {
			break // all have said it
		}
		if err != nil {
			return 0, err
		}
		var said struct {
			Data struct {
				Connections int `json:"num_connections"`
			} `json:"data"`
		}
		if err := json.Unmarshal(reply.Data, &said); err != nil {
			return 0, err
		}
		n += said.Data.Connections
	}
	return n, nil
}
