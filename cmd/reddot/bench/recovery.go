package bench

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"reddot/events"
)

// Names of the figures of recovery: from the start of the process until it is
// ready.
const (
	readyRebuilt  = "ready, the store rebuilt from the log"
	readyRestored = "ready, the store restored from a snapshot"
	readyKilled   = "ready after SIGKILL"
)

// askEvery is how often it is looked how far a snapshot is.
const askEvery = 20 * time.Millisecond

// recovery is the stage of that name.
func (b *bench) recovery(ctx context.Context) error {
	if err := b.endLog(); err != nil {
		return err
	}
	t, err := b.startTraffic(ctx, "recovery")
	if err != nil {
		return err
	}
	defer t.script.close()
	n := b.sizes.all
	err = b.step("recovery", n, func(step *Step) error {
		if _, _, err := t.follow(ctx, t.script.next, n, step); err != nil {
			return err
		}
		return t.snapshot(ctx)
	})
	if err != nil {
		return err
	}
	t.Kill()
	killed, s, err := b.restarted(ctx, t.server)
	if err != nil {
		return err
	}
	restored, s, err := b.withoutStore(ctx, s)
	if err != nil {
		return err
	}
	rebuilt, s, err := b.withoutStore(ctx, s, "--snapshots", "off")
	if err != nil {
		return err
	}
	b.note(figure("recovery", readyRebuilt, Seconds, rebuilt))
	b.note(figure("recovery", readyRestored, Seconds, restored).compare("rebuilt", rebuilt))
	b.note(figure("recovery", readyKilled, Seconds, killed).compare("rebuilt", rebuilt))
	return s.end()
}

// snapshot has reddot take a snapshot and waits for it.
func (s *server) snapshot(ctx context.Context) error {
	if _, err := s.reddot.Snapshot(ctx); err != nil {
		return err
	}
	for {
		status, err := s.reddot.Status(ctx)
		if err != nil {
			return err
		}
		switch taken := status.Snapshot; {
		case taken == nil:
			return errors.New("no snapshot is being taken")
		case taken.State == events.Failed:
			return fmt.Errorf("take a snapshot: %s", taken.Error)
		case taken.State == events.Done:
			return nil
		}
		select {
		case <-time.After(askEvery):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// restarted starts reddot again on the data of one that has ended, and returns
// after how many seconds it is ready.
func (b *bench) restarted(ctx context.Context, before *server, args ...string) (seconds float64, s *server, err error) {
	before.conn.Close()
	start := time.Now()
	s, err = b.startReddot(ctx, filepath.Base(before.dir), args...)
	return time.Since(start).Seconds(), s, err
}

// withoutStore ends reddot, removes its store and starts it again.
func (b *bench) withoutStore(ctx context.Context, before *server, args ...string) (seconds float64, s *server, err error) {
	if err := before.Stop(); err != nil {
		return 0, nil, err
	}
	if err := os.RemoveAll(filepath.Join(before.dir, "store")); err != nil {
		return 0, nil, err
	}
	return b.restarted(ctx, before, args...)
}
