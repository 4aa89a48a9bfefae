package main

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/spf13/cobra"

	"reddot/cmd/reddot/counts"
	"reddot/cmd/reddot/term"
	"reddot/events"
)

// importConfig is the command line of import.
type importConfig struct {
	clientConfig
	origin originConfig
	rate   int // conversations per second; 0 for no limit
	wait   bool
	hold   bool
	dryRun bool
	json   bool
}

func (a *app) importCommand() *cobra.Command {
	var cfg importConfig
	cmd := &cobra.Command{
		Use:     "import FILE|-",
		GroupID: groupClient,
		Short:   "Import the counts of another system",
		Long: `Import what another system counts, as what each conversation was before
everything that reddot was told of it. Live commands may come before, meanwhile
and after.

` + originHelp + `

A conversation is imported once: what is imported already stays as it is, so
that an import that was stopped is simply run again. If the user has read it
meanwhile, nothing is carried over.

Rows of one user that follow each other are one command, 1,000 conversations at
most: sort a large file by user. A bad row stops it; what stands before it is
imported. --dry-run names every bad row, and publishes nothing.

With --hold changes and receipts are held back while it runs, and each user is
told once, at the end. Otherwise bound it with --rate while others are live.`,
		Example: `  # what would it do?
  reddot import --dry-run counts.csv

  # do it, and wait until it counts
  reddot import --hold --wait counts.csv

  # the counters of HINCRBY unread:alice c2c_bob 1
  reddot import --from redis redis://127.0.0.1:6379/0 --key 'unread:{user}'`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			cfg.origin.at = args[0]
			if err := cfg.origin.validate(cmd); err != nil {
				return err
			}
			if err := cfg.validate(); err != nil {
				return err
			}
			return a.importCounts(cmd.Context(), &cfg)
		},
	}
	cfg.addFlags(cmd)
	cfg.origin.addFlags(cmd)
	f := cmd.Flags()
	f.IntVar(&cfg.rate, "rate", 0, "most conversations per second; 0 for no limit")
	f.BoolVar(&cfg.wait, "wait", false, "wait until the last command is applied and its events are stored")
	f.BoolVar(&cfg.hold, "hold", false, "hold changes and receipts back while it runs, and send them once at the end")
	f.BoolVar(&cfg.dryRun, "dry-run", false, "publish nothing, and say what would be")
	f.BoolVar(&cfg.json, "json", false, "print the result as JSON")
	return cmd
}

// validate reports a usageError.
func (cfg *importConfig) validate() error {
	if cfg.rate < 0 {
		return usagef("--rate %d: use 1 or more, or 0 for no limit", cfg.rate)
	}
	if cfg.dryRun {
		for flag, set := range map[string]bool{"wait": cfg.wait, "hold": cfg.hold, "rate": cfg.rate > 0} {
			if set {
				return usagef("--%s is for an import that is done: leave it out, or leave out --dry-run", flag)
			}
		}
	}
	return cfg.clientConfig.validate()
}

// imported is the result of an import.
type imported struct {
	DryRun        bool       `json:"dry_run,omitempty"`
	Commands      int64      `json:"commands"`
	Users         int64      `json:"users"` // one whose rows lie apart counts again
	Conversations int64      `json:"conversations"`
	Unread        uint64     `json:"unread"`
	Mentions      uint64     `json:"mentions"`
	LastSeq       events.Seq `json:"last_seq,omitempty"` // of the last command

	Bad     int64    `json:"bad,omitempty"` // rows, of a dry run
	BadRows []string `json:"bad_rows,omitempty"`

	Refused  *int64    `json:"refused,omitempty"`  // commands; nil if that was not waited for
	Refusals []refusal `json:"refusals,omitempty"` // the first ones
}

