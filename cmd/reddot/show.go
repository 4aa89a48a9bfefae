package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	goclient "reddot/api/client"
	"reddot/cmd/reddot/term"
	"reddot/events"
	"reddot/projector"
)

// listAttempts is how often a list of several pages is read again because it
// changed on the way. After that the pages are taken as they are: each is
// right by itself, but a conversation that moved up between two of them may
// be missing.
const listAttempts = 3

// showConfig is the command line of show.
type showConfig struct {
	clientConfig
	past         pastConfig
	user         string
	conversation string // empty for the list
	limit        int
	all          bool
	unread       bool
	mentioned    bool
	filters      bool // the totals of the user's filters instead of the list
	kind         string
	label        *string
	without      string
	afterSeq     uint64
	json         bool
}

func (a *app) showCommand() *cobra.Command {
	var cfg showConfig
	cmd := &cobra.Command{
		Use:     "show USER [CONVERSATION]",
		GroupID: groupClient,
		Short:   "Show a user's totals and conversations, or one conversation",
		Long: `Show a user's totals and conversations, newest activity first, or one
conversation in detail. A conversation is named c2c_PEER or group_GROUP.`,
		Example: `  # totals and the 50 conversations with the newest activity
  reddot show alice

  # every conversation that has something unread, as JSON
  reddot show alice --all --unread --json

  # one conversation, once command 1207 is applied
  reddot show alice c2c_bob --after-seq 1207

  # what is archived, and the totals of the filters that alice keeps
  reddot show alice --label archived
  reddot show alice --filters

  # what did alice see then?
  reddot show alice --at 2026-11-23T18:00:00Z`,
		Args: cobra.RangeArgs(1, 2),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := checkInbox(args); err != nil {
				return err
			}
			cfg.user = args[0]
			if len(args) > 1 {
				cfg.conversation = args[1]
			}
			if err := cfg.ofTheList(cmd); err != nil {
				return err
			}
			if err := cfg.validate(); err != nil {
				return err
			}
			if err := cfg.past.validate(a.zone, cfg.afterSeq); err != nil {
				return err
			}
			return a.withBound(cmd.Context(), &cfg.clientConfig, "show", func(ctx context.Context, c *client) error {
				return a.show(ctx, c, &cfg)
			})
		},
	}
	cfg.addFlags(cmd)
	cfg.past.addFlags(cmd)
	f := cmd.Flags()
	f.IntVar(&cfg.limit, "limit", events.DefaultLimit, "most conversations to show")
	f.BoolVar(&cfg.all, "all", false, "show every conversation")
	f.BoolVar(&cfg.unread, "unread", false, "only conversations with unread messages or the mark")
	f.BoolVar(&cfg.mentioned, "mentioned", false, "only conversations with unread mentions")
	f.StringVar(&cfg.kind, "kind", "", "only conversations of this `kind`: c2c or group")
	f.Func("label", "only conversations with this `label`; empty for those without any", func(s string) error {
		cfg.label = &s
		return nil
	})
	f.Var(idFlag{&cfg.without}, "without", "only conversations without this `label`")
	f.BoolVar(&cfg.filters, "filters", false, "show the totals of the user's filters instead")
	f.Uint64Var(&cfg.afterSeq, "after-seq", 0, "wait until the command with this `seq` is applied")
	f.BoolVar(&cfg.json, "json", false, "print the reply as JSON")
	return cmd
}

// ofTheList reports a usageError for a flag of the list where that is not shown.
func (cfg *showConfig) ofTheList(cmd *cobra.Command) error {
	instead := ""
	switch {
	case cfg.conversation != "" && cfg.filters:
		return usagef("--filters are the user's: leave it out, or leave out the conversation")
	case cfg.conversation != "":
		instead = "the conversation"
	case cfg.filters:
		instead = "--filters"
	default:
		return nil
	}
	for _, name := range []string{"limit", "all", "unread", "mentioned", "kind", "label", "without"} {
		if cmd.Flags().Changed(name) {
			return usagef("--%s is for the list: leave it out, or leave out %s", name, instead)
		}
	}
	return nil
}

// validate reports a usageError.
func (cfg *showConfig) validate() error {
	if cfg.limit < 1 {
		return usagef("--limit %d: use 1 or more, or --all", cfg.limit)
	}
	if cfg.kind != "" {
		if _, err := events.ParseKind(cfg.kind); err != nil {
			return usagef("--kind %q: use c2c or group", cfg.kind)
		}
	}
	if err := cfg.request().Validate(); err != nil {
		return wrongUsage(err)
	}
	return cfg.clientConfig.validate()
}

// request is what of the list is asked for, but for how much of it.
func (cfg *showConfig) request() events.ConversationsRequest {
	kind, _ := events.ParseKind(cfg.kind) // it is valid
	q := events.ConversationsRequest{UnreadOnly: cfg.unread, Mentioned: cfg.mentioned, Kind: kind, Label: cfg.label}
	if cfg.without != "" {
		q.Without = &cfg.without
	}
	return q
}

// checkInbox reports a usageError for arguments that name no user or no
// conversation: a user, then at most one conversation.
func checkInbox(args []string) error {
	if err := events.CheckID("user", args[0]); err != nil {
		return usagef("%w: name a user", err)
	}
	if len(args) < 2 {
		return nil
	}
	if _, err := events.ParseConversation(args[1]); err != nil {
		return usagef("%q: %w: use c2c_PEER or group_GROUP", args[1], err)
	}
	return nil
}

