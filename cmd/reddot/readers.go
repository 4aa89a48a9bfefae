package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	goclient "reddot/api/client"
	"reddot/cmd/reddot/term"
	"reddot/events"
)

// readersConfig is the command line of readers and of receipts.
type readersConfig struct {
	clientConfig
	user, group string
	ids         []string // readers has one
	unread      bool     // those who have not read it
	limit       int
	afterSeq    uint64
	json        bool
}

// readersHelp is what both commands say of who may ask.
const readersHelp = `
A group's receipts are there from "reddot policy --group-receipts" on. Then the
sender of a message may ask, or the members too.`

func (a *app) readersCommand() *cobra.Command {
	var cfg readersConfig
	cmd := &cobra.Command{
		Use:     "readers USER GROUP MESSAGE",
		GroupID: groupClient,
		Short:   "Show who has read a message of a group",
		Long:    "Show by whom a message of a group is read, as a user is answered who asks.\n" + readersHelp,
		Example: `  reddot readers bob team t7

  # and who has not?
  reddot readers bob team t7 --unread --limit 500`,
		Args: cobra.ExactArgs(3),
		RunE: func(cmd *cobra.Command, args []string) error {
			if cfg.limit < 1 {
				return usagef("--limit %d: use 1 or more", cfg.limit)
			}
			return a.aboutMessages(cmd, args, &cfg, func(ctx context.Context, c *client) error { return a.readers(ctx, c, &cfg) })
		},
	}
	cfg.addFlags(cmd)
	cmd.Flags().BoolVar(&cfg.unread, "unread", false, "show who has not read it")
	cmd.Flags().IntVar(&cfg.limit, "limit", events.DefaultLimit, "most users to show")
	return cmd
}

func (a *app) receiptsCommand() *cobra.Command {
	var cfg readersConfig
	cmd := &cobra.Command{
		Use:     "receipts USER GROUP MESSAGE...",
		GroupID: groupClient,
		Short:   "Show by how many messages of a group are read",
		Long: fmt.Sprintf("Show by how many members messages of a group are read, at most %d, as a user is\nanswered who asks. Those that are unknown or recalled are left out.\n",
			events.MaxReceiptIDs) + readersHelp,
		Example: "  reddot receipts bob team t7 t8",
		Args:    cobra.MinimumNArgs(3),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.aboutMessages(cmd, args, &cfg, func(ctx context.Context, c *client) error { return a.receipts(ctx, c, &cfg) })
		},
	}
	cfg.addFlags(cmd)
	return cmd
}

func (cfg *readersConfig) addFlags(cmd *cobra.Command) {
	cfg.clientConfig.addFlags(cmd)
	cmd.Flags().Uint64Var(&cfg.afterSeq, "after-seq", 0, "wait until the command with this `seq` is applied")
	cmd.Flags().BoolVar(&cfg.json, "json", false, "print the reply as JSON")
}

// aboutMessages takes the arguments and asks.
func (a *app) aboutMessages(cmd *cobra.Command, args []string, cfg *readersConfig, ask func(context.Context, *client) error) error {
	cfg.user, cfg.group, cfg.ids = args[0], args[1], args[2:]
	if err := checkInbox(args[:1]); err != nil {
		return err
	}
	q := events.GroupReceiptsRequest{Group: cfg.group, IDs: cfg.ids}
	if err := q.Validate(); err != nil {
		return wrongUsage(err)
	}
	if err := cfg.validate(); err != nil {
		return err
	}
	return a.withBound(cmd.Context(), &cfg.clientConfig, cmd.Name(), ask)
}

func (a *app) readers(ctx context.Context, c *client, cfg *readersConfig) error {
	read := !cfg.unread
	q := events.ReadersRequest{Group: cfg.group, ID: cfg.ids[0], Read: &read}
	list := events.ReadersReply{Users: []events.Reader{}}
	for {
		size := min(events.MaxLimit, cfg.limit-len(list.Users))
		q.Limit, q.After = &size, list.Next
		page, err := ask(ctx, c, events.Seq(cfg.afterSeq), func(ctx context.Context, opts ...goclient.QueryOption) (events.ReadersReply, error) {
			return c.reddot.User(cfg.user).ReadersPage(ctx, q, opts...)
		})
		if errors.Is(err, events.ErrNotFound) {
			return fmt.Errorf("the group %s has no message %s, or it was recalled", term.Printable(cfg.group), term.Printable(cfg.ids[0]))
		}
		if err != nil {
			return err
		}
		page.Users = append(list.Users, page.Users...)
		if list = page; list.Next == "" || len(list.Users) >= cfg.limit {
			break
		}
	}
	if cfg.json {
		return a.printJSON(list)
	}
	return a.print(renderReaders(list, read, a.zone))
}

func renderReaders(r events.ReadersReply, read bool, zone *time.Location) string {
	text := readBy(events.GroupReceipt{ID: r.ID, Read: r.Read, Members: r.Members}) + "\n"
	if len(r.Users) == 0 {
		return text
	}
	list := term.NewTable("READ BY", "AT")
	if !read {
		list = term.NewTable("NOT READ BY")
	}
	for _, u := range r.Users {
		if read {
			list.Add(term.Printable(u.User), term.Clock(u.At, zone))
		} else {
			list.Add(term.Printable(u.User))
		}
	}
	text += "\n" + list.String()
	if r.Next != "" {
		text += "... and more: --limit N shows them\n"
	}
	return text
}

func (a *app) receipts(ctx context.Context, c *client, cfg *readersConfig) error {
	reply, raw, err := askRaw(ctx, c, events.Seq(cfg.afterSeq), cfg.json, func(ctx context.Context, opts ...goclient.QueryOption) (events.GroupReceiptsReply, error) {
		return c.reddot.User(cfg.user).GroupReceipts(ctx, cfg.group, cfg.ids, opts...)
	})
	if err != nil {
		return err
	}
	if cfg.json {
		return a.printRaw(raw)
	}
	return a.print(renderReceipts(reply))
}

func renderReceipts(r events.GroupReceiptsReply) string {
	if len(r.Receipts) == 0 {
		return "none of them is there\n"
	}
	list := term.NewTable("MESSAGE", ">READ BY", ">OF")
	for _, receipt := range r.Receipts {
		list.Add(term.Printable(receipt.ID), term.Number(receipt.Read), term.Number(receipt.Members))
	}
	return list.String()
}
