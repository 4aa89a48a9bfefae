package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	goclient "reddot/api/client"
	"reddot/cmd/reddot/asof"
	"reddot/cmd/reddot/repository"
	"reddot/events"
	"reddot/projector/log"
)

// verifyConfig is the command line of verify.
type verifyConfig struct {
	placeConfig
	against string
	skip    seqs
}

func (a *app) verifyCommand() *cobra.Command {
	var cfg verifyConfig
	cmd := &cobra.Command{
		Use:     "verify",
		GroupID: groupProof,
		Short:   "Fold the log again and compare",
		Long: `Fold the log again into a scratch store and compare its digest with the server's
at the same command: with a snapshot that the server takes for it, or with an
older one. If they differ, the first rows that differ are named and the exit
code is 1. The folding is done by this command, not by the server.

The log is folded from its start; one that was trimmed, from the oldest snapshot
from which it goes on.`,
		Example: `  reddot verify

  # is the snapshot of seq 1200000 what the log says?
  reddot verify --against 1200000`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := cfg.validate(); err != nil {
				return err
			}
			return a.withBound(cmd.Context(), &cfg.clientConfig, "verify", func(ctx context.Context, c *client) error {
				return a.verify(ctx, c, &cfg)
			})
		},
	}
	cfg.placeConfig.addFlags(cmd)
	cfg.skip.addSkip(cmd.Flags())
	cmd.Flags().StringVar(&cfg.against, "against", "", "compare with this snapshot, a `seq` or an id of \"reddot snapshot list\", instead of one taken now")
	return cmd
}

// verification is one run of verify.
type verification struct {
	*app
	from *asof.Source
	dir  string // for scratch stores

	// What is verified: the state at a seq, of which there is a snapshot unless
	// they are off.
	seq    events.Seq
	digest events.Digest
}

func (a *app) verify(ctx context.Context, c *client, cfg *verifyConfig) error {
	log, err := a.findLog(ctx, c)
	if err != nil {
		return err
	}
	log.Skip(cfg.skip...)
	return cfg.Data.WithScratch(func(dir string) error {
		v := &verification{app: a, dir: dir, from: a.pastOf(log)}
		v.from.Oldest = true
		if cfg.against == "" {
			if err := v.now(ctx, c); err != nil {
				return err
			}
			// What the server passed over it passes over for good.
			status, err := ask(ctx, c, 0, c.reddot.Status)
			if err != nil {
				return err
			}
			log.Passed(status.Skipped...)
		}
		storage, err := cfg.Find(ctx, c.jetStream)
		if err == nil {
			v.from.Snapshots, err = repository.Open(ctx, storage, dir, version(), a.warnings())
		}
		if err == nil {
			err = repository.Recognise(ctx, log, v.from.Snapshots)
		}
		if err != nil && (cfg.against != "" || !errors.Is(err, repository.ErrNothing)) {
			return err
		}
		if cfg.against != "" {
			if err := v.then(ctx, cfg.against); err != nil {
				return err
			}
		}
		return v.run(ctx)
	})
}

// now has the server take a snapshot of its state, for which it reads every row.
// One that takes none has its digest in the status.
func (v *verification) now(ctx context.Context, c *client) error {
	taken, err := v.takeSnapshot(ctx, c)
	if e, ok := errors.AsType[*goclient.QueryError](err); ok && e.Code == events.ErrBadRequest {
		fmt.Fprintf(v.stderr, "only the digest is compared, rows are not read: %s\n", e.Message)
		status, err := ask(ctx, c, 0, c.reddot.Status)
		v.seq, v.digest = status.Applied, status.Digest
		return err
	}
	v.seq, v.digest = taken.Seq, taken.Digest
	return err
}

// then takes an earlier snapshot.
func (v *verification) then(ctx context.Context, which string) error {
	e, err := v.from.Snapshots.Find(ctx, which)
	if err == nil {
		err = e.Err
	}
	if err != nil {
		return err
	}
	if log := v.from.Log.Identity(); !e.Manifest.Stream.Equal(log) {
		return fmt.Errorf("snapshot %s is of another log than the server's (%s, not %s)", e.ID, e.Manifest.Stream, log)
	}
	v.seq, v.digest = e.Seq, e.Manifest.Digest
	return nil
}

// run folds the log up to the seq and compares.
func (v *verification) run(ctx context.Context) error {
	c, err := v.from.Compare(ctx, v.dir, v.seq, v.digest)
	if err != nil {
		return err
	}
	if c.Digest == v.digest {
		text := fmt.Sprintf("verified: the state at seq %d is what the log says from seq %d on, digest %s\n", v.seq, c.First, c.Digest)
		if len(c.Skipped) > 0 {
			text += fmt.Sprintf("passed over, as nobody could read it: seq %s\n", seqList(c.Skipped))
		}
		return v.print(text)
	}
	if errors.Is(c.RowsErr, log.ErrNotWhole) {
		return c.RowsErr
	}
	differs := fmt.Sprintf("the state at seq %d has digest %s, the log says %s", v.seq, v.digest, c.Digest)
	if c.RowsErr != nil {
		return fmt.Errorf("%s; the rows can't be compared: %w", differs, c.RowsErr)
	}
	for _, d := range c.Rows {
		if err := v.print(fmt.Sprintf("%s\n  is:     %s\n  should: %s\n", d.Row, d.A, d.B)); err != nil {
			return err
		}
	}
	return fmt.Errorf(`%s: have it built anew with "reddot rebuild", and take away the snapshots that are wrong with "reddot snapshot remove"`, differs)
}
