package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	goclient "reddot/api/client"
	"reddot/events"
	"reddot/projector"
)

// explainConfig is the command line of explain.
type explainConfig struct {
	clientConfig
	past               pastConfig
	user, conversation string
	thread             *string // whose count; empty: the main timeline's; nil: the conversation's
	limit              int
	afterSeq           uint64
	json               bool
}

func (a *app) explainCommand() *cobra.Command {
	var cfg explainConfig
	cmd := &cobra.Command{
		Use:     "explain USER CONVERSATION",
		GroupID: groupClient,
		Short:   "Show the messages that make up a count",
		Long: `Show why a conversation's count is what it is: the arithmetic from the read
position on, and the messages that make up the count, the oldest first. With
--thread it is the count of a thread, with --thread "" that of what is in no
thread.`,
		Example: `  # why does alice see 3 unread from bob?
  reddot explain alice c2c_bob

  # as many messages as one answer holds, as JSON
  reddot explain alice group_team --limit 200 --json

  # why does a thread show 2?
  reddot explain alice group_team --thread t1

  # why did she see what she saw after command 1207?
  reddot explain alice c2c_bob --at 1207`,
		Args: cobra.ExactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := checkInbox(args); err != nil {
				return err
			}
			cfg.user, cfg.conversation = args[0], args[1]
			if err := cfg.validate(); err != nil {
				return err
			}
			if err := cfg.past.validate(a.zone, cfg.afterSeq); err != nil {
				return err
			}
			return a.withBound(cmd.Context(), &cfg.clientConfig, "explain", func(ctx context.Context, c *client) error {
				return a.explain(ctx, c, &cfg)
			})
		},
	}
	cfg.addFlags(cmd)
	cfg.past.addFlags(cmd)
	f := cmd.Flags()
	f.IntVar(&cfg.limit, "limit", events.DefaultLimit, fmt.Sprintf("most messages to show, 1 to %d", events.MaxLimit))
	f.Func("thread", "explain the count of the thread with this `id`; empty for what is in no thread", func(s string) error {
		cfg.thread = &s
		return nil
	})
	f.Uint64Var(&cfg.afterSeq, "after-seq", 0, "wait until the command with this `seq` is applied")
	f.BoolVar(&cfg.json, "json", false, "print the reply as JSON")
	return cmd
}

// validate reports a usageError.
func (cfg *explainConfig) validate() error {
	if cfg.limit < 1 || cfg.limit > events.MaxLimit {
		return usagef("--limit %d: use 1 to %d", cfg.limit, events.MaxLimit)
	}
	return cfg.clientConfig.validate()
}

func (a *app) explain(ctx context.Context, c *client, cfg *explainConfig) error {
	if cfg.past.when != "" {
		return a.past(ctx, c, &cfg.past, func(v *projector.View) error { return a.explainPast(v, cfg) })
	}
	reply, raw, err := askRaw(ctx, c, events.Seq(cfg.afterSeq), cfg.json, func(ctx context.Context, opts ...goclient.QueryOption) (events.Explanation, error) {
		if cfg.thread != nil {
			return c.reddot.User(cfg.user).ExplainThread(ctx, cfg.conversation, *cfg.thread, cfg.limit, opts...)
		}
		return c.reddot.User(cfg.user).Explain(ctx, cfg.conversation, cfg.limit, opts...)
	})
	if err != nil {
		return notListed(err, cfg.user, cfg.conversation)
	}
	if cfg.json {
		return a.printRaw(raw)
	}
	return a.print(renderExplanation(reply, a.zone))
}

// explainPast shows what explain does, of a past state.
func (a *app) explainPast(v *projector.View, cfg *explainConfig) error {
	id, err := events.ParseConversation(cfg.conversation)
	if err != nil {
		return err
	}
	reply, err := v.Explain(cfg.user, events.ExplainRequest{Conversation: id, Thread: cfg.thread, Limit: &cfg.limit})
	if err != nil {
		return notListed(err, cfg.user, cfg.conversation)
	}
	if cfg.json {
		return a.printJSON(reply)
	}
	return a.print(renderExplanation(reply, a.zone))
}
