package failover

import (
	"context"
	"fmt"
	"slices"
	"syscall"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"reddot/cmd/reddot/process"
)

// Whom is what a fault hits.
type Whom string

// What faults hit.
const (
	Emitter        Whom = "the emitting reddot"
	CommandsLeader Whom = "the NATS node that leads the commands"
	EventsLeader   Whom = "the NATS node that leads the events"
	Follower       Whom = "a NATS node that leads neither"
)

// Fault is something that goes wrong.
type Fault struct {
	Signal syscall.Signal // SIGTERM, SIGKILL or SIGSTOP; after that one SIGCONT
	Whom   Whom
}

// String is its name.
func (f Fault) String() string {
	name := map[syscall.Signal]string{syscall.SIGTERM: "SIGTERM", syscall.SIGKILL: "SIGKILL", syscall.SIGSTOP: "SIGSTOP"}[f.Signal]
	return name + " of " + string(f.Whom)
}

// Node says that it hits a NATS server.
func (f Fault) Node() bool { return f.Whom != Emitter }

// Faults are all of them.
func Faults() (all []Fault) {
	for _, whom := range []Whom{Emitter, CommandsLeader, EventsLeader, Follower} {
		for _, s := range []syscall.Signal{syscall.SIGTERM, syscall.SIGKILL, syscall.SIGSTOP} {
			all = append(all, Fault{s, whom})
		}
	}
	return all
}

// How long what was hit is away: longer than others take to notice and to go on in
// its place. An election takes 9 seconds at most.
const (
	endedAway  = 3 * time.Second
	reddotAway = 5 * time.Second
	nodeAway   = 12 * time.Second
)

func (f Fault) away() time.Duration {
	switch {
	case f.Signal == syscall.SIGTERM:
		return endedAway
	case f.Node():
		return nodeAway
	}
	return reddotAway
}

// victim is a process that is hit.
type victim struct {
	name  string
	of    *process.Process
	again func(context.Context) error // starts it again
}

// find finds what a fault hits.
func (d *Drill) find(ctx context.Context, f Fault) (victim, error) {
	if f.Whom == Emitter {
		r, err := d.emitter(ctx)
		if err != nil {
			return victim{}, err
		}
		return victim{r.name, r.running, func(ctx context.Context) error {
			if err := r.begin(); err != nil {
				return err
			}
			return r.ready(ctx)
		}}, nil
	}
	commands, err := d.leader(ctx, d.subjects.CommandStream())
	if err != nil {
		return victim{}, err
	}
	emitted, err := d.leader(ctx, d.subjects.EventStream())
	if err != nil {
		return victim{}, err
	}
	hit := commands
	switch f.Whom {
	case EventsLeader:
		hit = emitted
	case Follower:
		for hit == commands || hit == emitted {
			hit = (hit + 1) % nodeCount
		}
	}
	return victim{d.nodes.Server(hit), d.nodes.running[hit], func(ctx context.Context) error {
		if err := d.nodes.begin(hit); err != nil {
			return err
		}
		return d.nodes.ready(ctx, hit)
	}}, nil
}

// leader is the server that leads a stream.
func (d *Drill) leader(ctx context.Context, stream string) (int, error) {
	ctx, cancel := context.WithTimeout(ctx, requestWait)
	defer cancel()
	s, err := d.js.Stream(ctx, stream)
	if err != nil {
		return 0, fmt.Errorf("find the leader of %s: %w", stream, err)
	}
	if s.CachedInfo().Cluster == nil {
		return 0, fmt.Errorf("stream %s is on no cluster", stream)
	}
	return d.nodes.number(s.CachedInfo().Cluster.Leader)
}

// emitter is the reddot whose events are stored.
func (d *Drill) emitter(ctx context.Context) (*reddot, error) {
	ctx, cancel := context.WithTimeout(ctx, steadyWait)
	defer cancel()
	before := make([]float64, reddotCount)
	for first := true; ; first = false {
		for i, r := range d.reddots {
			all, err := r.figures(ctx)
			if err != nil {
				return nil, err
			}
			if now := all[figureChanges]; !first && now > before[i] {
				return r, nil
			} else {
				before[i] = now
			}
		}
		if err := pause(ctx, lookEvery); err != nil {
			return nil, fmt.Errorf("neither reddot writes events: %w", err)
		}
	}
}

// replicated says whether all servers have all of a stream.
func replicated(info *jetstream.StreamInfo) bool {
	c := info.Cluster
	return c != nil && c.Leader != "" && len(c.Replicas) == nodeCount-1 && !slices.ContainsFunc(c.Replicas, func(p *jetstream.PeerInfo) bool {
		return !p.Current || p.Offline
	})
}