// add adds a batch behind that of another user, or of the same.
func (r *imported) add(b *batch, sameUser bool) {
	r.Commands++
	if !sameUser {
		r.Users++
	}
	r.Conversations += int64(len(b.conversations))
	for i := range b.conversations {
		r.Unread += b.conversations[i].Unread
		r.Mentions += b.conversations[i].Mentions
	}
}

func (a *app) importCounts(ctx context.Context, cfg *importConfig) error {
	if cfg.dryRun {
		return a.dryImport(ctx, cfg)
	}
	return a.withBound(ctx, &cfg.clientConfig, "import", func(ctx context.Context, c *client) error {
		if err := c.imports(ctx); err != nil {
			return err
		}
		from, err := a.openOrigin(ctx, &cfg.origin)
		if err != nil {
			return err
		}
		defer from.close() // read only: nothing can be lost
		result, err := a.runImport(ctx, c, from, cfg)
		if err != nil {
			return fmt.Errorf("%s: %w", from.name, err)
		}
		if err := a.printImported(result, cfg.json); err != nil {
			return err
		}
		return published{Refused: result.Refused}.failure()
	})
}

// imports reports a reddot that is there and would refuse an import. The log takes it
// without one, too.
func (c *client) imports(ctx context.Context) error {
	s, err := ask(ctx, c, 0, c.reddot.Status)
	if err != nil || slices.Contains(s.Features, events.FeatureImport) {
		return nil
	}
	return errors.New("the reddot that answers there knows no imports, and would refuse them: start a newer one first")
}

// shownBad is how many bad rows a dry run names; the rest are counted.
const shownBad = 100

// dryImport reads everything, and says what would be imported.
func (a *app) dryImport(ctx context.Context, cfg *importConfig) error {
	from, err := a.openOrigin(ctx, &cfg.origin)
	if err != nil {
		return orInterrupted(ctx, err)
	}
	defer from.close() // read only: nothing can be lost
	result := imported{DryRun: true}
	bar := term.StartBar(a.stderr, "conversations read", 0)
	b := &batcher{from: from, bad: func(wrong *counts.RowError) error {
		if result.Bad++; result.Bad <= shownBad {
			result.BadRows = append(result.BadRows, rowAdvice(wrong).Error())
		}
		return nil
	}}
	err = eachBatch(ctx, b, func(one *batch, sameUser bool) error {
		result.add(one, sameUser)
		bar.Set(uint64(result.Conversations))
		return nil
	})
	bar.Finish(err == nil)
	if err != nil {
		return orInterrupted(ctx, fmt.Errorf("%s: %w", from.name, err))
	}
	if err := a.printImported(result, cfg.json); err != nil {
		return err
	}
	if result.Bad > 0 {
		return fmt.Errorf("%s: %s can't be imported", from.name, term.Several(result.Bad, "row"))
	}
	return nil
}

// orInterrupted is err, or that the user has interrupted what failed then.
func orInterrupted(ctx context.Context, err error) error {
	if err != nil && ctx.Err() != nil {
		return errInterrupted
	}
	return err
}

func (a *app) printImported(r imported, asJSON bool) error {
	if asJSON {
		return a.printJSON(r)
	}
	verb := "imported"
	if r.DryRun {
		verb = "would import"
	}
	text := fmt.Sprintf("%s %s of %s in %s: %s unread, %s", verb, term.Several(r.Conversations, "conversation"), term.Several(r.Users, "user"),
		term.Several(r.Commands, "command"), term.Grouped(int64(r.Unread)), term.Several(r.Mentions, "mention"))
	if r.LastSeq > 0 {
		text += fmt.Sprintf("; last seq %d", r.LastSeq)
	}
	text += "\n"
	for _, row := range r.BadRows {
		text += term.Printable(row) + "\n"
	}
	if more := r.Bad - int64(len(r.BadRows)); more > 0 {
		text += fmt.Sprintf("... and %d more\n", more)
	}
	if len(r.Refusals) > 0 {
		text += "\n" + renderRefusals(r.Refusals)
	}
	return a.print(text)
}
