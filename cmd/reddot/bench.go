package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"reddot/cmd/reddot/bench"
	"reddot/cmd/reddot/lines"
	"reddot/cmd/reddot/natsserver"
	"reddot/cmd/reddot/term"
	"reddot/events"
)

// benchConfig is the command line of bench.
type benchConfig struct {
	bench.Config
	sync natsserver.SyncPolicy
	file string // commands from it instead of drawn ones; "-" for standard input
	json bool
}

func (a *app) benchCommand() *cobra.Command {
	cfg := benchConfig{sync: natsserver.SyncPolicy{Every: time.Second}}
	names, words := bench.Stages()
	var list strings.Builder
	for i, name := range names {
		fmt.Fprintf(&list, "  %-8s   %s\n", name, words[i])
	}
	cmd := &cobra.Command{
		Use:       "bench [STAGE...]",
		GroupID:   groupServer,
		Short:     "Measure how fast this machine is",
		ValidArgs: names,
		Long: `Measure, on this machine and with servers of its own in temporary folders, and
print the figures in one table: each beside what it is compared with, measured
in the same run, and the aim. Only ratios tell anything about another machine.

The traffic is drawn from a seed: 60 % C2C messages, 25 % group messages, 13 %
reads, 1.5 % read-all and 0.5 % revokes, in groups of 3 to 2,000 members. Joins
come first and are not counted.

Stages (default: all but failover; those that a stage needs are run, too):
` + list.String() + `
In failover three NATS servers and two reddots run, 200 commands a second are
published for 50 users, and each part ends, is killed and hangs for a while. The
longest silence of events is told, and the longest time until a command was stored
that had to be sent again; for a NATS server that is killed or hangs beside what
the cluster took to elect another leader. Nothing may be told twice, no version
may go backward, and what was told must be what each reddot answers, and verify
agree with: else it fails, and says where the logs are.`,
		Example: `  # everything: some minutes
  reddot bench

  # how fast a store is rebuilt
  reddot bench rebuild

  # what a failure costs: medians of three runs
  reddot bench --runs 3 --starts 10 failover

  # the median of three runs, with recorded commands
  reddot bench --runs 3 --commands commands.jsonl.gz live latency`,
		RunE: func(cmd *cobra.Command, args []string) error {
			cfg.Stages = args
			cfg.Sync = cfg.sync.String()
			if err := cfg.Validate(); err != nil {
				return usageError{err}
			}
			return a.bench(cmd.Context(), &cfg)
		},
	}
	f := cmd.Flags()
	f.Uint64Var(&cfg.Workload.Seed, "seed", 1, "`number` that decides which commands are drawn")
	f.IntVar(&cfg.Workload.Users, "users", 100_000, "users")
	f.IntVar(&cfg.Workload.Groups, "groups", 5_000, "groups")
	f.IntVar(&cfg.Workload.Commands, "count", 1_000_000, "commands, without the joins")
	f.StringVar(&cfg.file, "commands", "", "take the commands from a `file` of JSON lines, as publish does, instead of drawing them")
	f.IntVar(&cfg.Runs, "runs", 1, "do everything so often, and print the median")
	f.IntVar(&cfg.Starts, "starts", 30, "how often failover starts both reddots at the same moment, each time on a fresh cluster")
	f.DurationVar(&cfg.For, "for", 10*time.Second, "how long latency is measured at each rate; a query is measured for a quarter of it")
	f.Var(&cfg.sync, "sync", "when the servers force stored messages to disk: an interval, or always")
	f.StringVar(&cfg.Dir, "dir", "", "`directory` for the data while it runs (default: that of temporary files)")
	f.StringVar(&cfg.Profiles, "profiles", "", "write a CPU profile of each process of the benchmark into this `directory`")
	f.BoolVar(&cfg.json, "json", false, "print the result as JSON")
	return cmd
}

func (a *app) bench(ctx context.Context, cfg *benchConfig) (err error) {
	if cfg.Program, err = os.Executable(); err != nil {
		return fmt.Errorf("find this program: %w", err)
	}
	if cfg.file != "" {
		cfg.Commands = a.linesOf(ctx, cfg.file)
	}
	cfg.Watch = func(s *bench.Step) func(bool) {
		return term.Start(a.stderr, stepGauge{s}).Finish
	}
	result, err := bench.Run(ctx, cfg.Config)
	switch {
	case ctx.Err() != nil:
		return errInterrupted
	case err != nil:
		return err
	case !cfg.json:
		return a.print(renderBench(result))
	}
	out, err := json.Marshal(result)
	if err != nil {
		return fmt.Errorf("encode the result: %w", err)
	}
	return a.print(string(out) + "\n")
}

