package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/nats-io/nuid"
	"github.com/spf13/cobra"

	goclient "reddot/api/client"
	"reddot/cmd/reddot/term"
	"reddot/events"
)

// actConfig is the command line of an action.
type actConfig struct {
	clientConfig
	command events.Command
	group   string
	wait    bool
	json    bool
}

// newID is the id of a message that was given none.
func newID() string { return nuid.Next() }

// actionCommand is the program's command for an action.
func (a *app) actionCommand(act action) *cobra.Command {
	cfg := &actConfig{command: events.Command{Verb: act.verb}}
	cmd := &cobra.Command{
		Use: act.use, GroupID: groupSingle, Short: act.short, Example: act.example,
		Long: cmp.Or(act.long, act.short+".") + `

It prints the seq of the command: its position in the stream. With --wait it
waits until the command is applied and its events are stored, and exits with 1
if it was refused.`,
		Args: argumentsOf(act.use),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := cfg.take(act, args); err != nil {
				return err
			}
			return a.withBound(cmd.Context(), &cfg.clientConfig, cmd.Name(), func(ctx context.Context, c *client) error {
				return a.act(ctx, c, cfg)
			})
		},
	}
	cfg.addFlags(cmd)
	actionFlags(cmd, &cfg.command, a, act.fields)
	f := cmd.Flags()
	if act.group != events.NoVerb {
		f.StringVar(&cfg.group, "group", "", "`group` that the message is in, instead of a user")
	}
	f.BoolVar(&cfg.wait, "wait", false, "wait until the command is applied and its events are stored")
	f.BoolVar(&cfg.json, "json", false, "print the result as JSON")
	return cmd
}

// take fills the command from the arguments; a usageError says what is wrong
// with it.
func (cfg *actConfig) take(act action, args []string) error {
	c := &cfg.command
	names := strings.Fields(act.use)[1:]
	switch optional := len(names) > 0 && strings.HasPrefix(names[0], "["); {
	case optional && cfg.group != "" && len(args) == len(names):
		return usagef("--group %s or the user %s: leave out one of them", term.Printable(cfg.group), term.Printable(args[0]))
	case optional && cfg.group == "" && len(args) < len(names):
		return usagef("name a user, or a group with --group")
	case optional && cfg.group != "":
		c.Verb, c.Inbox = act.group, cfg.group
	case len(names) > 0:
		c.Inbox, args = args[0], args[1:]
	}
	if act.prepare != nil {
		if err := act.prepare(c, args); err != nil {
			return err
		}
	}
	if err := c.Validate(); err != nil {
		return usagef("%w", err)
	}
	return cfg.clientConfig.validate()
}

// acted is the result of an action.
type acted struct {
	ID      string     `json:"id,omitempty"` // of the message that was published
	Seq     events.Seq `json:"seq"`
	Refused string     `json:"refused,omitempty"` // the reason
}

func (a *app) act(ctx context.Context, c *client, cfg *actConfig) error {
	p, err := c.openPublisher(ctx, cfg.wait)
	if err != nil {
		return err
	}
	defer p.Close()
	result, err := c.store(ctx, p, cfg.command)
	if err != nil {
		return err
	}
	if cfg.wait {
		if err := waitEmitted(ctx, c, result.Seq, func(events.Status) {}); err != nil {
			return fmt.Errorf("the command is stored, seq %d; wait for reddot: %w", result.Seq, err)
		}
		named, _, err := c.refused(ctx, p)
		if err != nil {
			return fmt.Errorf("the command is stored, seq %d: %w", result.Seq, err)
		}
		if len(named) > 0 {
			result.Refused = named[0].Reason
		}
	}
	return a.printActed(result, cfg.json)
}

func (a *app) printActed(r acted, asJSON bool) error {
	var err error
	switch {
	case asJSON:
		err = a.printJSON(r)
	case r.Refused != "":
	case r.ID != "":
		err = a.print(fmt.Sprintf("message %s, seq %d\n", term.Printable(r.ID), r.Seq))
	default:
		err = a.print(fmt.Sprintf("seq %d\n", r.Seq))
	}
	if err == nil && r.Refused != "" {
		err = fmt.Errorf("the command was refused, seq %d: %s", r.Seq, term.Printable(r.Refused))
	}
	return err
}

// store stores one command.
func (c *client) store(ctx context.Context, p *goclient.Publisher, command events.Command) (acted, error) {
	err := p.Add(ctx, command)
	var seq events.Seq
	if err == nil {
		seq, err = p.Flush(ctx)
	}
	e, failed := errors.AsType[*goclient.PublishError](err)
	switch {
	case err == nil:
	case ctx.Err() != nil:
		return acted{}, fmt.Errorf("%w: the command may be stored", ended(ctx))
	case failed && e.Err.Uncertain:
		return acted{}, fmt.Errorf("%w: the command may be stored", c.publishAdvice(e.Err))
	case failed:
		return acted{}, c.publishAdvice(e.Err)
	default:
		return acted{}, err
	}
	result := acted{Seq: seq}
	if command.Verb == events.UserMessage || command.Verb == events.GroupMessage {
		result.ID = command.ID
	}
	return result, nil
}
