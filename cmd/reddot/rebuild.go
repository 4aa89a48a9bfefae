package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"reddot/cmd/reddot/term"
	"reddot/events"
)

func (a *app) rebuildCommand() *cobra.Command {
	var cfg clientConfig
	cmd := &cobra.Command{
		Use:     "rebuild",
		GroupID: groupProof,
		Short:   "Have the server build its store anew from the log",
		Long: `Have the server build a new store from the log, beside the one in use, which
goes on answering. When the new one has caught up it takes the old one's place;
no event is lost or told twice. Interrupting this command does not stop it:
"reddot status" shows how far it is.

A server that finds its store missing, damaged or of an older format builds it
by itself.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := cfg.validate(); err != nil {
				return err
			}
			return a.withBound(cmd.Context(), &cfg, "rebuild", a.rebuild)
		},
	}
	cfg.addFlags(cmd)
	return cmd
}

func (a *app) rebuild(ctx context.Context, c *client) error {
	begun, err := ask(ctx, c, 0, c.reddot.Rebuild)
	if err != nil {
		return err
	}
	bar := term.StartBar(a.stderr, "commands folded", 0)
	var last *events.Rebuild
	err = follow(ctx, c, func(s events.Status) (known, ended bool) {
		if s.Rebuild == nil || s.Rebuild.Run != begun.Run {
			return false, false
		}
		last = s.Rebuild
		bar.SetTotal(uint64(last.Target - last.From))
		bar.Set(uint64(max(last.Applied, last.From) - last.From))
		return true, last.State != events.Running
	})
	bar.Finish(err == nil && last.State == events.Done)
	switch {
	case err != nil:
		return err
	case last.State == events.Failed:
		return fmt.Errorf("the server could not build a new store, the one in use stays: %s", last.Error)
	}
	return a.printRebuilt(last)
}

func (a *app) printRebuilt(r *events.Rebuild) error {
	text := fmt.Sprintf("the new store is in use since seq %d", r.Target)
	if r.Differed {
		text += "; the old one was not what the log says"
	}
	return a.print(text + "\n")
}
