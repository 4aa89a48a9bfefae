package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"time"

	goclient "reddot/api/client"
	"reddot/events"
)

const (
	// waitRound is how long one status query waits, so that what --wait shows is
	// never much older.
	waitRound = 500 * time.Millisecond
	// waitPatience is for how many times --timeout there may be no progress before
	// --wait gives up.
	waitPatience = 6
)

// taskEvery is how often a client looks how far a task of the server is.
const taskEvery = 100 * time.Millisecond

// waitEmitted waits until a command is applied and its events are stored, as
// long as that comes nearer.
func waitEmitted(ctx context.Context, c *client, seq events.Seq, progress func(events.Status)) error {
	return waitFor(ctx, c, progress, func(ctx context.Context, round time.Duration) error {
		_, err := askWithin(ctx, c, seq, round, c.reddot.Status)
		return err
	})
}

// waitApplied waits until a command is applied, as long as that comes nearer.
func waitApplied(ctx context.Context, c *client, seq events.Seq) error {
	// A query waits before it looks at the user, so any will do.
	anyone := c.reddot.User("_" + rand.Text())
	return waitFor(ctx, c, func(events.Status) {}, func(ctx context.Context, round time.Duration) error {
		_, err := askWithin(ctx, c, seq, round, func(ctx context.Context, opts ...goclient.QueryOption) (events.TotalsReply, error) {
			return anyone.Totals(ctx, events.TotalsRequest{}, opts...)
		})
		return err
	})
}

// waitFor asks until the answer comes in time, as long as reddot goes forward.
func waitFor(ctx context.Context, c *client, progress func(events.Status), asked func(context.Context, time.Duration) error) error {
	round := min(waitRound, c.timeout)
	patience := int(waitPatience * c.timeout / round) // in rounds
	var applied, emitted events.Seq
	for idle := 0; ; idle++ {
		err := asked(ctx, round)
		if _, absent := errors.AsType[*goclient.AbsentError](err); absent && idle < waitPatience {
			// It may be on its way back to a server that was away.
			if err := pause(ctx, c.timeout/waitPatience); err != nil {
				return err
			}
			continue
		}
		if !hasCode(err, events.ErrNotApplied) {
			return err
		}
		s, err := ask(ctx, c, 0, c.reddot.Status)
		if err != nil {
			return err
		}
		progress(s)
		switch {
		case s.State == "stopped":
			return fmt.Errorf("it stopped at command %d: %s", s.Applied, s.Error)
		case s.Applied > applied || s.Emitted > emitted:
			applied, emitted, idle = s.Applied, s.Emitted, 0
		case idle >= patience:
			return fmt.Errorf(`it stands at command %d (events of %d): see "reddot status"`, s.Applied, s.Emitted)
		}
	}
}

// pause waits, unless ctx ends first.
func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return ended(ctx)
	}
}

// errRestarted says that nobody knows of a run any more.
var errRestarted = errors.New("the server has started again meanwhile: see its log, and ask once more")

// follow asks for the status until look says that a run has ended. Where a
// server begins again with another store it has none for a moment; where there
// are several servers, those that don't know of the run may answer, too.
func follow(ctx context.Context, c *client, look func(events.Status) (known, ended bool)) error {
	for patience := time.Now().Add(c.timeout); ; {
		s, err := ask(ctx, c, 0, c.reddot.Status)
		late := time.Now().After(patience)
		if err != nil && (late || !hasCode(err, events.ErrUnavailable)) {
			return err
		}
		if err == nil {
			known, ended := look(s)
			switch {
			case ended:
				return nil
			case known:
				patience = time.Now().Add(c.timeout)
			case late:
				return errRestarted
			}
		}
		if err := pause(ctx, taskEvery); err != nil {
			return err
		}
	}
}
