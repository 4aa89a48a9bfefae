package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"reddot/cmd/reddot/repository"
	"reddot/cmd/reddot/term"
	"reddot/snapshot"
)

func (a *app) snapshotVerify() *cobra.Command {
	var cfg placeConfig
	var opts snapshot.VerifyOptions
	cmd := &cobra.Command{
		Use:   "verify [SEQ|ID ...]",
		Short: "Read snapshots and check every byte and every row",
		Long: `Read snapshots, all of them if none is named: every file is hashed, every row
is read and the digest counted again. What is damaged or missing is named. Exit
code 1 if anything is. "reddot verify --against" also folds the log to compare.

Snapshots share the files that they have in common, so one damaged file may be
in several. With --repair what is proven damaged is removed; the next snapshot
then stores it anew, if the server's store still has that file, which mends the
others too.`,
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.withRepository(cmd.Context(), &cfg, func(ctx context.Context, r *snapshot.Repository) error {
				return a.verifySnapshots(ctx, r, args, opts)
			})
		},
	}
	cfg.addFlags(cmd)
	cmd.Flags().BoolVar(&opts.Repair, "repair", false, "remove files that are damaged, so that the next snapshot stores them anew")
	return cmd
}

func (a *app) verifySnapshots(ctx context.Context, r *snapshot.Repository, which []string, opts snapshot.VerifyOptions) error {
	ids, err := named(ctx, r, which)
	if err != nil {
		return err
	}
	if len(which) == 0 {
		entries, err := r.List(ctx)
		if err != nil {
			return err
		}
		for _, e := range entries {
			ids = append(ids, e.ID)
		}
		if len(ids) == 0 {
			return fmt.Errorf("there are no snapshots to verify: %w", repository.ErrNothing)
		}
	}
	bad := int64(0)
	for _, id := range ids {
		bar := term.StartBar(a.stderr, "bytes read", 0)
		m, err := r.Verify(ctx, id, opts, readProgress(bar))
		bar.Finish(false)
		text := ""
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case err != nil:
			bad++
			text = strings.TrimPrefix(term.OneLine(err), "snapshot "+id+" is ")
		default:
			text = "sound, digest " + m.Digest.String()
		}
		if err := a.print(fmt.Sprintf("%s: %s\n", id, text)); err != nil {
			return err
		}
	}
	switch {
	case bad == 0:
		return nil
	case opts.Repair:
		return fmt.Errorf(`%s of %d not sound: what is damaged was removed; "reddot snapshot create" stores it anew if the server still has it`, term.Several(bad, "snapshot"), len(ids))
	}
	return fmt.Errorf(`%s of %d not sound: remove what is damaged with --repair, then store it anew with "reddot snapshot create"`, term.Several(bad, "snapshot"), len(ids))
}
