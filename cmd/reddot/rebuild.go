package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"reddot/cmd/reddot/term"
	"reddot/events"
)

// taskEvery is how often a client looks how far a task of the server is.
const taskEvery = 100 * time.Millisecond

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
	begun, _, err := ask[events.Rebuild](ctx, c, c.subjects.Rebuild(), query{})
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

// errRestarted says that nobody knows of a run any more.
var errRestarted = errors.New("the server has started again meanwhile: see its log, and ask once more")

// follow asks for the status until look says that a run has ended. Where a
// server begins anew with another store it has none for a moment; where there
// are several servers, those that don't know of the run may answer, too.
func follow(ctx context.Context, c *client, look func(events.Status) (known, ended bool)) error {
	for patience := time.Now().Add(c.timeout); ; {
		s, _, err := ask[events.Status](ctx, c, c.subjects.Status(), query{})
		late := time.Now().After(patience)
		if e, ok := errors.AsType[*serviceError](err); err != nil && (!ok || e.Code != codeUnavailable || late) {
			return err
		}
		if err == nil {
			known, ended := look(s)
			switch {
			case ended:
				return nil
			case known:
				patience = time.Now().Add(c.timeout)
			case late:
				return errRestarted
			}
		}
		if err := pause(ctx, taskEvery); err != nil {
			return err
		}
	}
}