// stepGauge is the gauge of a step of bench.
type stepGauge struct{ *bench.Step }

func (g stepGauge) Total() int64 { return g.Step.Total }
func (g stepGauge) At() int64    { return g.Done() }

func (g stepGauge) Words() string {
	if at, total := g.At(), g.Total(); at < total {
		return fmt.Sprintf("%s, %s of %s", g.Name, term.Grouped(at), term.Grouped(total))
	}
	return g.Name
}

func (g stepGauge) Count() int64 {
	if g.Turns {
		return 0
	}
	return g.Done()
}

// linesOf are the commands in a file, with the default prefix.
func (a *app) linesOf(ctx context.Context, file string) bench.Commands {
	return func(give func(string, []byte) error) error {
		from, closeSource, err := lines.Open(file, a.stdin)
		if err != nil {
			return err
		}
		defer closeSource() // read only: nothing can be lost
		subjects, err := events.NewSubjects(events.DefaultPrefix)
		if err != nil {
			return err
		}
		r, err := from.Reader(ctx)
		if err != nil {
			return fmt.Errorf("%s: %w", from.Name, err)
		}
		for parser := events.NewLineParser(subjects); ; {
			line, err := r.Next()
			if errors.Is(err, io.EOF) {
				return nil
			}
			subject, payload := "", []byte(nil)
			if err == nil {
				subject, payload, err = parser.Parse(line)
			}
			if err != nil {
				return fmt.Errorf("%s: line %d: %w", from.Name, r.Number(), err)
			}
			if err := give(subject, payload); err != nil {
				return err
			}
		}
	}
}

// renderBench shows a result as a table.
func renderBench(r *bench.Result) string {
	t := term.NewTable("STAGE", "MEASURED", ">VALUE", "AGAINST", ">REFERENCE", ">RATIO", "AIM", "", ">P50", ">P99")
	stage := ""
	for i := range r.Figures {
		f := &r.Figures[i]
		reference, ratio, aim, verdict, p50, p99 := "", "", "", "", "", ""
		if f.Against != "" {
			reference, ratio = quantity(f.Reference, f.Unit), ratioText(f.Ratio)
		}
		if f.Aim != nil {
			aim, verdict = aimText(f), "not met"
			if f.Aim.Met {
				verdict = "met"
			}
		}
		if f.Times != nil {
			p50, p99 = quantity(f.Times.P50, bench.Seconds), quantity(f.Times.P99, bench.Seconds)
		}
		name := f.Stage
		if name == stage {
			name = ""
		}
		stage = f.Stage
		t.Add(name, f.Name, quantity(f.Value, f.Unit), f.Against, reference, ratio, aim, verdict, p50, p99)
	}
	return fmt.Sprintf("%s commands, after %s joins; %s\n\n%s",
		term.Grouped(int64(r.Commands)), term.Grouped(int64(r.Joins)), term.Several(int64(r.Runs), "run"), t)
}

// ratioText shows a ratio with some three digits.
func ratioText(r float64) string {
	switch {
	case r >= 100:
		return term.Grouped(int64(r + 0.5))
	case r >= 0.1:
		return fmt.Sprintf("%.2f", r)
	}
	return fmt.Sprintf("%.4f", r)
}

// aimText is what a figure should be.
func aimText(f *bench.Figure) string {
	sign := "≤"
	if f.Aim.AtLeast {
		sign = "≥"
	}
	if f.Against != "" {
		return fmt.Sprintf("%s %.2f", sign, f.Aim.Bar)
	}
	return sign + " " + quantity(f.Aim.Bar, f.Unit)
}

// quantity shows a figure with some three digits and its unit.
func quantity(v float64, unit bench.Unit) string {
	switch unit {
	case bench.Seconds:
		return time.Duration(v * 1e9).Round(roundTo(v)).String()
	case bench.Bytes:
		if v >= 10e6 {
			return fmt.Sprintf("%.0f MB", v/1e6)
		}
		return fmt.Sprintf("%.1f B", v)
	}
	return term.Grouped(int64(v)) + string(unit)
}

// roundTo leaves a time of so many seconds some three digits.
func roundTo(seconds float64) time.Duration {
	step := time.Nanosecond
	for limit := 1e-6; seconds >= limit && step < time.Second; limit *= 10 {
		step *= 10
	}
	return step
}
