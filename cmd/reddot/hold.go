package main

import (
	"context"
	"fmt"
	"time"

	goclient "reddot/api/client"
	"reddot/events"
)

const (
	// holdFor is how long events are held back if this program dies.
	holdFor = 20 * time.Second
	// holdEvery is how often that is asked for again.
	holdEvery = 5 * time.Second
)

// hold has reddot hold changes and receipts back until release is called, which waits
// until reddot has applied what upto names and has them sent: once for all that has
// changed. ctx is bound to the connection.
func (a *app) hold(ctx context.Context, c *client) (release func(upto events.Seq) error, err error) {
	ask := func(ctx context.Context, lasts time.Duration) error {
		_, err := ask(ctx, c, 0, func(ctx context.Context, opts ...goclient.QueryOption) (events.HoldReply, error) {
			return c.reddot.Hold(ctx, lasts, opts...)
		})
		return err
	}
	if err := ask(ctx, holdFor); err != nil {
		return nil, fmt.Errorf("--hold: %w", err)
	}
	holding, end := context.WithCancel(ctx)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		ticker := time.NewTicker(holdEvery)
		defer ticker.Stop()
		for {
			select {
			case <-holding.Done():
				return
			case <-ticker.C:
				if err := ask(holding, holdFor); err != nil && holding.Err() == nil {
					a.warnings().Warn("events may come meanwhile: they could not be held back any longer", "error", err)
				}
			}
		}
	}()
	return func(upto events.Seq) error {
		var late error
		if upto > 0 {
			late = waitApplied(ctx, c, upto)
		}
		end()
		<-ended
		// An interrupt does not keep them back.
		if err := ask(context.WithoutCancel(ctx), 0); err != nil {
			return fmt.Errorf("events are held back for up to %v more: %w", holdFor, err)
		}
		return late
	}, nil
}
