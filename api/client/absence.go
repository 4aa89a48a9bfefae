package client

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/nats-io/nats.go"

	"reddot/events"
)

const (
	// absenceWait is how long a reddot that takes no queries has to say why.
	absenceWait = 500 * time.Millisecond
	// absenceHolds is for how long what it said is told to others who ask in vain.
	absenceHolds = time.Second
)

// absence is why nobody takes queries, as it was found out last.
type absence struct {
	sync.Mutex
	at  time.Time
	why error
}

// absent says why a request had no responder. A reddot that does not know the
// newest state takes no queries; it answers for its status all the same.
//
// Who has an inbox of a user's own may not ask for the status.
func (c *Client) absent(ctx context.Context, subject string) error {
	nobody := fmt.Errorf(`%w: none serves the prefix %s; start one with "reddot serve"`, ErrUnavailable, c.opts.Prefix)
	noneNow := fmt.Errorf("%w: under the prefix %s none takes queries now", ErrUnavailable, c.opts.Prefix)
	switch {
	case subject == c.subjects.Status():
		return nobody
	case strings.HasPrefix(c.conn.Opts.InboxPrefix, c.subjects.Prefix()+".inbox."):
		return noneNow
	}
	c.absence.Lock()
	defer c.absence.Unlock()
	if time.Since(c.absence.at) < absenceHolds {
		return c.absence.why
	}
	asking, cancel := context.WithTimeout(ctx, absenceWait)
	defer cancel()
	m, err := c.conn.RequestWithContext(asking, c.subjects.Status(), nil)
	var status events.Status
	if err == nil && m.Header.Get(events.HeaderErrorCode) == "" {
		err = events.Unmarshal(m.Header.Get(events.HeaderContentType), m.Data, &status)
	}
	switch {
	case errors.Is(err, nats.ErrNoResponders):
		c.absence.why = nobody
	case ctx.Err() != nil: // this one waits no longer: that says nothing to others
		return noneNow
	case err != nil:
		c.absence.why = noneNow
	default:
		c.absence.why = fmt.Errorf("%w: it takes no queries now: %s", ErrUnavailable, status.Away())
	}
	c.absence.at = time.Now()
	return c.absence.why
}