// pageReader reads one page of a list.
type pageReader func(ctx context.Context, q events.ConversationsRequest) (events.ConversationsReply, error)

func (a *app) show(ctx context.Context, c *client, cfg *showConfig) error {
	if cfg.past.when != "" {
		return a.past(ctx, c, &cfg.past, func(v *projector.View) error { return a.showPast(ctx, v, cfg) })
	}
	if cfg.conversation != "" {
		return a.showConversation(ctx, c, cfg)
	}
	if cfg.filters {
		return a.showFilters(ctx, c, cfg)
	}
	list, err := readList(ctx, cfg, func(ctx context.Context, q events.ConversationsRequest) (events.ConversationsReply, error) {
		return ask(ctx, c, events.Seq(cfg.afterSeq), func(ctx context.Context, opts ...goclient.QueryOption) (events.ConversationsReply, error) {
			return c.reddot.User(cfg.user).Page(ctx, q, opts...)
		})
	})
	if err != nil {
		return err
	}
	return a.printList(list, cfg)
}

// showPast shows what show does, of a past state.
func (a *app) showPast(ctx context.Context, v *projector.View, cfg *showConfig) error {
	if cfg.conversation != "" {
		id, err := events.ParseConversation(cfg.conversation)
		if err != nil {
			return err
		}
		reply, err := v.Conversation(cfg.user, id)
		if err != nil {
			return notListed(err, cfg.user, cfg.conversation)
		}
		if cfg.json {
			return a.printJSON(reply)
		}
		return a.print(renderConversation(reply, a.zone))
	}
	if cfg.filters {
		reply, err := v.Totals(cfg.user, events.TotalsRequest{})
		if err != nil {
			return err
		}
		if cfg.json {
			return a.printJSON(reply)
		}
		return a.print(renderFilters(reply))
	}
	list, err := readList(ctx, cfg, func(_ context.Context, q events.ConversationsRequest) (events.ConversationsReply, error) {
		return v.Conversations(cfg.user, q)
	})
	if err != nil {
		return err
	}
	return a.printList(list, cfg)
}

func (a *app) printList(list events.ConversationsReply, cfg *showConfig) error {
	if list.Version == 0 && term.IsTerminal(a.stderr) {
		fmt.Fprintf(a.stderr, "nothing was ever published about the user %s: is the id right?\n", term.Printable(list.User))
	}
	if cfg.json {
		return a.printJSON(list)
	}
	return a.print(renderList(list, a.zone))
}

// readList reads the pages of a list until the limit. The pages must belong
// together: a version that changes on the way starts it again.
func readList(ctx context.Context, cfg *showConfig, read pageReader) (events.ConversationsReply, error) {
	for attempt := 1; ; attempt++ {
		list, whole, err := readPages(ctx, cfg, read)
		if err != nil || whole || attempt == listAttempts {
			return list, err
		}
	}
}

// readPages reads the list once. Version and totals are the first page's: a
// listener that drops what is not newer than them misses nothing. whole says
// whether every page had that version.
func readPages(ctx context.Context, cfg *showConfig, read pageReader) (list events.ConversationsReply, whole bool, err error) {
	whole = true
	q := cfg.request()
	for first := true; ; first = false {
		size := events.MaxLimit
		if !cfg.all {
			size = min(size, cfg.limit-len(list.Conversations))
		}
		q.Limit, q.After = &size, list.Next
		page, err := read(ctx, q)
		if err != nil {
			return list, false, err
		}
		if first {
			list = page
		} else {
			whole = whole && page.Version == list.Version
			list.Conversations = append(list.Conversations, page.Conversations...)
			list.Next = page.Next
		}
		if list.Next == "" || !cfg.all && len(list.Conversations) >= cfg.limit {
			return list, whole, nil
		}
	}
}

func (a *app) showConversation(ctx context.Context, c *client, cfg *showConfig) error {
	reply, raw, err := askRaw(ctx, c, events.Seq(cfg.afterSeq), cfg.json, func(ctx context.Context, opts ...goclient.QueryOption) (events.ConversationReply, error) {
		return c.reddot.User(cfg.user).ConversationReply(ctx, cfg.conversation, opts...)
	})
	if err != nil {
		return notListed(err, cfg.user, cfg.conversation)
	}
	if cfg.json {
		return a.printRaw(raw)
	}
	return a.print(renderConversation(reply, a.zone))
}

// notListed turns "not found" into advice; other errors pass.
func notListed(err error, user, conversation string) error {
	if errors.Is(err, events.ErrNotFound) {
		return fmt.Errorf("%s has no conversation %s in the list: \"reddot show %s\" shows what there is",
			term.Printable(user), term.Printable(conversation), term.Printable(user))
	}
	return err
}

func (a *app) showFilters(ctx context.Context, c *client, cfg *showConfig) error {
	reply, raw, err := askRaw(ctx, c, events.Seq(cfg.afterSeq), cfg.json, func(ctx context.Context, opts ...goclient.QueryOption) (events.TotalsReply, error) {
		return c.reddot.User(cfg.user).Totals(ctx, events.TotalsRequest{}, opts...)
	})
	if err != nil {
		return err
	}
	if cfg.json {
		return a.printRaw(raw)
	}
	return a.print(renderFilters(reply))
}
