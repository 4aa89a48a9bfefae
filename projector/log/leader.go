package log

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"reddot/events"
)

// leaderHeard is how long ago the leader of a replicated stream may have heard
// from most of its replicas: it does so every two seconds at least, and a replica
// calls an election four seconds after it has heard the leader, at the earliest.
const leaderHeard = 3 * time.Second

// Why nobody can say what the newest command is.
var (
	errNoLeader = errors.New("the stream has no leader now")
	errDeposed  = errors.New("the stream's leader has not heard from most replicas lately: there may be a new one")
)

// End is the end of a log, as the leader of its stream knows it.
type End struct {
	Last      events.Seq
	Consumers int         // of the stream, whosever they are
	At        events.Time // of the leader, when it said so
}

// Newest asks the leader of the stream for its end: no acknowledged command is
// newer. While there is no leader any replica answers, and so does one that led
// until it was stopped for a while, and has not noticed yet that the others have
// chosen another one: both are errors.
//
// The leader answers by its own word, without asking the others. So this is left,
// each for a moment: a leader that goes on after it stood still may answer while it
// works off what was sent to it before, among it what shows that it heard from the
// others. One that is cut off from some replicas may answer, for two seconds at
// most, after the others have voted for one of those. And a replica may hand out a
// command just before the leader, who knows that it is to be stored, has stored it.
func (l *Log) Newest(ctx context.Context) (End, error) {
	info, err := l.stream.Info(ctx)
	if err == nil {
		err = checkLeader(info.Cluster)
	}
	if err != nil {
		return End{}, fmt.Errorf("ask for the end of %s: %w", l.identity.Name, err)
	}
	return End{Last: events.Seq(info.State.LastSeq), Consumers: info.State.Consumers, At: events.Time(info.TimeStamp.UnixMilli())}, nil
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
