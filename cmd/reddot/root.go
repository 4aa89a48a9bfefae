package main

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"reddot/cmd/reddot/natsconn"
	"reddot/cmd/reddot/term"
	"reddot/events"
)

// The program's exit codes.
const (
	exitDone   = 0
	exitFailed = 1
	exitUsage  = 2
)

// The groups under which the help lists the commands.
const (
	groupServer = "server"
	groupClient = "client"
	groupSingle = "single"
	groupProof  = "proof"
)

// app is one run of the program.
type app struct {
	stdin          io.Reader
	stdout, stderr io.Writer
	zone           *time.Location    // times are shown in it
	started        bool              // the command line is understood, the command runs
	from           map[string]string // where flags are from that the command line does not say
}

// usageError is a command line that can't be carried out as it stands.
type usageError struct{ error }

func (e usageError) Unwrap() error { return e.error }

// usagef is a usageError with a formatted text.
func usagef(format string, args ...any) error { return usageError{fmt.Errorf(format, args...)} }

// wrongUsage is a usageError with the text of an error, nil of none.
func wrongUsage(err error) error {
	if err == nil {
		return nil
	}
	return usageError{err}
}

// run carries out one command line and returns the exit code. An error is
// reported on stderr in one line. Ending ctx asks the command to finish early.
func run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	stderr = term.NewConsole(stderr)
	a := &app{stdin: stdin, stdout: stdout, stderr: stderr, zone: time.Local, from: map[string]string{}}
	root := a.newRoot()
	root.SetArgs(append([]string{}, args...)) // never nil: cobra would take os.Args
	root.SetIn(stdin)
	root.SetOut(stdout)
	root.SetErr(stderr)
	cmd, err := root.ExecuteContextC(ctx)
	if err == nil {
		return exitDone
	}
	text := natsconn.Scrubbed(term.OneLine(err))
	if a.started && !errors.As(err, new(usageError)) {
		fmt.Fprintf(stderr, "reddot: %s\n", text)
		return exitFailed
	}
	fmt.Fprintf(stderr, "reddot: %s (see \"%s --help\")\n", text, cmd.CommandPath())
	return exitUsage
}

func (a *app) newRoot() *cobra.Command {
	root := &cobra.Command{
		Use:   "reddot",
		Short: "Exact unread counts for chat",
		Long: `reddot keeps exact unread counts for chat.

It folds a stream of commands (messages, reads, revokes, joins) into each
user's conversations and totals, tells listeners what changed and answers
queries. "reddot serve" starts all of it; the other commands are clients.

Every flag is also an environment variable: --snapshot-keep is
REDDOT_SNAPSHOT_KEEP. A flag wins.

"reddot help topics" lists pages to read: quick start, operating, FAQ, ...`,
		Example: `  # start a server, with NATS in it and data in ./reddot-data
  reddot serve

  # publish commands, wait until they count, look at the result
  reddot publish --wait commands.jsonl.gz
  reddot show alice`,
		Version:       version(),
		SilenceUsage:  true,
		SilenceErrors: true,
		// Cobra calls it once flags and arguments are accepted.
		PersistentPreRunE: func(cmd *cobra.Command, _ []string) error {
			a.started = true
			return cmp.Or(a.readEnvironment(cmd), a.readConfig(cmd))
		},
	}
	root.SetFlagErrorFunc(flagError)
	root.SetVersionTemplate("reddot {{.Version}}\n")
	root.AddGroup(
		&cobra.Group{ID: groupServer, Title: "Server:"},
		&cobra.Group{ID: groupClient, Title: "Client:"},
		&cobra.Group{ID: groupSingle, Title: "Client, one command each:"},
		&cobra.Group{ID: groupProof, Title: "Proof and repair:"},
	)
	root.AddCommand(
		a.serveCommand(),
		a.configCommand(),
		a.healthCommand(),
		a.deployCommand(),
		a.keyCommand(),
		a.tokenCommand(),
		a.natsConfigCommand(),
		a.publishCommand(),
		a.importCommand(),
		a.compareCommand(),
		a.showCommand(),
		a.threadsCommand(),
		a.readersCommand(),
		a.receiptsCommand(),
		a.explainCommand(),
		a.statusCommand(),
		a.watchCommand(),
		a.topCommand(),
		a.demoCommand(),
		a.benchCommand(),
		a.benchChildCommand(),
		a.drillNodeCommand(),
		a.verifyCommand(),
		a.rebuildCommand(),
		a.snapshotCommand(),
		a.trimCommand(),
		a.exportCommand(),
		a.versionCommand(),
	)
	for _, act := range actions() {
		root.AddCommand(a.actionCommand(act))
	}
	root.SetHelpCommand(a.helpCommand())
	sayArguments(root)
	a.complete(root)
	refuseUnknown(root)
	return root
}

// sayArguments has a command and those below it say which arguments they take
// when others are given.
func sayArguments(cmd *cobra.Command) {
	for _, c := range cmd.Commands() {
		sayArguments(c)
	}
	check := cmd.Args
	if check == nil || cmd.HasSubCommands() {
		return
	}
	cmd.Args = func(cmd *cobra.Command, args []string) error {
		if check(cmd, args) == nil {
			return nil
		}
		_, takes, found := strings.Cut(cmd.Use, " ")
		if !found {
			return fmt.Errorf("%q is too much: %s takes no arguments", args[0], cmd.Name())
		}
		return fmt.Errorf("%s takes %s, and %s given", cmd.Name(), takes, counted(len(args)))
	}
}

// refuseUnknown has "completion" refuse a word that it does not know, as the other
// commands do: cobra's prints how it is used, as if all were well.
func refuseUnknown(root *cobra.Command) {
	root.InitDefaultCompletionCmd()
	for _, c := range root.Commands() {
		if c.Name() == "completion" {
			c.RunE = func(cmd *cobra.Command, _ []string) error { return cmd.Help() } // only then are its arguments checked
		}
	}
}

// counted says how many arguments there are.
func counted(n int) string {
	switch n {
	case 0:
		return "none is"
	case 1:
		return "one is"
	}
	return fmt.Sprintf("%d are", n)
}

// printRaw writes a reply as it came, on one line.
func (a *app) printRaw(reply []byte) error {
	var line bytes.Buffer
	if err := json.Compact(&line, reply); err != nil {
		return fmt.Errorf("read the reply: %w", err)
	}
	line.WriteByte('\n')
	return a.print(line.String())
}

// printJSON prints a result, or a reply as the server would send it, on one
// line.
func (a *app) printJSON(result any) error {
	out, err := events.Marshal(events.JSON, result)
	if err != nil {
		return err
	}
	return a.print(string(out) + "\n")
}

// print writes a command's result.
func (a *app) print(text string) error {
	if _, err := io.WriteString(a.stdout, text); err != nil {
		return fmt.Errorf("write the result: %w", err)
	}
	return nil
}

// warnings is a log of what is worth telling on a command's way.
func (a *app) warnings() *slog.Logger {
	return slog.New(slog.NewTextHandler(a.stderr, &slog.HandlerOptions{
		Level: slog.LevelWarn,
		ReplaceAttr: func(_ []string, at slog.Attr) slog.Attr {
			if at.Key == slog.TimeKey {
				return slog.Attr{}
			}
			return at
		},
	}))
}
