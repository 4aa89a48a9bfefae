package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"reddot/events"
	"reddot/projector"
	"reddot/snapshot"
)

// pastConfig says of which past state is asked, if of one.
type pastConfig struct {
	snapshotPlace
	at string // a seq or a time; empty: the present
}

func (p *pastConfig) addFlags(cmd *cobra.Command) {
	p.snapshotPlace.addFlags(cmd)
	cmd.Flags().StringVar(&p.at, "at", "", "show the past: the state after the command with this `seq`, or at a time as in 2026-11-23T18:00:00Z")
}

// validate reports a usageError.
func (p *pastConfig) validate(zone *time.Location, afterSeq uint64) error {
	if p.at == "" {
		return nil
	}
	if afterSeq != 0 {
		return usagef("--after-seq is for the present: leave it out, or leave out --at")
	}
	_, _, err := p.parse(zone)
	return err
}

// pastTimes are the ways to write a time; those without a zone are of the
// user's.
var pastTimes = [...]string{time.RFC3339Nano, "2006-01-02T15:04:05.999999999", "2006-01-02T15:04", "2006-01-02 15:04:05", "2006-01-02 15:04", time.DateOnly}

// parse reads the point in the past: a seq, or a time if that is not zero.
func (p *pastConfig) parse(zone *time.Location) (seq events.Seq, at time.Time, err error) {
	if n, err := strconv.ParseUint(p.at, 10, 64); err == nil {
		return events.Seq(n), time.Time{}, nil
	}
	for _, layout := range pastTimes {
		if at, err := time.ParseInLocation(layout, p.at, zone); err == nil {
			return 0, at, nil
		}
	}
	return 0, time.Time{}, usagef("--at %q: use a seq, or a time as in 2026-11-23T18:00:00Z", p.at)
}

// past shows a past state: a scratch store, folded from the nearest snapshot
// before it, or from the log's start.
func (a *app) past(ctx context.Context, c *client, cfg *pastConfig, show func(*projector.View) error) error {
	ctx, unbind := c.bind(ctx)
	defer unbind()
	log, err := a.findLog(ctx, c)
	if err != nil {
		return err
	}
	seq, at, err := cfg.parse(a.zone)
	if err != nil {
		return err
	}
	first, last, err := log.Range(ctx)
	if err != nil {
		return err
	}
	if !at.IsZero() {
		// What the stream took in at that very millisecond belongs to it.
		if seq, err = log.Before(ctx, at.Add(time.Nanosecond)); err != nil {
			return err
		}
	}
	if seq > last {
		return fmt.Errorf("--at %d: the log ends at seq %d", seq, last)
	}
	return a.openPlace(ctx, &cfg.snapshotPlace, c.jetStream, func(repo *snapshot.Repository) error {
		return withScratch(cfg.data, func(dir string) error {
			b := &beginning{repo: repo, id: log.Identity(), first: first, log: a.warnings()}
			return a.showAt(ctx, log, b, filepath.Join(dir, "past"), seq, show)
		})
	})
}

// showAt folds the log up to a seq into a scratch store and shows it.
func (a *app) showAt(ctx context.Context, log *projector.Log, b *beginning, dir string, seq events.Seq, show func(*projector.View) error) (err error) {
	s, err := b.open(ctx, dir, seq)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	from := s.Position().Applied
	s.SetEmitted(seq) // nobody is told
	bar := newBar(a.stderr, "fold", "commands", uint64(seq-from))
	err = log.Build(ctx, s, seq, func(at events.Seq) { bar.set(uint64(at - from)) })
	bar.quit()
	if err != nil {
		if ctx.Err() != nil {
			return ended(ctx)
		}
		return err
	}
	v, err := projector.NewView(s)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, v.Close()) }()
	return show(v)
}

// printJSON prints a reply as the server would send it.
func (a *app) printJSON(reply any) error {
	out, err := json.Marshal(reply)
	if err != nil {
		return fmt.Errorf("encode the reply: %w", err)
	}
	return a.print(string(out) + "\n")
}
