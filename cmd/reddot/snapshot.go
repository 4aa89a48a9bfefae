package main

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/spf13/cobra"

	"reddot/cmd/reddot/repository"
	"reddot/cmd/reddot/term"
	"reddot/events"
	"reddot/snapshot"
)

func (a *app) snapshotCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "snapshot",
		GroupID: groupProof,
		Short:   "Take, list, verify, restore and prune snapshots",
		Long: `A snapshot is the whole state at one command: the files of the store, with a
manifest that has their SHA-256, the seq and the digest. Snapshots lie in a
directory or in a NATS object store bucket; only what earlier ones lack is
written, so several of them may share a file. "reddot serve" takes them by
itself, too.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(a.snapshotCreate(), a.snapshotList(), a.snapshotVerify(), a.snapshotRestore(), a.snapshotPrune(), a.snapshotRemove())
	return cmd
}

// placeConfig is the command line of what works on the place of the snapshots
// itself. The server is only talked to if that is a bucket.
type placeConfig struct {
	clientConfig
	repository.Place
}

func (cfg *placeConfig) addFlags(cmd *cobra.Command) {
	cfg.clientConfig.addFlags(cmd)
	cfg.Place.AddFlags(cmd.Flags())
}

// validate reports a usageError.
func (cfg *placeConfig) validate() error {
	if cfg.At == repository.Off {
		return usagef("--snapshots off: name a directory or bucket:NAME")
	}
	if err := wrongUsage(cfg.Place.Validate()); err != nil {
		return err
	}
	return cfg.clientConfig.validate()
}

// withRepository opens the snapshots for a command, where there are any.
func (a *app) withRepository(ctx context.Context, cfg *placeConfig, use func(ctx context.Context, r *snapshot.Repository) error) error {
	if err := cfg.validate(); err != nil {
		return err
	}
	open := func(ctx context.Context, js func() (jetstream.JetStream, error)) error {
		return a.openPlace(ctx, &cfg.Place, js, func(r *snapshot.Repository) error { return use(ctx, r) })
	}
	if _, ok := cfg.Bucket(); ok {
		return a.withBound(ctx, &cfg.clientConfig, "snapshot", func(ctx context.Context, c *client) error { return open(ctx, c.jetStream) })
	}
	err := open(ctx, nil)
	if err != nil && ctx.Err() != nil {
		return errInterrupted
	}
	return err
}

// openPlace opens the snapshots at a place, with scratch space.
func (a *app) openPlace(ctx context.Context, place *repository.Place, js func() (jetstream.JetStream, error), use func(*snapshot.Repository) error) error {
	storage, err := place.Find(ctx, js)
	if err != nil {
		return err
	}
	return place.Data.WithScratch(func(dir string) error {
		r, err := repository.Open(ctx, storage, dir, version(), a.warnings())
		if err != nil {
			return err
		}
		return use(r)
	})
}

// readProgress shows on a bar how far a snapshot is read.
func readProgress(bar *term.Bar) func(snapshot.Progress) {
	return func(p snapshot.Progress) {
		if p.Step == snapshot.StepRead {
			bar.SetTotal(p.Total)
			bar.Set(p.Done)
		}
	}
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

func (a *app) snapshotCreate() *cobra.Command {
	var cfg clientConfig
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "create",
		Short: "Have the server take a snapshot now",
		Long: `Have the server take a snapshot now. Folding and queries go on meanwhile. Every
row is read and the digest counted again before the snapshot is published, so
that none is ever taken of a damaged store.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := cfg.validate(); err != nil {
				return err
			}
			return a.withBound(cmd.Context(), &cfg, "snapshot", func(ctx context.Context, c *client) error {
				s, err := a.takeSnapshot(ctx, c)
				if err != nil {
					return err
				}
				return a.printSnapshot(s, asJSON)
			})
		},
	}
	cfg.addFlags(cmd)
	cmd.Flags().BoolVar(&asJSON, "json", false, "print the result as JSON")
	return cmd
}

func (a *app) printSnapshot(s events.Snapshot, asJSON bool) error {
	if asJSON {
		return a.printJSON(s)
	}
	return a.print(fmt.Sprintf("snapshot of seq %d, digest %s, %s bytes, %s of them new\n",
		s.Seq, s.Digest, term.Grouped(int64(s.Bytes)), term.Grouped(int64(s.NewBytes))))
}

