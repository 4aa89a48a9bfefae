package bench

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"reddot/cmd/reddot/process"
	"reddot/events"
)

// Config says what to measure, and with what.
type Config struct {
	Program string // path of this program, which serves as the server, too
	Dir     string // data is kept in a folder below it and removed at the end
	Sync    string // --sync of every server

	// Profiles is a folder for a CPU profile of each process of the benchmark;
	// empty for none. Of several runs the last one's stay.
	Profiles string

	Workload Workload
	Commands Commands // instead of the workload's; nil: none

	Stages []string      // names of stages; none: all
	Runs   int           // times that everything is done
	Starts int           // of both reddots at the same moment, in failover
	For    time.Duration // how long latency is measured at each rate; queries are asked for a quarter of it

	// Watch is called when a step begins, and what it returns when it ends.
	Watch func(*Step) (end func(complete bool))
}

// Step is a part of a stage that takes a while.
type Step struct {
	Name  string
	Total int64 // things to do; -1 if it is not known
	Turns bool  // the things are turns that differ, else commands
	done  atomic.Int64
}

// Done is how many of them are done.
func (s *Step) Done() int64 { return s.done.Load() }

// Result is what was measured: of several runs the median.
type Result struct {
	Workload *Workload `json:"workload,omitempty"` // nil: commands from a file
	Joins    int       `json:"joins"`
	Commands int       `json:"commands"`
	Runs     int       `json:"runs"`
	Figures  []Figure  `json:"figures"`
}

// stage is something that is measured.
type stage struct {
	name  string
	words string   // what it measures
	needs []string // stages that must come before: they give the log or the reference
	times int      // of the workload's commands that it needs
	named bool     // it is run only where it is named
	run   func(*bench, context.Context) error
}

// stages are all, in the order in which they run.
func stages() []stage {
	return []stage{
		{"publish", "bare JetStream async publish of the commands", nil, 1, false, (*bench).publish},
		{"read", "a consumer that does nothing reads them all", []string{"publish"}, 1, false, (*bench).read},
		{"rebuild", "the commands folded from the log into a fresh store", []string{"read"}, 1, false, (*bench).rebuild},
		{"disk", "bytes of the log, and of the store after compaction", []string{"rebuild"}, 1, false, (*bench).disk},
		{"live", "published while they are folded and events go to everyone", []string{"publish"}, 1, false, (*bench).live},
		{"memory", "the most memory resident, with the commands and twice as many", nil, 2, false, (*bench).memory},
		{"latency", "from publish to event heard at fixed rates, beside a bare pipe", nil, 0, false, (*bench).latency},
		{"query", "answers per second and their times, idle and during live", nil, 2, false, (*bench).query},
		{"http", "answers and commands over HTTP, beside an empty handler and publishing on NATS", []string{"publish"}, 1, false, (*bench).web},
		{"streams", "5,000 streams over HTTP opened at once, cut and opened again, idle and told of changes", nil, 0, false, (*bench).streams},
		{"webhooks", "what is told over HTTP after an outage, and beside an endpoint that hangs", nil, 0, false, (*bench).webhooks},
		{"fanout", "a message to a group of 10, 1,000 and 100,000", nil, 0, false, (*bench).fanout},
		{"views", "N of M of a message of a group of 100,000, its readers, and totals of a user who has much, each from the store", nil, 0, false, (*bench).views},
		{"fairness", "messages to one user while work in bulk of others is done", nil, 0, false, (*bench).fairness},
		{"recovery", "until reddot is ready: from a snapshot, from the log, after SIGKILL", nil, 1, false, (*bench).recovery},
		{"growth", "rebuild with five times the commands against half of them", nil, 5, false, (*bench).growth},
		{"recipes", "the commands by what is built on Redis instead, for which redis-server is needed: only where it is named", []string{"live"}, 1, true, (*bench).recipes},
		{"failover", "a cluster and two reddots, of which one part after the other fails: some 10 minutes, only where it is named", nil, 0, true, (*bench).failover},
	}
}

// Stages are the names of the stages and what they measure.
func Stages() (names, words []string) {
	for _, s := range stages() {
		names, words = append(names, s.name), append(words, s.words)
	}
	return names, words
}

// selected are the stages asked for and those that they need, in order.
func (c *Config) selected() ([]stage, error) {
	all := stages()
	wanted := map[string]bool{}
	for _, name := range c.Stages {
		if !slices.ContainsFunc(all, func(s stage) bool { return s.name == name }) {
			names, _ := Stages()
			return nil, fmt.Errorf("unknown stage %q: use some of %s", name, strings.Join(names, ", "))
		}
		wanted[name] = true
	}
	var chosen []stage
	for _, s := range slices.Backward(all) {
		if len(wanted) > 0 && !wanted[s.name] || len(wanted) == 0 && s.named {
			continue
		}
		for _, name := range s.needs {
			if len(wanted) > 0 {
				wanted[name] = true
			}
		}
		chosen = append(chosen, s)
	}
	slices.Reverse(chosen)
	return chosen, nil
}

