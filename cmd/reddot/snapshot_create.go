package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"reddot/cmd/reddot/term"
	"reddot/events"
)

func (a *app) snapshotCreate() *cobra.Command {
	var cfg clientConfig
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "create",
		Short: "Have the server take a snapshot now",
		Long: `Have the server take a snapshot now. Folding and queries go on meanwhile. Every
row is read and the digest counted again before the snapshot is published, so
that none is ever taken of a damaged store.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := cfg.validate(); err != nil {
				return err
			}
			return a.withBound(cmd.Context(), &cfg, "snapshot", func(ctx context.Context, c *client) error {
				s, err := a.takeSnapshot(ctx, c)
				if err != nil {
					return err
				}
				return a.printSnapshot(s, asJSON)
			})
		},
	}
	cfg.addFlags(cmd)
	cmd.Flags().BoolVar(&asJSON, "json", false, "print the result as JSON")
	return cmd
}

func (a *app) printSnapshot(s events.Snapshot, asJSON bool) error {
	if asJSON {
		return a.printJSON(s)
	}
	return a.print(fmt.Sprintf("snapshot of seq %d, digest %s, %s bytes, %s of them new\n",
		s.Seq, s.Digest, term.Grouped(int64(s.Bytes)), term.Grouped(int64(s.NewBytes))))
}

// takeSnapshot has the server take a snapshot and waits for it.
func (a *app) takeSnapshot(ctx context.Context, c *client) (events.Snapshot, error) {
	begun, err := ask(ctx, c, 0, c.reddot.Snapshot)
	if err != nil {
		return begun, err
	}
	bar := term.StartBar(a.stderr, "bytes stored", 0)
	var last *events.Snapshot
	err = follow(ctx, c, func(s events.Status) (known, ended bool) {
		if s.Snapshot == nil || s.Snapshot.Run != begun.Run {
			return false, false
		}
		if last = s.Snapshot; last.State == events.Running {
			bar.Set(last.Done)
			return true, false
		}
		return true, true
	})
	bar.Finish(false)
	switch {
	case err != nil:
		return begun, err
	case last.State == events.Failed:
		return begun, fmt.Errorf("the server could not take a snapshot: %s", last.Error)
	}
	return *last, nil
}
