package main

import (
	"github.com/spf13/cobra"
)

func (a *app) snapshotCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "snapshot",
		GroupID: groupProof,
		Short:   "Take, list, verify, restore and prune snapshots",
		Long: `A snapshot is the whole state at one command: the files of the store, with a
manifest that has their SHA-256, the seq and the digest. Snapshots lie in a
directory or in a NATS object store bucket; only what earlier ones lack is
written, so several of them may share a file. "reddot serve" takes them by
itself, too.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(a.snapshotCreate(), a.snapshotList(), a.snapshotVerify(), a.snapshotRestore(), a.snapshotPrune(), a.snapshotRemove())
	return cmd
}
