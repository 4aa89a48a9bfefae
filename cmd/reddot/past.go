package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"reddot/cmd/reddot/datadir"
	"reddot/cmd/reddot/term"
	"reddot/events"
	"reddot/projector"
	"reddot/projector/log"
	"reddot/snapshot"
)

// pastConfig says of which past state is asked, if of one.
type pastConfig struct {
	snapshotPlace
	when string // a seq or a time; empty: the present
	skip seqs
}

func (p *pastConfig) addFlags(cmd *cobra.Command) {
	p.snapshotPlace.addFlags(cmd)
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
	if _, _, err := p.parse(zone); err != nil {
		return err
	}
	return p.snapshotPlace.validate()
}

// pastTimes are the ways to write a time; those without a zone are of the
// user's.
var pastTimes = [...]string{time.RFC3339Nano, "2006-01-02T15:04:05.999999999", "2006-01-02T15:04", "2006-01-02 15:04:05", "2006-01-02 15:04", time.DateOnly}

// parse reads the point in the past: a seq, or a time if that is not zero.
func (p *pastConfig) parse(zone *time.Location) (seq events.Seq, at time.Time, err error) {
	if n, err := strconv.ParseUint(p.when, 10, 64); err == nil {
		return events.Seq(n), time.Time{}, nil
	}
	if at, ok := parseTime(p.when, zone); ok {
		if at.Year() < 1970 || at.Year() > 2261 { // the log counts nanoseconds since 1970
			return 0, at, usagef("--at %q: use a time from 1970 to 2261", p.when)
		}
		return 0, at, nil
	}
	return 0, time.Time{}, usagef("--at %q: use a seq, or a time as in 2026-11-23T18:00:00Z", p.when)
}

// past shows a past state: a scratch store, folded from the nearest snapshot
// before it, or from the log's start.
func (a *app) past(ctx context.Context, c *client, cfg *pastConfig, show func(*projector.View) error) error {
	ctx, unbind := c.Bind(ctx)
	defer unbind()
	err := a.viewPast(ctx, c, cfg, show)
	if err != nil && ctx.Err() != nil {
		return ended(ctx)
	}
	return err
}

func (a *app) viewPast(ctx context.Context, c *client, cfg *pastConfig, show func(*projector.View) error) error {
	log, err := a.findLog(ctx, c)
	if err != nil {
		return err
	}
	log.Skip(cfg.skip...)
	return datadir.Dir(cfg.data).WithScratch(func(dir string) (err error) {
		b := &beginning{log: log, warn: a.warnings()}
		if b.repo, err = a.pastSnapshots(ctx, c, cfg, dir); err == nil && b.repo != nil {
			err = recognise(ctx, log, b.repo)
		}
		if err != nil {
			return err
		}
		seq, err := cfg.resolve(ctx, b, a.zone)
		if err != nil {
			return err
		}
		s, _, err := b.fold(ctx, filepath.Join(dir, "past"), seq, a.stderr)
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, s.Close()) }()
		if err := a.sayWhen(ctx, log, seq); err != nil {
			return err
		}
		v, err := projector.NewView(s)
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, v.Close()) }()
		return show(v)
	})
}

// pastSnapshots opens the snapshots; nil if there are none where they are by
// default, or they are turned off.
func (a *app) pastSnapshots(ctx context.Context, c *client, cfg *pastConfig, dir string) (*snapshot.Repository, error) {
	if cfg.at == noSnapshots {
		return nil, nil
	}
	storage, err := cfg.found(ctx, c.jetStream)
	if errors.Is(err, errNoPlace) && cfg.at == "" {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return openRepository(ctx, storage, dir, a.warnings())
}

// resolve finds the seq that is meant.
func (p *pastConfig) resolve(ctx context.Context, b *beginning, zone *time.Location) (events.Seq, error) {
	seq, at, err := p.parse(zone)
	if err != nil {
		return 0, err
	}
	first, last, err := b.log.Range(ctx)
	switch {
	case err != nil:
		return 0, err
	case at.IsZero() && seq > last:
		return 0, fmt.Errorf("--at %d: the log ends at seq %d", seq, last)
	case at.IsZero():
		return seq, nil
	}
	// What the stream took in at that very moment belongs to it.
	seq, err = b.log.Before(ctx, at.Add(time.Nanosecond))
	if err != nil || first == 1 || seq >= first {
		return seq, err
	}
	if known, err := b.knownAt(ctx, seq, at); err != nil || known {
		return seq, err
	}
	return 0, fmt.Errorf("--at %s: that is before seq %d, at which the log begins now: ask for the seq of a snapshot", p.when, first)
}

// knownAt reports whether the last command that was trimmed, with a seq, had
// been taken in at a time already, as a snapshot tells.
func (b *beginning) knownAt(ctx context.Context, seq events.Seq, at time.Time) (bool, error) {
	if b.repo == nil {
		return false, nil
	}
	entries, err := b.repo.List(ctx)
	if err != nil {
		return false, err
	}
	return slices.ContainsFunc(entries, func(e snapshot.Entry) bool {
		return e.Err == nil && e.Seq == seq && e.Manifest.Stream.Equal(b.log.Identity()) &&
			!e.Manifest.LogTime.IsZero() && !e.Manifest.LogTime.After(at)
	}), nil
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
