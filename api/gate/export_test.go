package gate

import (
	"time"

	"reddot/events"
)

// SetQuota lowers how many conversations a user may make.
func (g *Gate) SetQuota(most int) { g.quota.most = most }

// CheckQuota looks at a command as at some time.
func (g *Gate) CheckQuota(c *events.Command, at time.Time) error { return g.quota.check(c, at) }
