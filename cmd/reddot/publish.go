package main

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync/atomic"

	"github.com/spf13/cobra"

	goclient "reddot/api/client"
	"reddot/cmd/reddot/lines"
	"reddot/cmd/reddot/term"
	"reddot/events"
)

// publishConfig is the command line of publish.
type publishConfig struct {
	clientConfig
	file     string // "-" for standard input
	fromLine int    // lines before it are skipped
	rate     int    // commands per second; 0 for no limit
	wait     bool
	// rewritePrefix publishes commands for another prefix under this one.
	rewritePrefix bool
	json          bool
}

func (a *app) publishCommand() *cobra.Command {
	var cfg publishConfig
	cmd := &cobra.Command{
		Use:     "publish [FILE|-]",
		GroupID: groupClient,
		Short:   "Publish commands from JSON lines",
		Long: `Publish commands from a file of JSON lines, one {"subject", "payload"} each, or
from standard input. gzip is recognized by its content. Commands are stored in
the order of the lines; a line that is no command stops it before anything
after it is sent.

An error names the first line that was not acknowledged; go on there with
--from-line. Some of the lines after it may be stored already: a copied message
changes nothing, but a read without a position would then be applied twice.

A command that is stored may still be refused when it is applied, as a read in a
group that its user is not in. Only --wait hears of that: it says which lines
were refused and why, and exits with 1.

While a bulk import runs at full speed, what live users do is told behind it:
bound it with --rate, or do it before you let them in.`,
		Example: `  # publish a file, then wait until it is applied and its events are stored
  reddot publish --wait commands.jsonl.gz

  # one command
  echo '{"subject":"unread.cmd.user.alice.message","payload":{"id":"m1","from":"bob"}}' | reddot publish

  # replay at 500 commands a second
  reddot publish --rate 500 commands.jsonl`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			cfg.file = "-"
			if len(args) > 0 {
				cfg.file = args[0]
			}
			if err := cfg.validate(); err != nil {
				return err
			}
			return a.publish(cmd.Context(), &cfg)
		},
	}
	cfg.addFlags(cmd)
	f := cmd.Flags()
	f.IntVar(&cfg.fromLine, "from-line", 1, "skip the lines before this `number`")
	f.IntVar(&cfg.rate, "rate", 0, "most commands per second; 0 for no limit")
	f.BoolVar(&cfg.wait, "wait", false, "wait until the last command is applied and its events are stored")
	f.BoolVar(&cfg.rewritePrefix, "rewrite-prefix", false, "publish commands for another prefix, too, under this one")
	f.BoolVar(&cfg.json, "json", false, "print the result as JSON")
	return cmd
}

// validate reports a usageError.
func (cfg *publishConfig) validate() error {
	if cfg.fromLine < 1 {
		return usagef("--from-line %d: lines are counted from 1", cfg.fromLine)
	}
	if cfg.rate < 0 {
		return usagef("--rate %d: use 1 or more, or 0 for no limit", cfg.rate)
	}
	return cfg.clientConfig.validate()
}

// published is the result of publish.
type published struct {
	Published int64      `json:"published"` // commands stored
	LastSeq   events.Seq `json:"last_seq"`  // of the last one; 0 if none

	Refused  *int64    `json:"refused,omitempty"`  // of them; nil if that was not waited for
	Refusals []refusal `json:"refusals,omitempty"` // the first ones
}

