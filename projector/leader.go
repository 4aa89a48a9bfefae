package projector

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// leaderHeard is how long ago the leader of a replicated stream may have heard
// from most of its replicas. None of those takes part in an election within four
// seconds after it has heard the leader, so until then there is no other leader.
const leaderHeard = 3 * time.Second

// Why nobody can say what the newest command is.
var (
	errNoLeader = errors.New("the stream has no leader now")
	errDeposed  = errors.New("the stream's leader has not heard from most replicas lately: there may be a new one")
)

// Newest asks the leader of the stream for its state: no acknowledged command is
// newer. Any replica answers while there is no leader, and so does one that was
// stopped for a while, and has not noticed yet that the others have chosen a new
// one: both are errors.
//
// What is left is what a leader says that goes on after it stood still, in the
// moments in which it works off what was sent to it before: an old answer of a
// replica is then taken for a new one. And a replica may hand out a command some
// moments before the leader has stored it, which knows that it is to be stored.
func (l *Log) newest(ctx context.Context) (*jetstream.StreamInfo, error) {
	info, err := l.stream.Info(ctx)
	if err == nil {
		err = checkLeader(info.Cluster)
	}
	if err != nil {
		return nil, fmt.Errorf("ask for the end of %s: %w", l.identity.Stream, err)
	}
	return info, nil
}

// checkLeader says why who has answered may not be the leader.
func checkLeader(c *jetstream.ClusterInfo) error {
	if c == nil {
		return nil // a server by itself
	}
	if c.Leader == "" {
		return errNoLeader
	}
	heard := 1 // it hears itself
	for _, r := range c.Replicas {
		if r.Active > 0 && r.Active < leaderHeard { // 0: not heard since it leads
			heard++
		}
	}
	if 2*heard <= len(c.Replicas)+1 {
		return errDeposed
	}
	return nil
}