// takeSnapshot has the server take a snapshot and waits for it.
func (a *app) takeSnapshot(ctx context.Context, c *client) (events.Snapshot, error) {
	begun, err := ask(ctx, c, 0, c.reddot.Snapshot)
	if err != nil {
		return begun, err
	}
	bar := term.StartBar(a.stderr, "bytes stored", 0)
	var last *events.Snapshot
	err = follow(ctx, c, func(s events.Status) (known, ended bool) {
		if s.Snapshot == nil || s.Snapshot.Run != begun.Run {
			return false, false
		}
		if last = s.Snapshot; last.State == events.Running {
			bar.Set(last.Done)
			return true, false
		}
		return true, true
	})
	bar.Finish(false)
	switch {
	case err != nil:
		return begun, err
	case last.State == events.Failed:
		return begun, fmt.Errorf("the server could not take a snapshot: %s", last.Error)
	}
	return *last, nil
}

// listedSnapshot is a line of the list.
type listedSnapshot struct {
	ID     string        `json:"id"`
	Seq    events.Seq    `json:"seq"`
	Taken  time.Time     `json:"taken,omitzero"`
	Bytes  uint64        `json:"bytes,omitempty"`
	Digest events.Digest `json:"digest,omitempty"`
	Stream string        `json:"stream,omitempty"`
	Error  string        `json:"error,omitempty"`
}

