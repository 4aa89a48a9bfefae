package main

import (
	"bufio"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/spf13/cobra"

	"reddot/cmd/reddot/term"
	"reddot/events"
	"reddot/projector/log"
	"reddot/projector/store"
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
	out, err := a.createExport(cfg.file)
	if err != nil {
		return err
	}
	bar := term.StartBar(a.stderr, "commands exported", uint64(to+1-from))
	left, err := writeLines(ctx, log, from, to, out.w, func(seq events.Seq) { bar.Set(uint64(seq + 1 - from)) })
	bar.Finish(err == nil)
	if err = out.close(err); err != nil {
		return err
	}
	if left.refused > 0 {
		fmt.Fprintf(a.stderr, "%s refused as malformed, left out\n", term.Several(left.refused, "command"))
	}
	if left.skipped > 0 {
		fmt.Fprintf(a.stderr, "%s that can't be read passed over\n", term.Several(left.skipped, "command"))
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

// leftOut counts the commands that an export has not: malformed ones, and ones
// that can't be read.
type leftOut struct{ refused, skipped uint64 }

// writeLines writes commands as lines.
func writeLines(ctx context.Context, log *log.Log, from, to events.Seq, w io.Writer, progress func(events.Seq)) (left leftOut, err error) {
	type line struct {
		Subject string          `json:"subject"`
		Payload json.RawMessage `json:"payload"`
	}
	out := json.NewEncoder(w)
	out.SetEscapeHTML(false)
	err = log.ReadTo(ctx, from-1, to, func(e *store.Entry) error {
		progress(e.Seq)
		switch {
		case e.Skipped:
			left.skipped++
			return nil
		case e.Invalid != "":
			left.refused++
			return nil
		}
		if !e.Command.HasAt {
			e.Command.At, e.Command.HasAt = e.Time, true
		}
		payload, err := events.EncodeJSON(&e.Command)
		if err != nil {
			return fmt.Errorf("encode command %d: %w", e.Seq, err)
		}
		return out.Encode(line{e.Subject, payload})
	})
	return left, err
}

// exportFile is where an export goes. A file is written under another name and
// put in its place at the end.
type exportFile struct {
	w      io.Writer
	buffer *bufio.Writer
	zip    *gzip.Writer // nil: not compressed
	file   *os.File     // nil: standard output
	name   string
}

func (a *app) createExport(name string) (*exportFile, error) {
	x := &exportFile{name: name}
	under := a.stdout
	if name != "-" {
		var err error
		if x.file, err = os.Create(name + ".part"); err != nil {
			return nil, fmt.Errorf("create the file: %w", err)
		}
		under = x.file
	}
	x.buffer = bufio.NewWriterSize(under, 1<<16)
	x.w = x.buffer
	if strings.HasSuffix(name, ".gz") {
		x.zip = gzip.NewWriter(x.buffer)
		x.w = x.zip
	}
	return x, nil
}

// close completes the file, or removes it after an error.
func (x *exportFile) close(err error) error {
	if err == nil && x.zip != nil {
		err = x.zip.Close()
	}
	if err == nil {
		err = x.buffer.Flush()
	}
	if x.file == nil {
		return err
	}
	if err == nil {
		err = x.file.Sync()
	}
	if err = errors.Join(err, x.file.Close()); err != nil {
		return errors.Join(err, os.Remove(x.file.Name()))
	}
	if err := os.Rename(x.file.Name(), x.name); err != nil {
		return err
	}
	return syncFolder(filepath.Dir(x.name))
}

// syncFolder makes a renaming durable.
func syncFolder(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
