package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"reddot/cmd/reddot/term"
	"reddot/snapshot"
)

func (a *app) snapshotPrune() *cobra.Command {
	var cfg placeConfig
	keep := 3
	cmd := &cobra.Command{
		Use:   "prune",
		Short: "Remove all but the newest snapshots",
		Long: `Remove all but the newest sound snapshots of each stream, and the files that no
other snapshot has. "reddot serve" does that after each one that it takes.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if keep < snapshot.MinKeep {
				return usagef("--keep %d: use %d or more", keep, snapshot.MinKeep)
			}
			return a.withRepository(cmd.Context(), &cfg, func(ctx context.Context, r *snapshot.Repository) error {
				p, err := r.Prune(ctx, snapshot.PruneOptions{Keep: keep})
				if err != nil {
					return err
				}
				text := fmt.Sprintf("%s removed, %d kept, %s bytes freed\n",
					term.Several(uint64(len(p.Removed)), "snapshot"), len(p.Kept), term.Grouped(int64(p.Bytes)))
				if p.Held != "" {
					text += "files are left to the next prune: " + p.Held + "\n"
				}
				return a.print(text)
			})
		},
	}
	cfg.addFlags(cmd)
	cmd.Flags().IntVar(&keep, "keep", keep, "sound `snapshots` of each stream to keep, 2 or more")
	return cmd
}
