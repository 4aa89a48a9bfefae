package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"reddot/cmd/reddot/term"
	"reddot/events"
	"reddot/snapshot"
)

// completionTimeout bounds what the shell waits for.
const completionTimeout = 2 * time.Second

// flagWords are the values of flags of which there are a few.
func flagWords() map[string][]string {
	return map[string][]string{
		"kind": {"c2c", "group"}, "own-message": {"keep", "advance"}, "threads": {"in", "apart"}, "group-receipts": {"off", "sender", "members"}, "event-encoding": {"msgpack", "json"},
		"log-level": {"debug", "info", "warn", "error"}, "log-format": {"text", "json"}, "sync": {"always", "1s"},
		"role": {"backend", "viewer", "operator", "metrics"},
	}
}

// complete has the shell complete the flags and arguments of a command and of
// those below it.
func (a *app) complete(cmd *cobra.Command) {
	for _, c := range cmd.Commands() {
		a.complete(c)
	}
	words := flagWords()
	cmd.Flags().VisitAll(func(f *pflag.Flag) {
		switch {
		case words[f.Name] != nil && f.Value.Type() != "bool":
			completed(cmd, f.Name, cobra.FixedCompletions(words[f.Name], cobra.ShellCompDirectiveNoFileComp))
		case f.Name == "data":
			completed(cmd, f.Name, cobra.FixedCompletions(nil, cobra.ShellCompDirectiveFilterDirs))
		case f.Name == "against":
			completed(cmd, f.Name, a.completeSnapshot)
		}
	})
	switch _, path, _ := strings.Cut(cmd.CommandPath(), " "); path {
	case "import", "compare":
		cmd.ValidArgsFunction = cobra.FixedCompletions([]string{"csv", "jsonl", "gz"}, cobra.ShellCompDirectiveFilterFileExt)
	case "publish", "export":
		cmd.ValidArgsFunction = cobra.FixedCompletions([]string{"jsonl", "jsonl.gz", "gz"}, cobra.ShellCompDirectiveFilterFileExt)
	case "snapshot restore", "snapshot verify", "snapshot remove":
		cmd.ValidArgsFunction = a.completeSnapshot
	default:
		if cmd.Runnable() && !cmd.HasSubCommands() && cmd.ValidArgs == nil {
			cmd.ValidArgsFunction = cobra.NoFileCompletions // ids, which nobody can list
		}
	}
}

func completed(cmd *cobra.Command, flag string, by cobra.CompletionFunc) {
	if err := cmd.RegisterFlagCompletionFunc(flag, by); err != nil {
		panic(fmt.Sprintf("completion of --%s: %v", flag, err)) // it is completed already
	}
}

// completeSnapshot lists the snapshots where the command line says that they
// are.
func (a *app) completeSnapshot(cmd *cobra.Command, args []string, _ string) ([]cobra.Completion, cobra.ShellCompDirective) {
	var cfg placeConfig
	same := &cobra.Command{}
	cfg.addFlags(same)
	cmd.Flags().Visit(func(f *pflag.Flag) {
		if same.Flags().Lookup(f.Name) != nil {
			_ = same.Flags().Set(f.Name, f.Value.String()) // it was accepted once
		}
	})
	if cfg.Data == "" {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	ctx, cancel := context.WithTimeout(cmd.Context(), completionTimeout)
	defer cancel()
	var seqs []cobra.Completion
	// Nobody reads an error here.
	_ = a.withRepository(ctx, &cfg, func(ctx context.Context, r *snapshot.Repository) error {
		entries, err := r.List(ctx)
		for _, e := range entries {
			if e.Err == nil {
				seqs = append(seqs, cobra.CompletionWithDesc(term.Number(e.Seq), "taken at "+term.Clock(events.Time(e.Manifest.Taken.UnixMilli()), a.zone)))
			}
		}
		return err
	})
	return seqs, cobra.ShellCompDirectiveNoFileComp | cobra.ShellCompDirectiveKeepOrder
}
