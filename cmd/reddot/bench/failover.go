package bench

import (
	"context"
	"errors"
	"fmt"
	"syscall"
	"time"

	"reddot/cmd/reddot/failover"
)

// What is reported of each fault.
const (
	eventsSilent    = ", events silent"
	commandsRefused = ", commands refused"
)

// What is reported of the starts.
const (
	startsTold    = "both started at the same moment, it tells"
	startsRefused = "both started at the same moment" + commandsRefused
)

// afterElection is what a failure of a NATS node is compared with: what the engine's
// election takes, which is nothing that reddot could do anything about, and what
// reddot and a back end need then.
const (
	afterElection    = "election + 1 s"
	electionAndMore  = time.Second
	shortestElection = 4 * time.Second // a constant of nats-server
)

// failoverAims are the aims of that stage.
func failoverAims() map[key]Aim {
	all := map[key]Aim{{"failover", startsTold}: atLeast(1, 1), {"failover", startsRefused}: atMost(0, 0)}
	for _, f := range failover.Faults() {
		silent, refused := key{"failover", f.String() + eventsSilent}, key{"failover", f.String() + commandsRefused}
		switch {
		case f.Node() && f.Signal == syscall.SIGTERM:
			all[silent], all[refused] = atMost(3, 0.5), atMost(3, 0.5)
		case f.Node():
			all[silent], all[refused] = atMost(1, 0.8), atMost(1, 0.8)
		case f.Signal == syscall.SIGTERM:
			all[silent], all[refused] = atMost(0.5, 0.1), atMost(0, 0)
		default:
			all[silent], all[refused] = atMost(2.5, 2), atMost(0, 0)
		}
	}
	return all
}

// failover is the stage of that name.
func (b *bench) failover(ctx context.Context) error {
	if err := b.endLog(); err != nil {
		return err
	}
	faults := failover.Faults()
	return b.turns("failover", len(faults)+b.cfg.Starts, func(step *Step) error {
		if err := b.starts(ctx, step); err != nil {
			return err
		}
		return b.drill(ctx, func(d *failover.Drill, _ failover.Outcome) error {
			for _, f := range faults {
				o, err := d.Do(ctx, f)
				if err = errors.Join(err, o.Err()); err != nil {
					return err
				}
				b.noteFault(f, o)
				step.done.Add(1)
			}
			return nil
		})
	})
}

// starts starts both reddots at the same moment again and again, each time on a
// fresh cluster.
func (b *bench) starts(ctx context.Context, step *Step) error {
	emitted, refused := 0, time.Duration(0)
	for range b.cfg.Starts {
		err := b.drill(ctx, func(_ *failover.Drill, o failover.Outcome) error {
			refused = max(refused, o.Refused)
			return nil
		})
		if err != nil {
			return fmt.Errorf("after %d starts: %w", emitted, err)
		}
		emitted++
		step.done.Add(1)
	}
	b.note(figure("failover", startsTold, Count, float64(emitted)).compare("started", float64(b.cfg.Starts)))
	b.note(figure("failover", startsRefused, Seconds, refused.Seconds()))
	return nil
}

// drill does something with a fresh drill. If that fails, the logs of its processes
// are kept.
func (b *bench) drill(ctx context.Context, do func(*failover.Drill, failover.Outcome) error) (err error) {
	d, err := failover.Start(ctx, failover.Config{Program: b.cfg.Program, Dir: b.dir, Seed: b.cfg.Workload.Seed})
	defer func() { err = errors.Join(err, d.Close()) }()
	var begun failover.Outcome
	if err == nil {
		begun, err = d.Begin(ctx)
		err = errors.Join(err, begun.Err())
	}
	if err == nil {
		err = do(d, begun)
	}
	if err == nil || ctx.Err() != nil {
		return err
	}
	logs, kept := d.KeepLogs(b.cfg.Dir)
	return errors.Join(fmt.Errorf("%w; the logs of all processes are in %s", err, logs), kept)
}

// noteFault notes what came of a fault.
func (b *bench) noteFault(f failover.Fault, o failover.Outcome) {
	for _, of := range []struct {
		what string
		took time.Duration
	}{{eventsSilent, o.Events}, {commandsRefused, o.Refused}} {
		measured := figure("failover", f.String()+of.what, Seconds, of.took.Seconds())
		if f.Node() && f.Signal != syscall.SIGTERM {
			measured = measured.compare(afterElection, (max(o.Election, shortestElection) + electionAndMore).Seconds())
		}
		b.note(measured)
	}
}
