package natsserver

import (
	"fmt"
	"strings"
	"time"
)

// Bounds of the interval of a SyncPolicy: more often costs as much as always, and more
// seldom loses more than a minute at a power cut.
const (
	MinSync = 100 * time.Millisecond
	MaxSync = time.Minute
)

// SyncPolicy says when stored messages are forced to disk: after every write,
// or at an interval. As a flag it reads "always" or a duration.
type SyncPolicy struct {
	Always bool
	Every  time.Duration // ignored if Always
}

// String is the flag's text.
func (p *SyncPolicy) String() string {
	if p.Always {
		return "always"
	}
	return p.Every.String()
}

// Type is the flag's type in the help.
func (p *SyncPolicy) Type() string { return "interval" }

// Set reads the flag.
func (p *SyncPolicy) Set(s string) error {
	if s == "always" {
		*p = SyncPolicy{Always: true}
		return nil
	}
	d, err := time.ParseDuration(s)
	if strings.Trim(s, "0123456789.") == "" && s != "" {
		return fmt.Errorf("%s has no unit: use always, or %v to %v, as %ss", s, MinSync, MaxSync, s)
	}
	if err != nil || d < MinSync || d > MaxSync {
		return fmt.Errorf("use always, or %v to %v", MinSync, MaxSync)
	}
	*p = SyncPolicy{Every: d}
	return nil
}
