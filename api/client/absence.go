package client

import (
	"context"
	"errors"
	"strings"
	"sync"
	"time"
)

const (
	// absenceWait is how long a reddot that takes no queries has to say why.
	absenceWait = 2 * time.Second
	// absenceHolds is for how long others who ask in vain are answered with what it said.
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
	noneNow := &AbsentError{Prefix: c.opts.Prefix, Served: true}
	switch {
	case subject == c.subjects.Status():
		return &AbsentError{Prefix: c.opts.Prefix}
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
	status, err := c.Status(asking)
	nobody, none := errors.AsType[*AbsentError](err)
	_, starting := errors.AsType[*QueryError](err) // status is that of one who begins
	switch {
	case none:
		c.absence.why = nobody
	case err == nil, starting:
		c.absence.why = &AbsentError{Prefix: c.opts.Prefix, Served: true, Why: status.Away()}
	case ctx.Err() != nil: // this one waits no longer: that says nothing to others
		return noneNow
	default:
		c.absence.why = noneNow
	}
	c.absence.at = time.Now()
	return c.absence.why
}