func (a *app) publish(ctx context.Context, cfg *publishConfig) error {
	from, closeSource, err := lines.Open(cfg.file, a.stdin)
	if err != nil {
		return err
	}
	defer closeSource() // read only: nothing can be lost
	return a.withClient(ctx, &cfg.clientConfig, "publish", func(c *client) error {
		ctx, unbind := c.Bind(ctx)
		defer unbind()
		r, err := from.Reader(ctx)
		if err != nil {
			return fmt.Errorf("%s: %w", from.Name, err)
		}
		p, err := openPublisher(ctx, c, r, cfg)
		if err != nil {
			return err
		}
		defer p.Close()
		gauge, stop := countedGauge(ctx, from, p)
		bar := term.Start(a.stderr, gauge)
		err = p.run(ctx)
		bar.Finish(err == nil)
		stop()
		if err != nil {
			return fmt.Errorf("%s: %w", from.Name, err)
		}
		if p.early.line > 0 {
			fmt.Fprintf(a.stderr, "%s: %v\n", from.Name, p.early)
		}
		result := published{Published: p.acked.Load(), LastSeq: events.Seq(p.lastSeq.Load())}
		if cfg.wait {
			if err := a.waitResult(ctx, c, p.Publisher, &result); err != nil {
				return fmt.Errorf("%s stored, last seq %d; wait for reddot: %w", term.Several(result.Published, "command"), result.LastSeq, err)
			}
		}
		if err := a.printPublished(result, cfg.json); err != nil {
			return err
		}
		return result.failure()
	})
}

// waitResult waits until what was published is applied and its events are stored,
// and enters what
// was refused.
func (a *app) waitResult(ctx context.Context, c *client, p *goclient.Publisher, r *published) error {
	if r.LastSeq > 0 {
		if err := a.waitShown(ctx, c, *r); err != nil {
			return err
		}
	}
	named, count, err := c.refused(ctx, p)
	if err != nil {
		return err
	}
	r.Refusals, r.Refused = named, &count
	return nil
}

// publishGauge is the gauge of a publish.
type publishGauge struct {
	acked *atomic.Int64 // commands acknowledged
	lines *atomic.Int64 // to publish; -1 while that is not known
}

func (g publishGauge) Total() int64  { return g.lines.Load() }
func (g publishGauge) At() int64     { return g.acked.Load() }
func (g publishGauge) Count() int64  { return g.acked.Load() }
func (g publishGauge) Words() string { return term.OfTotal(g.At(), g.Total(), "commands") }

// countedGauge is a publish's gauge. The lines are counted while they are
// published, until stop is called.
func countedGauge(ctx context.Context, from *lines.Source, p *linePublisher) (g publishGauge, stop func()) {
	g = publishGauge{acked: &p.acked, lines: new(atomic.Int64)}
	g.lines.Store(-1)
	ctx, cancel := context.WithCancel(ctx)
	counted := make(chan struct{})
	go func() {
		defer close(counted)
		if n := from.Count(ctx, p.fromLine); n >= 0 {
			g.lines.Store(n)
		}
	}()
	return g, func() {
		cancel()
		<-counted
	}
}

// waitShown is waitEmitted with a progress.
func (a *app) waitShown(ctx context.Context, c *client, r published) error {
	bar := term.StartBar(a.stderr, "commands are applied and told", uint64(r.Published))
	err := waitEmitted(ctx, c, r.LastSeq, func(s events.Status) {
		// Others' commands may lie between.
		bar.Set(uint64(max(r.Published-int64(r.LastSeq-min(s.Emitted, r.LastSeq)), 0)))
	})
	bar.Finish(false)
	return err
}

func (a *app) printPublished(r published, asJSON bool) error {
	if asJSON {
		return a.printJSON(r)
	}
	text := fmt.Sprintf("published %s, last seq %d\n", term.Several(r.Published, "command"), r.LastSeq)
	if len(r.Refusals) > 0 {
		text += "\n" + renderRefusals(r.Refusals)
		if more := *r.Refused - int64(len(r.Refusals)); more > 0 {
			text += fmt.Sprintf("... and %d more\n", more)
		}
	}
	return a.print(text)
}

func renderRefusals(list []refusal) string {
	t := term.NewTable(">LINE", ">SEQ", "REFUSED", "REASON")
	for _, r := range list {
		line := "?"
		if r.Line > 0 {
			line = strconv.Itoa(r.Line)
		}
		t.Add(line, term.Number(r.Seq), term.Printable(r.Subject), advised(r.Subject, r.Reason))
	}
	return t.String()
}

// failure is the error that commands were refused, if any were.
func (r published) failure() error {
	if r.Refused == nil || *r.Refused == 0 {
		return nil
	}
	if *r.Refused == 1 {
		return errors.New("1 command was refused")
	}
	return fmt.Errorf("%s commands were refused", term.Grouped(*r.Refused))
}