func (a *app) snapshotList() *cobra.Command {
	var cfg placeConfig
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List the snapshots, the newest first",
		Long: `List the snapshots, the newest first. Only their manifests are read: whether
their files are sound, "reddot snapshot verify" tells.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.withRepository(cmd.Context(), &cfg, func(ctx context.Context, r *snapshot.Repository) error {
				entries, err := r.List(ctx)
				switch {
				case err != nil:
					return err
				case asJSON:
					return a.printSnapshots(entries)
				}
				return a.print(renderSnapshots(entries, a.zone))
			})
		},
	}
	cfg.addFlags(cmd)
	cmd.Flags().BoolVar(&asJSON, "json", false, "print one JSON object a line")
	return cmd
}

// printSnapshots prints a JSON object for each.
func (a *app) printSnapshots(entries []snapshot.Entry) error {
	for _, e := range entries {
		l := listedSnapshot{ID: e.ID, Seq: e.Seq}
		if e.Err != nil {
			l.Error = term.OneLine(e.Err)
		} else {
			m := e.Manifest
			l.Taken, l.Bytes, l.Digest, l.Stream = m.Taken, m.Bytes, m.Digest, m.Stream.Name
		}
		if err := a.printJSON(l); err != nil {
			return err
		}
	}
	return nil
}

func renderSnapshots(entries []snapshot.Entry, zone *time.Location) string {
	if len(entries) == 0 {
		return "no snapshots\n"
	}
	list := term.NewTable(">SEQ", "TAKEN", ">BYTES", "DIGEST", "STREAM", "ID")
	why := ""
	for _, e := range entries {
		if e.Err != nil {
			list.Add(term.Number(e.Seq), "unreadable", "", "", "", term.Printable(e.ID))
			why += term.OneLine(e.Err) + "\n"
			continue
		}
		m := e.Manifest
		list.Add(term.Number(e.Seq), term.Clock(events.Time(m.Taken.UnixMilli()), zone), term.Grouped(int64(m.Bytes)), m.Digest.String(),
			term.Printable(m.Stream.Name), e.ID)
	}
	return list.String() + why
}

func (a *app) snapshotVerify() *cobra.Command {
	var cfg placeConfig
	var opts snapshot.VerifyOptions
	cmd := &cobra.Command{
		Use:   "verify [SEQ|ID ...]",
		Short: "Read snapshots and check every byte and every row",
		Long: `Read snapshots, all of them if none is named: every file is hashed, every row
is read and the digest counted again. What is damaged or missing is named. Exit
code 1 if anything is. "reddot verify --against" also folds the log to compare.

Snapshots share the files that they have in common, so one damaged file may be
in several. With --repair what is proven damaged is removed; the next snapshot
then stores it anew, if the server's store still has that file, which mends the
others too.`,
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.withRepository(cmd.Context(), &cfg, func(ctx context.Context, r *snapshot.Repository) error {
				return a.verifySnapshots(ctx, r, args, opts)
			})
		},
	}
	cfg.addFlags(cmd)
	cmd.Flags().BoolVar(&opts.Repair, "repair", false, "remove files that are damaged, so that the next snapshot stores them anew")
	return cmd
}

// named are the ids of the snapshots that the arguments name.
func named(ctx context.Context, r *snapshot.Repository, which []string) (ids []string, err error) {
	for _, w := range which {
		e, err := r.Find(ctx, w)
		if err != nil {
			return nil, err
		}
		ids = append(ids, e.ID)
	}
	return ids, nil
}

func (a *app) verifySnapshots(ctx context.Context, r *snapshot.Repository, which []string, opts snapshot.VerifyOptions) error {
	ids, err := named(ctx, r, which)
	if err != nil {
		return err
	}
	if len(which) == 0 {
		entries, err := r.List(ctx)
		if err != nil {
			return err
		}
		for _, e := range entries {
			ids = append(ids, e.ID)
		}
		if len(ids) == 0 {
			return fmt.Errorf("there are no snapshots to verify: %w", repository.ErrNothing)
		}
	}
	bad := int64(0)
	for _, id := range ids {
		bar := term.StartBar(a.stderr, "bytes read", 0)
		m, err := r.Verify(ctx, id, opts, readProgress(bar))
		bar.Finish(false)
		text := ""
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case err != nil:
			bad++
			text = strings.TrimPrefix(term.OneLine(err), "snapshot "+id+" is ")
		default:
			text = "sound, digest " + m.Digest.String()
		}
		if err := a.print(fmt.Sprintf("%s: %s\n", id, text)); err != nil {
			return err
		}
	}
	switch {
	case bad == 0:
		return nil
	case opts.Repair:
		return fmt.Errorf(`%s of %d not sound: what is damaged was removed; "reddot snapshot create" stores it anew if the server still has it`, term.Several(bad, "snapshot"), len(ids))
	}
	return fmt.Errorf(`%s of %d not sound: remove what is damaged with --repair, then store it anew with "reddot snapshot create"`, term.Several(bad, "snapshot"), len(ids))
}

func (a *app) snapshotPrune() *cobra.Command {
	var cfg placeConfig
	keep := 3
	cmd := &cobra.Command{
		Use:   "prune",
		Short: "Remove all but the newest snapshots",
		Long: `Remove all but the newest sound snapshots of each stream, and the files that no
other snapshot has. "reddot serve" does that after each one that it takes.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if keep < snapshot.MinKeep {
				return usagef("--keep %d: use %d or more", keep, snapshot.MinKeep)
			}
			return a.withRepository(cmd.Context(), &cfg, func(ctx context.Context, r *snapshot.Repository) error {
				p, err := r.Prune(ctx, snapshot.PruneOptions{Keep: keep})
				if err != nil {
					return err
				}
				text := fmt.Sprintf("%s removed, %d kept, %s bytes freed\n",
					term.Several(uint64(len(p.Removed)), "snapshot"), len(p.Kept), term.Grouped(int64(p.Bytes)))
				if p.Held != "" {
					text += "files are left to the next prune: " + p.Held + "\n"
				}
				return a.print(text)
			})
		},
	}
	cfg.addFlags(cmd)
	cmd.Flags().IntVar(&keep, "keep", keep, "sound `snapshots` of each stream to keep, 2 or more")
	return cmd
}

func (a *app) snapshotRemove() *cobra.Command {
	var cfg placeConfig
	cmd := &cobra.Command{
		Use:   "remove SEQ|ID ...",
		Short: "Remove snapshots, whatever their state",
		Long: `Remove snapshots, whatever their state: such as are damaged, or not what the log
says. Their files go with the next prune.`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.withRepository(cmd.Context(), &cfg, func(ctx context.Context, r *snapshot.Repository) error {
				ids, err := named(ctx, r, args)
				if err != nil {
					return err
				}
				for _, id := range ids {
					if err := r.Remove(ctx, id); err != nil {
						return err
					}
					if err := a.print(id + ": removed\n"); err != nil {
						return err
					}
				}
				return nil
			})
		},
	}
	cfg.addFlags(cmd)
	return cmd
}
