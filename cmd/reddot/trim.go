package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"reddot/cmd/reddot/repository"
	"reddot/cmd/reddot/term"
	"reddot/events"
	"reddot/projector/log"
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
			if err := cfg.validate(); err != nil {
				return err
			}
			return a.withBound(cmd.Context(), &cfg.clientConfig, "trim", func(ctx context.Context, c *client) error {
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
	bound, err := a.trimBound(ctx, c, cfg, log)
	if err != nil {
		return err
	}
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
		return a.print(fmt.Sprintf("%s could be removed, seq %d to %d\n", term.Several(uint64(bound-first+1), "command"), first, bound))
	}
	if err := log.Trim(ctx, bound); err != nil {
		return err
	}
	return a.print(fmt.Sprintf("%s removed; the log begins at seq %d\n", term.Several(uint64(bound-first+1), "command"), bound+1))
}

// trimBound is the seq up to which commands may be removed.
func (a *app) trimBound(ctx context.Context, c *client, cfg *trimConfig, log *log.Log) (bound events.Seq, err error) {
	status, err := ask(ctx, c, 0, c.reddot.Status)
	if err != nil {
		return 0, err
	}
	err = a.openPlace(ctx, &cfg.Place, c.jetStream, func(r *snapshot.Repository) error {
		if err := repository.Recognise(ctx, log, r); err != nil {
			return err
		}
		bar := term.StartBar(a.stderr, "bytes read", 0)
		defer bar.Finish(false)
		bound, err = r.TrimBound(ctx, log.Identity(), readProgress(bar))
		return err
	})
	if errors.Is(err, snapshot.ErrTooFew) {
		err = fmt.Errorf("%w: %w", err, repository.ErrNothing)
	}
	return min(bound, status.Emitted), err // events of what comes later are still to be emitted
}
