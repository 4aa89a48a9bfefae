package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	goclient "reddot/api/client"
	"reddot/cmd/reddot/natsconn"
	"reddot/cmd/reddot/term"
)

// watchLastLine is how long the end waits for a line that is being written: who
// reads it may have stopped reading.
const watchLastLine = time.Second

// watchConfig is the command line of watch.
type watchConfig struct {
	clientConfig
	user        string
	rejected    rejectionsConfig
	largeGroups bool
	lasts       time.Duration // 0 for no end
	json        bool
}

func (a *app) watchCommand() *cobra.Command {
	var cfg watchConfig
	cmd := &cobra.Command{
		Use:     "watch [USER]",
		GroupID: groupClient,
		Short:   "Print a user's changes and receipts as they come, or refused commands",
		Long: `Print a user's conversations, followed threads, totals, filters and receipts as
they are, and then every change as it comes. Values in between may be left out,
the last one is always printed, and a list is followed by the totals that belong
to it. A server that goes away is waited for, and what changed meanwhile is
printed; standard error tells. SIGTERM or SIGINT ends it with exit code 0.

With --rejected it prints commands that were refused, whoever published them, and
why: the last ones of those that are stored, and then every one as it comes.

With --json every line is an object whose "type" names its other field:

  {"type":"conversations","conversations":[...]}  new or changed, as "show --json" has them
  {"type":"removed","removed":["c2c_bob"]}        have left the list
  {"type":"totals","totals":{...}}                one of them has changed
  {"type":"receipts","receipts":[...]}            peers have read the user's messages, one for a peer
  {"type":"group_receipts","group_receipts":[...]}  by how many members messages are read now
  {"type":"threads","threads":[...]}              followed ones, new or changed
  {"type":"threads_removed","threads_removed":[...]}  are followed no more
  {"type":"filters","filters":{...}}              the totals of all that the user keeps
  {"type":"rejected","rejected":{...}}            a refused command: seq, subject, reason, at
  {"type":"state","state":"live"}                 syncing, live (all of the above is current) or offline
  {"type":"error","error":"..."}                  something that is tried again`,
		Example: `  # what alice's phone would show
  reddot watch alice

  # the unread total of the next ten minutes
  reddot watch alice --json --for 10m | jq 'select(.type == "totals").totals.unread'

  # what was refused in the last hour, and what is
  reddot watch --rejected --since 1h`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := cfg.whom(cmd, args, a.zone); err != nil {
				return err
			}
			if cmd.Flags().Changed("for") && cfg.lasts <= 0 {
				return usagef("--for %v: use a time above 0, or leave it out", cfg.lasts)
			}
			if err := cfg.validate(); err != nil {
				return err
			}
			return a.watch(cmd.Context(), &cfg)
		},
	}
	cfg.addFlags(cmd)
	f := cmd.Flags()
	f.BoolVar(&cfg.rejected.on, "rejected", false, "print refused commands instead of what a user is told")
	f.StringVar(&cfg.rejected.since, "since", "", "with --rejected: list those stored since this `time`, as 1h or 2026-11-23T18:00:00Z")
	f.IntVar(&cfg.rejected.last, "last", defaultRejections, "with --rejected: list this `number` of stored ones first; 0 for all (default 10, or all with --since)")
	f.Lookup("last").DefValue = "0"
	f.BoolVar(&cfg.largeGroups, "large-groups", true, "also hear every message in groups with more members than the server's --fanout-limit")
	f.DurationVar(&cfg.lasts, "for", 0, "end after this `time` (default: never)")
	f.BoolVar(&cfg.json, "json", false, "print one JSON object per line")
	return cmd
}

// whom takes from the command line whether a user or refusals are watched.
func (cfg *watchConfig) whom(cmd *cobra.Command, args []string, zone *time.Location) error {
	f := cmd.Flags()
	if !cfg.rejected.on {
		for _, name := range []string{"since", "last"} {
			if f.Changed(name) {
				return usagef("--%s is for refused commands: leave it out, or add --rejected", name)
			}
		}
		if len(args) == 0 {
			return usagef("name a user, or --rejected")
		}
		cfg.user = args[0]
		return checkInbox(args)
	}
	if len(args) > 0 {
		return usagef("--rejected is of all users: leave out %s", term.Printable(args[0]))
	}
	if f.Changed("large-groups") {
		return usagef("--large-groups is for a user: leave it out, or leave out --rejected")
	}
	if f.Changed("since") && !f.Changed("last") {
		cfg.rejected.last = 0
	}
	return cfg.rejected.validate(time.Now(), zone)
}

// watch prints what the listener hears until ctx ends or the time is over.
func (a *app) watch(ctx context.Context, cfg *watchConfig) error {
	ctx, fail := context.WithCancelCause(ctx)
	defer fail(nil)
	if cfg.lasts > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, cfg.lasts)
		defer cancel()
	}
	if ctx.Err() != nil {
		return nil
	}
	if cfg.rejected.on {
		return a.watchRejected(ctx, cfg, fail)
	}
	conn, err := cfg.nats.DialLasting("reddot watch", fail)
	if err != nil {
		return err
	}
	defer conn.Close()
	c, err := goclient.New(conn, goclient.Options{Prefix: cfg.prefix, Timeout: cfg.nats.Timeout, WatchLargeGroups: cfg.largeGroups})
	if err != nil {
		return err
	}
	w := a.watcher(cfg, fail)
	sub, err := c.User(cfg.user).Listen(w.listener())
	if err != nil {
		return err
	}
	<-ctx.Done()
	sub.Close()
	select {
	case <-sub.Done():
	case <-time.After(watchLastLine):
	}
	return watchEnd(ctx, cfg, sub)
}

// watcher prints what is heard; fail is called if that can't be written.
func (a *app) watcher(cfg *watchConfig, fail func(error)) *watcher {
	return &watcher{out: a.stdout, err: a.stderr, json: cfg.json, zone: a.zone, now: time.Now, server: natsconn.Redacted(cfg.nats.URLs()), fail: fail}
}

// watchEnd is whether the watch ended well: the user's wish is no error, and
// neither is the end of its time if there was something to see.
func watchEnd(ctx context.Context, cfg *watchConfig, sub *goclient.Subscription) error {
	switch cause := context.Cause(ctx); {
	case errors.Is(cause, context.Canceled):
		return nil
	case !errors.Is(cause, context.DeadlineExceeded):
		return cause
	}
	select {
	case <-sub.Ready():
		return nil
	default:
		return fmt.Errorf(`the state of %s was not read in %v: is a "reddot serve" running there, with --prefix %s?`,
			term.Printable(cfg.user), cfg.lasts, cfg.prefix)
	}
}