// Validate says what is wrong with a Config.
func (c *Config) Validate() error {
	w := c.Workload
	if _, err := c.selected(); err != nil {
		return err
	}
	switch {
	case w.Users < 2:
		return fmt.Errorf("%d users: use 2 or more", w.Users)
	case w.Groups < 1:
		return fmt.Errorf("%d groups: use 1 or more", w.Groups)
	case w.Users >= 1e8 || w.Groups >= 1e7:
		return errors.New("use less than 100,000,000 users and 10,000,000 groups")
	case w.Commands < 10:
		return fmt.Errorf("%d commands: use 10 or more", w.Commands)
	case c.Runs < 1:
		return fmt.Errorf("%d runs: use 1 or more", c.Runs)
	case c.Starts < 1:
		return fmt.Errorf("%d starts: use 1 or more", c.Starts)
	case c.For < 100*time.Millisecond:
		return fmt.Errorf("%v for a measurement: use 100ms or more", c.For)
	}
	return nil
}

// bench is one run.
type bench struct {
	cfg      Config
	dir      string // of the run
	subjects events.Subjects
	script   *script
	sizes    sizes
	children []*process.Process
	fail     context.CancelCauseFunc // ends the run

	log     *filled                               // the commands, with the server that has them
	rates   struct{ publish, read, live float64 } // commands per second
	figures []Figure
}

// sizes are numbers of commands.
type sizes struct {
	all         int // most stages'
	once, twice int // memory's; query publishes the first of them, and the others while it asks
	few, many   int // growth's
}

// Run measures. It leaves no files and no processes behind.
func Run(ctx context.Context, cfg Config) (*Result, error) {
	chosen, err := cfg.selected()
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp(cfg.Dir, "reddot-bench-")
	if err != nil {
		return nil, fmt.Errorf("create a folder for the data: %w: name another place with --dir", err)
	}
	defer os.RemoveAll(dir)
	subjects, err := events.NewSubjects(events.DefaultPrefix)
	if err != nil {
		return nil, err
	}
	script, sizes, err := cfg.write(ctx, dir, subjects, chosen)
	if err != nil {
		return nil, err
	}
	result := &Result{Joins: script.joins, Commands: sizes.all, Runs: cfg.Runs}
	if cfg.Commands == nil {
		result.Workload = &cfg.Workload
	}
	var runs [][]Figure
	for i := range cfg.Runs {
		b := &bench{cfg: cfg, dir: filepath.Join(dir, fmt.Sprint("run", i)), subjects: subjects, script: script, sizes: sizes}
		if err := b.do(ctx, chosen); err != nil {
			return nil, err
		}
		runs = append(runs, b.figures)
	}
	result.Figures = medians(runs)
	return result, nil
}

// write writes the commands that the stages need to a file.
func (c *Config) write(ctx context.Context, dir string, subjects events.Subjects, chosen []stage) (*script, sizes, error) {
	times, joins := 0, 0
	for _, s := range chosen {
		times = max(times, s.times)
	}
	if times == 0 {
		return &script{}, sizes{}, nil
	}
	n := c.Workload.Commands
	size := sizes{all: n, once: n, twice: 2 * n, few: n / 2, many: 5 * n}
	from := c.Commands
	step := &Step{Name: "commands", Total: -1}
	if from == nil {
		from = c.Workload.all(subjects, times*n, &joins)
		step.Total = int64(c.Workload.Groups + times*n)
	}
	end := c.Watch(step)
	s, err := writeScript(ctx, dir, from, &joins, step)
	end(err == nil)
	if err != nil {
		return nil, size, err
	}
	if c.Commands != nil { // what is not there can't be doubled
		n = s.commands
		size = sizes{all: n, once: n / 2, twice: n, few: n / 10, many: n}
		if size.few == 0 {
			return nil, size, fmt.Errorf("%d commands: use 10 or more", n)
		}
	}
	return s, size, nil
}

// do runs the stages, ends what they started and removes what they stored.
func (b *bench) do(ctx context.Context, chosen []stage) (err error) {
	ctx, b.fail = context.WithCancelCause(ctx)
	defer func() {
		b.fail(nil)
		for _, c := range b.children {
			c.Kill()
		}
		err = errors.Join(err, os.RemoveAll(b.dir))
	}()
	if err := os.MkdirAll(b.dir, 0o755); err != nil {
		return fmt.Errorf("create a folder for the data: %w", err)
	}
	for _, s := range chosen {
		err := s.run(b, ctx)
		if ctx.Err() != nil {
			err = context.Cause(ctx)
		}
		if err != nil {
			return fmt.Errorf("%s: %w", s.name, err)
		}
	}
	return b.endLog()
}

// step does a part of a stage that takes a while: commands.
func (b *bench) step(name string, total int, do func(*Step) error) error {
	return b.watch(&Step{Name: name, Total: int64(total)}, do)
}

// turns does a part of a stage that takes a while: turns.
func (b *bench) turns(name string, total int, do func(*Step) error) error {
	return b.watch(&Step{Name: name, Total: int64(total), Turns: true}, do)
}

func (b *bench) watch(s *Step, do func(*Step) error) error {
	end := b.cfg.Watch(s)
	err := do(s)
	end(err == nil)
	return err
}

// figure is a figure without a reference.
func figure(stage, name string, unit Unit, value float64) Figure {
	return Figure{Stage: stage, Name: name, Unit: unit, Value: value}
}

// note keeps a figure for the result.
func (b *bench) note(f Figure) { b.figures = append(b.figures, f) }
