package main

import (
	"context"

	"github.com/spf13/cobra"

	"reddot/snapshot"
)

func (a *app) snapshotRemove() *cobra.Command {
	var cfg placeConfig
	cmd := &cobra.Command{
		Use:   "remove SEQ|ID ...",
		Short: "Remove snapshots, whatever their state",
		Long: `Remove snapshots, whatever their state: such as are damaged, or not what the log
says. Their files go with the next prune.`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.withRepository(cmd.Context(), &cfg, func(ctx context.Context, r *snapshot.Repository) error {
				ids, err := named(ctx, r, args)
				if err != nil {
					return err
				}
				for _, id := range ids {
					if err := r.Remove(ctx, id); err != nil {
						return err
					}
					if err := a.print(id + ": removed\n"); err != nil {
						return err
					}
				}
				return nil
			})
		},
	}
	cfg.addFlags(cmd)
	return cmd
}
