package main

import (
	"errors"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"reddot/events"
)

// actionFlags gives a command line the flags of fields, which fill the command.
func actionFlags(cmd *cobra.Command, c *events.Command, a *app, fields []string) {
	f := cmd.Flags()
	for _, field := range fields {
		switch {
		case textFlag(f, c, field), switchFlag(f, c, field), wordsFlag(f, c, field):
		case field == "upto-at":
			f.Var(&timeFlag{&c.UptoAt, &c.HasUptoAt, a}, field, "`time` up to which messages are meant, as in 2026-11-23T18:00:00Z or in Unix milliseconds")
		case field == "before-at":
			f.Var(&timeFlag{&c.BeforeAt, &c.HasBeforeAt, a}, field, "`time` before which messages are meant, as in 2026-11-23T18:00:00Z or in Unix milliseconds")
		case field == "expires-at":
			f.Var(&timeFlag{&c.ExpiresAt, &c.HasExpiresAt, a}, field, "`time` at which the message expires, as in 2026-11-23T18:00:00Z or in Unix milliseconds")
		case field == "filter":
			filterFlags(f, c)
		}
	}
	f.Var(&timeFlag{&c.At, &c.HasAt, a}, "at", "`time` of the command, as in 2026-11-23T18:00:00Z or in Unix milliseconds (default that of the stream)")
}

// textFlag adds a flag that takes text, if field is one.
func textFlag(f *pflag.FlagSet, c *events.Command, field string) bool {
	switch field {
	case "id":
		f.StringVar(&c.ID, field, "", "`id` of the message (default a new one)")
	case "from":
		f.StringVar(&c.From, field, "", "`user` who sent the message")
	case "from-message":
		f.StringVar(&c.From, field, "", "`id` of the first message that is unread again")
	case "thread":
		f.Var(idFlag{&c.Thread}, field, "`id` of the thread")
	case "timeline":
		f.Func("thread", "`id` of the thread that is meant alone; empty for what is in no thread", func(s string) error {
			c.Thread, c.HasThread = s, true
			return nil
		})
	case "mention":
		f.StringArrayVar(&c.Mentions, field, nil, "`user` whom the message names; may be given several times")
	case "upto":
		f.StringVar(&c.Upto, field, "", "`id` of the last message that is meant")
	case "before":
		f.StringVar(&c.Before, field, "", "`id` of the first message that is left")
	case "add":
		f.StringArrayVar(&c.Add, field, nil, "`label` that it gets; may be given several times")
	case "remove":
		f.StringArrayVar(&c.Remove, field, nil, "`label` that is taken away; may be given several times")
	default:
		return false
	}
	return true
}

// switchFlag adds a flag that is on or off, if field is one.
func switchFlag(f *pflag.FlagSet, c *events.Command, field string) bool {
	switch field {
	case "mention-all":
		f.BoolVar(&c.MentionAll, field, false, "the message names everybody in the group")
	case "silent":
		f.BoolVar(&c.Silent, field, false, "the message never counts")
	case "hidden":
		f.BoolVar(&c.Hidden, field, false, "the message neither counts nor shows as the last one, as a reaction does not")
	case "broadcast":
		f.BoolVar(&c.Broadcast, field, false, "the message counts in its group although it is of a thread")
	case "receipt":
		f.BoolVar(&c.Receipt, field, false, "its sender hears by how many of the group it is read")
	case "private":
		f.BoolVar(&c.Private, field, false, "nobody is sent a receipt")
	case "all-threads":
		f.BoolVar(&c.Threads, "threads", false, "every thread of every conversation, and nothing that is in no thread")
	default:
		return false
	}
	return true
}

// wordsFlag adds a flag that takes one of a few words, if field is one.
func wordsFlag(f *pflag.FlagSet, c *events.Command, field string) bool {
	switch field {
	case "kind":
		f.Var(&wordFlag[events.Kind]{&c.Kind, events.ParseKind}, field, "only conversations of this `kind`: c2c or group")
	case "own-message":
		f.Var(&wordFlag[events.OwnPolicy]{&c.OwnMessage, events.ParseOwnPolicy}, field, "what sending does to the own read position: `keep` or advance")
	case "thread-policy":
		f.Var(&wordFlag[events.ThreadPolicy]{&c.ThreadPolicy, events.ParseThreadPolicy}, "threads", "where the messages of threads count: `in` the group or apart")
	case "group-receipts":
		f.Var(&wordFlag[events.ReceiptPolicy]{&c.GroupReceipts, events.ParseReceiptPolicy}, field, "who may ask by whom a group's message is read: `off`, sender or members")
	default:
		return false
	}
	return true
}

// filterFlags gives a command a filter, and the command line the flags that fill it.
func filterFlags(f *pflag.FlagSet, c *events.Command) {
	filter := new(events.Filter)
	c.Filter = filter
	f.Var(&wordFlag[events.Kind]{&filter.Kind, events.ParseKind}, "kind", "only conversations of this `kind`: c2c or group")
	f.Func("label", "only conversations with this `label`; empty for those without any", func(s string) error {
		filter.Label = &s
		return nil
	})
	f.Var(idFlag{&filter.Without}, "without", "only conversations without this `label`")
	f.BoolVar(&filter.Mentioned, "mentioned", false, "only conversations with unread mentions")
	f.BoolVar(&filter.IncludeMuted, "include-muted", false, "count each conversation whole, whatever its level")
}

// idFlag is a flag for an id, which is not empty: a command without it means more.
type idFlag struct{ to *string }

func (f idFlag) Type() string { return "id" }

func (f idFlag) String() string {
	if f.to == nil {
		return ""
	}
	return *f.to
}

func (f idFlag) Set(s string) error {
	if s == "" {
		return errors.New("it is empty: leave it out if you mean that")
	}
	*f.to = s
	return nil
}
