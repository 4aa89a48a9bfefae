package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/spf13/cobra"

	"reddot/cmd/reddot/lines"
	"reddot/cmd/reddot/term"
	"reddot/events"
	"reddot/projector/log"
)

// exportConfig is the command line of export.
type exportConfig struct {
	clientConfig
	file     string // "-" for standard output
	from, to uint64 // seqs, inclusive; 0: the log's own
	skip     seqs
}

func (a *app) exportCommand() *cobra.Command {
	var cfg exportConfig
	cmd := &cobra.Command{
		Use:     "export [FILE|-]",
		GroupID: groupProof,
		Short:   "Write the commands of the log as JSON lines",
		Long: `Write the commands of the log, or a range of them, as the JSON lines that
"reddot publish" takes, to a file or to standard output. A file whose name ends
in .gz is compressed; it is in its place only when it is complete.

A command without a time of its own is given the one at which the stream took it
in ("at"), so that the lines give the same answers wherever they are published.
Fields that reddot does not know are left out. So are commands that were refused
as malformed: they change nothing, and publish would not take them; how many
those are is told at the end.`,
		Example: `  reddot export commands.jsonl.gz

  # the last commands before something went wrong
  reddot export --from 120000 --to 120500 | less`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			cfg.file = "-"
			if len(args) > 0 {
				cfg.file = args[0]
			}
			for _, name := range []string{"from", "to"} {
				if f := cmd.Flags().Lookup(name); f.Changed && f.Value.String() == "0" {
					return usagef("--%s 0: seqs begin at 1", name)
				}
			}
			if cfg.to != 0 && cfg.to < cfg.from {
				return usagef("--from %d --to %d: name the first, then the last", cfg.from, cfg.to)
			}
			if err := cfg.validate(); err != nil {
				return err
			}
			return a.withBound(cmd.Context(), &cfg.clientConfig, "export", func(ctx context.Context, c *client) error {
				return a.export(ctx, c, &cfg)
			})
		},
	}
	cfg.addFlags(cmd)
	cmd.Flags().Uint64Var(&cfg.from, "from", 0, "`seq` of the first command (default the log's first)")
	cfg.skip.addSkip(cmd.Flags())
	cmd.Flags().Uint64Var(&cfg.to, "to", 0, "`seq` of the last command (default the log's last)")
	return cmd
}

// findLog opens the log of the server that a client talks to.
func (a *app) findLog(ctx context.Context, c *client) (*log.Log, error) {
	js, err := c.jetStream()
	if err != nil {
		return nil, err
	}
	limited, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	log, err := log.Find(limited, js, c.subjects, a.warnings())
	if errors.Is(err, jetstream.ErrStreamNotFound) {
		return nil, fmt.Errorf(`there is no stream %s at %s: start "reddot serve" once, or name the server with --server, the prefix with --prefix`,
			c.subjects.CommandStream(), c.URL)
	}
	return log, err
}

func (a *app) export(ctx context.Context, c *client, cfg *exportConfig) error {
	log, err := a.findLog(ctx, c)
	if err != nil {
		return err
	}
	log.Skip(cfg.skip...)
	first, last, err := log.Range(ctx)
	if err != nil {
		return err
	}
	from, to, err := cfg.within(first, last)
	if err != nil {
		return err
	}
	out, err := lines.Create(cfg.file, a.stdout)
	if err != nil {
		return err
	}
	bar := term.StartBar(a.stderr, "commands exported", uint64(to+1-from))
	left, err := lines.Export(ctx, out, log, from, to, func(seq events.Seq) { bar.Set(uint64(seq + 1 - from)) })
	bar.Finish(err == nil)
	if err = out.Close(err); err != nil {
		return err
	}
	if left.Refused > 0 {
		fmt.Fprintf(a.stderr, "%s refused as malformed, left out\n", term.Several(left.Refused, "command"))
	}
	if left.Skipped > 0 {
		fmt.Fprintf(a.stderr, "%s that can't be read passed over\n", term.Several(left.Skipped, "command"))
	}
	return nil
}

// within is the range that is asked for, of those that the log holds.
func (cfg *exportConfig) within(first, last events.Seq) (from, to events.Seq, err error) {
	from, to = events.Seq(cfg.from), events.Seq(cfg.to)
	if from == 0 {
		from = first
	}
	if to == 0 {
		to = last
	}
	switch asked := cfg.from != 0 || cfg.to != 0; {
	case asked && first > last:
		return 0, 0, errors.New("the log holds no commands")
	case from < first || to > last || from > to && asked:
		return 0, 0, fmt.Errorf("the log holds commands %d to %d: name a range in it with --from and --to", first, last)
	}
	return from, to, nil
}
