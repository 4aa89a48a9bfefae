package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"reddot/events"
	"reddot/snapshot"
)

// trimConfig is the command line of trim.
type trimConfig struct {
	placeConfig
	upto   uint64
	dryRun bool
}

func (a *app) trimCommand() *cobra.Command {
	var cfg trimConfig
	cmd := &cobra.Command{
		Use:     "trim",
		GroupID: groupProof,
		Short:   "Remove old commands from the log, for ever",
		Long: `Remove the commands that the older of the two newest sound snapshots has from
the log. Both are verified first, every file and every row. What is removed is
gone: the log can then only be folded again from a snapshot, so keep those.

By itself "reddot serve" never trims, unless it is told to with --trim.`,
		Example: `  # what could be removed?
  reddot trim --dry-run

  reddot trim`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := cfg.clientConfig.validate(); err != nil {
				return err
			}
			return a.withClient(cmd.Context(), &cfg.clientConfig, "trim", func(c *client) error {
				ctx, unbind := c.bind(cmd.Context())
				defer unbind()
				return a.trim(ctx, c, &cfg)
			})
		},
	}
	cfg.placeConfig.addFlags(cmd)
	cmd.Flags().Uint64Var(&cfg.upto, "upto", 0, "remove the commands up to this `seq` only")
	cmd.Flags().BoolVar(&cfg.dryRun, "dry-run", false, "say what would be removed, and remove nothing")
	return cmd
}

func (a *app) trim(ctx context.Context, c *client, cfg *trimConfig) error {
	log, err := a.findLog(ctx, c)
	if err != nil {
		return err
	}
	status, _, err := ask[events.Status](ctx, c, c.subjects.Status(), query{})
	if err != nil {
		return err
	}
	bound := events.Seq(0)
	err = a.openPlace(ctx, &cfg.snapshotPlace, c.jetStream, func(r *snapshot.Repository) error {
		bar := newBar(a.stderr, "verify two snapshots", "bytes", 0)
		defer bar.quit()
		bound, err = r.TrimBound(ctx, streamOf(log.Identity()), func(p snapshot.Progress) {
			if p.Step == snapshot.StepRead {
				bar.total(p.Total)
				bar.set(p.Done)
			}
		})
		return err
	})
	if err != nil {
		return err
	}
	bound = min(bound, status.Emitted) // events are still to be told of what comes later
	if want := events.Seq(cfg.upto); want > bound {
		return fmt.Errorf("only commands up to seq %d may be removed: the two newest snapshots have those, and their events are stored", bound)
	} else if want > 0 {
		bound = want
	}
	first, _, err := log.Range(ctx)
	switch {
	case err != nil:
		return err
	case first > bound:
		return a.print(fmt.Sprintf("nothing to remove: the log begins at seq %d\n", first))
	case cfg.dryRun:
		return a.print(fmt.Sprintf("%s could be removed, seq %d to %d\n", several(uint64(bound-first+1), "command"), first, bound))
	}
	if err := log.Trim(ctx, bound); err != nil {
		return err
	}
	return a.print(fmt.Sprintf("%s removed; the log begins at seq %d\n", several(uint64(bound-first+1), "command"), bound+1))
}
