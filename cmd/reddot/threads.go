package main

import (
	"context"
	"strings"
	"time"

	"github.com/spf13/cobra"

	goclient "reddot/api/client"
	"reddot/cmd/reddot/term"
	"reddot/events"
)

// threadsConfig is the command line of threads.
type threadsConfig struct {
	clientConfig
	user         string
	conversation string // empty: those that the user follows everywhere
	following    bool
	unread       bool
	limit        int
	afterSeq     uint64
	json         bool
}

func (a *app) threadsCommand() *cobra.Command {
	var cfg threadsConfig
	cmd := &cobra.Command{
		Use:     "threads USER [CONVERSATION]",
		GroupID: groupClient,
		Short:   "Show the threads of a conversation, or those that a user follows",
		Long: `Show the threads of a conversation, newest activity first, or without one those
that the user follows everywhere.`,
		Example: `  # what does alice follow?
  reddot threads alice

  # what is unread in the threads of a group?
  reddot threads alice group_team --unread`,
		Args: cobra.RangeArgs(1, 2),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := checkInbox(args); err != nil {
				return err
			}
			if cfg.user = args[0]; len(args) > 1 {
				cfg.conversation = args[1]
			}
			if cfg.limit < 1 {
				return usagef("--limit %d: use 1 or more", cfg.limit)
			}
			if err := cfg.validate(); err != nil {
				return err
			}
			return a.withBound(cmd.Context(), &cfg.clientConfig, "threads", func(ctx context.Context, c *client) error {
				return a.threads(ctx, c, &cfg)
			})
		},
	}
	cfg.addFlags(cmd)
	f := cmd.Flags()
	f.BoolVar(&cfg.following, "following", false, "only threads that the user follows")
	f.BoolVar(&cfg.unread, "unread", false, "only threads with unread messages")
	f.IntVar(&cfg.limit, "limit", events.DefaultLimit, "most threads to show")
	f.Uint64Var(&cfg.afterSeq, "after-seq", 0, "wait until the command with this `seq` is applied")
	f.BoolVar(&cfg.json, "json", false, "print the reply as JSON")
	return cmd
}

func (a *app) threads(ctx context.Context, c *client, cfg *threadsConfig) error {
	q := events.ThreadsRequest{Following: cfg.following, UnreadOnly: cfg.unread}
	if cfg.conversation != "" {
		var err error
		if q.Conversation, err = events.ParseConversation(cfg.conversation); err != nil {
			return err
		}
	}
	list := events.ThreadsReply{Threads: []events.Thread{}}
	for {
		size := min(events.MaxLimit, cfg.limit-len(list.Threads))
		q.Limit, q.After = &size, list.Next
		page, err := ask(ctx, c, events.Seq(cfg.afterSeq), func(ctx context.Context, opts ...goclient.QueryOption) (events.ThreadsReply, error) {
			return c.reddot.User(cfg.user).ThreadsPage(ctx, q, opts...)
		})
		if err != nil {
			return notListed(err, cfg.user, cfg.conversation)
		}
		page.Threads = append(list.Threads, page.Threads...)
		if list.Version > 0 { // a listener that drops what is not newer misses nothing
			page.Version = list.Version
		}
		if list = page; list.Next == "" || len(list.Threads) >= cfg.limit {
			break
		}
	}
	if cfg.json {
		return a.printJSON(list)
	}
	return a.print(renderThreads(list, a.zone))
}

func renderThreads(r events.ThreadsReply, zone *time.Location) string {
	head := term.NewList()
	head.Add("User:", term.Printable(r.User))
	head.Add("Version:", term.Number(r.Version))
	if len(r.Threads) == 0 {
		return head.String() + "\nno threads to show\n"
	}
	list := term.NewTable("CONVERSATION", "THREAD", ">UNREAD", ">MENTIONS", "FLAGS", "FIRST UNREAD", "LAST MESSAGE", "FROM", "AT")
	for _, t := range r.Threads {
		last := events.LastMessage{}
		if t.LastMessage != nil {
			last = *t.LastMessage
		}
		list.Add(term.Printable(t.Conversation), term.Printable(t.Thread), term.Number(t.Unread), term.Number(t.Mentions), threadFlags(t),
			term.Printable(t.FirstUnread), term.Printable(last.ID), term.Printable(last.From), term.Clock(last.At, zone))
	}
	text := head.String() + "\n" + list.String()
	if r.Next != "" {
		text += "... and more: --limit N shows them\n"
	}
	return text
}

func threadFlags(t events.Thread) string {
	var set []string
	if t.Following {
		set = append(set, "followed")
	}
	if t.Muted {
		set = append(set, "muted")
	}
	if m := t.LastMessage; m != nil && m.Revoked {
		set = append(set, "recalled")
	}
	return strings.Join(set, ",")
}
