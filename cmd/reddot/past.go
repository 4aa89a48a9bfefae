package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"reddot/cmd/reddot/asof"
	"reddot/cmd/reddot/repository"
	"reddot/cmd/reddot/term"
	"reddot/events"
	"reddot/projector"
	"reddot/projector/log"
	"reddot/snapshot"
)

// pastConfig says of which past state is asked, if of one.
type pastConfig struct {
	repository.Place
	when string // a seq or a time; empty: the present
	skip seqs
}

func (p *pastConfig) addFlags(cmd *cobra.Command) {
	p.Place.AddFlags(cmd.Flags())
	p.skip.addSkip(cmd.Flags())
	cmd.Flags().StringVar(&p.when, "at", "", "show the past: the state after the command with this `seq`, or at a time as in 2026-11-23T18:00:00Z")
}

// validate reports a usageError.
func (p *pastConfig) validate(zone *time.Location, afterSeq uint64) error {
	if p.when == "" {
		return nil
	}
	if afterSeq != 0 {
		return usagef("--after-seq is for the present: leave it out, or leave out --at")
	}
	if _, err := p.parse(zone); err != nil {
		return err
	}
	return wrongUsage(p.Place.Validate())
}

// pastTimes are the ways to write a time; those without a zone are of the
// user's.
var pastTimes = [...]string{time.RFC3339Nano, "2006-01-02T15:04:05.999999999", "2006-01-02T15:04", "2006-01-02 15:04:05", "2006-01-02 15:04", time.DateOnly}

// parse reads the point in the past.
func (p *pastConfig) parse(zone *time.Location) (asof.Point, error) {
	point := asof.Point{Text: p.when, Named: "--at"}
	if n, err := strconv.ParseUint(p.when, 10, 64); err == nil {
		point.Seq = events.Seq(n)
		return point, nil
	}
	at, ok := parseTime(p.when, zone)
	if !ok {
		return point, usagef("--at %q: use a seq, or a time as in 2026-11-23T18:00:00Z", p.when)
	}
	if at.Year() < 1970 || at.Year() > 2261 { // the log counts nanoseconds since 1970
		return point, usagef("--at %q: use a time from 1970 to 2261", p.when)
	}
	point.At = at
	return point, nil
}

// past shows a past state: a scratch store, folded from the nearest snapshot
// before it, or from the log's start.
func (a *app) past(ctx context.Context, c *client, cfg *pastConfig, show func(*projector.View) error) error {
	log, err := a.findLog(ctx, c)
	if err != nil {
		return err
	}
	log.Skip(cfg.skip...)
	return cfg.Data.WithScratch(func(dir string) (err error) {
		from := a.pastOf(log)
		if from.Snapshots, err = a.pastSnapshots(ctx, c, cfg, dir); err == nil && from.Snapshots != nil {
			err = repository.Recognise(ctx, log, from.Snapshots)
		}
		if err != nil {
			return err
		}
		point, err := cfg.parse(a.zone)
		if err != nil {
			return err
		}
		seq, err := from.Resolve(ctx, point)
		if err != nil {
			return err
		}
		return from.View(ctx, filepath.Join(dir, "past"), seq, func(v *projector.View) error {
			if err := a.sayWhen(ctx, log, seq); err != nil {
				return err
			}
			return show(v)
		})
	})
}

// pastOf is what past states of a log are derived from, with a bar while it is folded.
func (a *app) pastOf(l *log.Log) *asof.Source {
	return &asof.Source{Log: l, Logger: a.warnings(), Watch: func(commands uint64) asof.Progress {
		return term.StartBar(a.stderr, "commands folded", commands)
	}}
}

// pastSnapshots opens the snapshots; nil if there are none where they are by
// default, or they are turned off.
func (a *app) pastSnapshots(ctx context.Context, c *client, cfg *pastConfig, dir string) (*snapshot.Repository, error) {
	if cfg.At == repository.Off {
		return nil, nil
	}
	storage, err := cfg.Find(ctx, c.jetStream)
	if errors.Is(err, repository.ErrNothing) && cfg.At == "" {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return repository.Open(ctx, storage, dir, version(), a.warnings())
}

// sayWhen says which state is shown.
func (a *app) sayWhen(ctx context.Context, log *log.Log, seq events.Seq) error {
	at, err := log.TimeOf(ctx, seq)
	if err != nil {
		return err
	}
	text := fmt.Sprintf("the state after command %d", seq)
	if seq == 0 {
		text = "the state before the first command"
	}
	if !at.IsZero() {
		text += ", taken in at " + term.Clock(events.Time(at.UnixMilli()), a.zone)
	}
	_, err = fmt.Fprintln(a.stderr, text)
	return err
}
