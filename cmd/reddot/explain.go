package main

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	goclient "reddot/api/client"
	"reddot/cmd/reddot/term"
	"reddot/events"
	"reddot/projector"
)

// explainConfig is the command line of explain.
type explainConfig struct {
	clientConfig
	past               pastConfig
	user, conversation string
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
position on, and the messages that make up the count, the oldest first.`,
		Example: `  # why does alice see 3 unread from bob?
  reddot explain alice c2c_bob

  # as many messages as one answer holds, as JSON
  reddot explain alice group_team --limit 200 --json

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
	reply, err := v.Explain(cfg.user, id, cfg.limit)
	if err != nil {
		return notListed(err, cfg.user, cfg.conversation)
	}
	if cfg.json {
		return a.printJSON(reply)
	}
	return a.print(renderExplanation(reply, a.zone))
}

func renderExplanation(e events.Explanation, zone *time.Location) string {
	head := term.NewList()
	head.Add("User:", term.Printable(e.User))
	head.Add("Conversation:", term.Printable(e.Conversation))
	head.Add("Version:", term.Number(e.Version))
	if read := readPosition(e.ReadUpto, e.ReadAt, e.ReadSeq, zone); read != "" {
		head.Add("Read up to:", read)
	}
	for _, early := range e.PendingReads {
		private := ""
		if early.Private {
			private = ", private"
		}
		head.Add("Early read:", "waits for "+readPosition(early.Upto, early.At, early.Seq, zone)+private)
	}
	if e.MarkedUnread {
		head.Add("Marked unread:", "yes, not part of the count")
	}
	if e.Muted {
		head.Add("Muted:", "yes, not part of the totals")
	}
	sum := term.NewSum()
	counted := "counted messages"
	if e.SinceRead == 1 {
		counted = "counted message"
	}
	sum.Add("", term.Number(e.SinceRead), counted+" after the read position")
	sum.Add("-", term.Number(e.Own), "sent by "+term.Printable(e.User))
	sum.Add("-", term.Number(e.Revoked), "revoked")
	sum.Add("=", term.Number(e.Unread), "unread, of them "+term.Several(e.Mentions, "mention"))
	text := head.String() + "\n" + sum.String()
	if len(e.Messages) > 0 {
		list := term.NewTable("MESSAGE", "FROM", "AT", ">SEQ", "MENTION", "THREAD")
		for _, m := range e.Messages {
			list.Add(term.Printable(m.ID), term.Printable(m.From), term.Clock(m.At, zone), term.Number(m.Seq), term.Yes(m.Mention), term.Printable(m.Thread))
		}
		text += "\n" + list.String()
	}
	if e.More > 0 {
		text += fmt.Sprintf("... and %d more\n", e.More)
	}
	return text
}
