package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

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
	kind         string
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
				for _, name := range []string{"limit", "all", "unread", "kind"} {
					if cmd.Flags().Changed(name) {
						return usagef("--%s is for the list: leave it out, or leave out the conversation", name)
					}
				}
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
	f.StringVar(&cfg.kind, "kind", "", "only conversations of this `kind`: c2c or group")
	f.Uint64Var(&cfg.afterSeq, "after-seq", 0, "wait until the command with this `seq` is applied")
	f.BoolVar(&cfg.json, "json", false, "print the reply as JSON")
	return cmd
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
	return cfg.clientConfig.validate()
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
	kind := events.NoKind
	if cfg.kind != "" {
		if kind, err = events.ParseKind(cfg.kind); err != nil {
			return list, false, err
		}
	}
	for first := true; ; first = false {
		size := events.MaxLimit
		if !cfg.all {
			size = min(size, cfg.limit-len(list.Conversations))
		}
		page, err := read(ctx, events.ConversationsRequest{UnreadOnly: cfg.unread, Kind: kind, Limit: &size, After: list.Next})
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

func renderList(r events.ConversationsReply, zone *time.Location) string {
	t := r.Totals
	totals := term.NewList()
	totals.Add("User:", term.Printable(r.User))
	totals.Add("Version:", term.Number(r.Version))
	totals.Add("Unread:", fmt.Sprintf("%d (c2c %d, group %d) in %s", t.Unread, t.C2C, t.Group, term.Several(t.Conversations, "conversation")))
	totals.Add("Mentions:", term.Number(t.Mentions))
	totals.Add("Muted:", term.Number(t.Muted))
	if len(r.Conversations) == 0 {
		return totals.String() + "\nno conversations to show\n"
	}
	list := term.NewTable("CONVERSATION", ">UNREAD", ">MENTIONS", "FLAGS", "FIRST UNREAD", "LAST MESSAGE", "FROM", "AT")
	for _, c := range r.Conversations {
		last := events.LastMessage{}
		if c.LastMessage != nil {
			last = *c.LastMessage
		}
		list.Add(term.Printable(c.Conversation), term.Number(c.Unread), term.Number(c.Mentions), flags(c),
			term.Printable(c.FirstUnread), term.Printable(last.ID), term.Printable(last.From), term.Clock(last.At, zone))
	}
	text := totals.String() + "\n" + list.String()
	if r.Next != "" {
		text += "... and more: --limit N or --all shows them\n"
	}
	return text
}

func flags(c events.Conversation) string {
	var set []string
	if c.MarkedUnread {
		set = append(set, "marked")
	}
	if c.Muted {
		set = append(set, "muted")
	}
	if m := c.LastMessage; m != nil && m.Revoked {
		set = append(set, "recalled")
	}
	return strings.Join(set, ",")
}

func renderConversation(r events.ConversationReply, zone *time.Location) string {
	c := r.Conversation
	list := term.NewList()
	list.Add("User:", term.Printable(r.User))
	list.Add("Conversation:", term.Printable(c.Conversation))
	list.Add("Version:", fmt.Sprintf("%d (user %d)", c.Version, r.Version))
	list.Add("Unread:", term.Number(c.Unread))
	list.Add("Mentions:", term.Number(c.Mentions))
	if f := flags(c); f != "" {
		list.Add("Flags:", f)
	}
	if c.FirstUnread != "" {
		list.Add("First unread:", term.Printable(c.FirstUnread))
	}
	if m := c.LastMessage; m != nil {
		list.Add("Last message:", fmt.Sprintf("%s from %s at %s", term.Printable(m.ID), term.Printable(m.From), term.Clock(m.At, zone)))
	}
	if read := readPosition(c.ReadUpto, c.ReadAt, 0, zone); read != "" {
		list.Add("Read up to:", read)
	}
	return list.String()
}

// readPosition shows how far a conversation is read, by which command if
// seq is not 0, and nothing if it never was.
func readPosition(upto string, at events.Time, seq events.Seq, zone *time.Location) string {
	var parts []string
	if upto != "" {
		parts = append(parts, term.Printable(upto))
	}
	if at != 0 {
		parts = append(parts, "read at "+term.Clock(at, zone))
	}
	if seq != 0 {
		parts = append(parts, "by command "+term.Number(seq))
	}
	return strings.Join(parts, ", ")
}
