package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/spf13/cobra"

	"reddot/events"
	"reddot/projector/store"
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
written. "reddot serve" takes them by itself, too.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(a.snapshotCreate(), a.snapshotList(), a.snapshotVerify(), a.snapshotRestore(), a.snapshotPrune())
	return cmd
}

// placeConfig is the command line of what works on the place of the snapshots
// itself. The server is only talked to if that is a bucket.
type placeConfig struct {
	clientConfig
	snapshotPlace
	json bool
}

func (cfg *placeConfig) addFlags(cmd *cobra.Command) {
	cfg.clientConfig.addFlags(cmd)
	cfg.snapshotPlace.addFlags(cmd)
}

// withRepository opens the snapshots for a command.
func (a *app) withRepository(ctx context.Context, cfg *placeConfig, use func(ctx context.Context, r *snapshot.Repository) error) error {
	if err := cfg.clientConfig.validate(); err != nil {
		return err
	}
	open := func(ctx context.Context, js func() (jetstream.JetStream, error)) error {
		return a.openPlace(ctx, &cfg.snapshotPlace, js, func(r *snapshot.Repository) error { return use(ctx, r) })
	}
	if _, ok := cfg.bucket(); !ok {
		return open(ctx, nil)
	}
	return a.withClient(ctx, &cfg.clientConfig, "snapshot", func(c *client) error {
		ctx, unbind := c.bind(ctx)
		defer unbind()
		return open(ctx, c.jetStream)
	})
}

// openPlace opens the snapshots at a place, with scratch space.
func (a *app) openPlace(ctx context.Context, place *snapshotPlace, js func() (jetstream.JetStream, error), use func(*snapshot.Repository) error) error {
	storage, err := place.storage(ctx, js)
	if err != nil {
		return fmt.Errorf("open the snapshots: %w", err)
	}
	return withScratch(place.data, func(dir string) error {
		r, err := openRepository(ctx, storage, filepath.Join(dir, "snapshot"), a.warnings())
		if err != nil {
			return err
		}
		return use(r)
	})
}

// warnings is a log of what is worth telling on a command's way.
func (a *app) warnings() *slog.Logger {
	return slog.New(slog.NewTextHandler(a.stderr, &slog.HandlerOptions{Level: slog.LevelWarn}))
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
			return a.withClient(cmd.Context(), &cfg, "snapshot", func(c *client) error {
				s, err := a.takeSnapshot(cmd.Context(), c)
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
	if !asJSON {
		return a.print(fmt.Sprintf("snapshot of seq %d, digest %s, %s bytes, %s of them new\n",
			s.Seq, s.Digest, grouped(int64(s.Bytes)), grouped(int64(s.NewBytes))))
	}
	out, err := json.Marshal(s)
	if err != nil {
		return fmt.Errorf("encode the result: %w", err)
	}
	return a.print(string(out) + "\n")
}

// takeSnapshot has the server take a snapshot and waits for it.
func (a *app) takeSnapshot(ctx context.Context, c *client) (events.Snapshot, error) {
	begun, _, err := ask[events.Snapshot](ctx, c, c.subjects.Snapshot(), query{})
	if err != nil {
		return begun, err
	}
	bar := newBar(a.stderr, "snapshot", "bytes", 0)
	var last *events.Snapshot
	err = follow(ctx, c, func(s events.Status) bool {
		if last = s.Snapshot; last != nil && last.Started == begun.Started && last.State == events.Running {
			bar.set(last.Done)
			return false
		}
		return true
	})
	bar.quit()
	switch {
	case err != nil:
		return begun, err
	case last == nil || last.Started < begun.Started:
		return begun, errors.New("the server has started again meanwhile: see its log, and ask once more")
	case last.State == events.Failed:
		return begun, fmt.Errorf("the server could not take a snapshot: %s", last.Error)
	}
	return *last, nil
}

// listedSnapshot is a line of the list.
type listedSnapshot struct {
	ID     string     `json:"id"`
	Seq    events.Seq `json:"seq"`
	Taken  time.Time  `json:"taken,omitzero"`
	Bytes  uint64     `json:"bytes,omitempty"`
	Digest string     `json:"digest,omitempty"`
	Stream string     `json:"stream,omitempty"`
	Error  string     `json:"error,omitempty"`
}

func (a *app) snapshotList() *cobra.Command {
	var cfg placeConfig
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List the snapshots, the newest first",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.withRepository(cmd.Context(), &cfg, func(ctx context.Context, r *snapshot.Repository) error {
				return a.listSnapshots(ctx, r, cfg.json)
			})
		},
	}
	cfg.addFlags(cmd)
	cmd.Flags().BoolVar(&cfg.json, "json", false, "print one JSON object a line")
	return cmd
}

func (a *app) listSnapshots(ctx context.Context, r *snapshot.Repository, asJSON bool) error {
	entries, err := r.List(ctx)
	if err != nil {
		return err
	}
	list := newTable(">SEQ", "TAKEN", ">BYTES", "DIGEST", "STREAM", "ID")
	for _, e := range entries {
		l := listedSnapshot{ID: e.ID, Seq: e.Seq}
		if e.Err != nil {
			l.Error = e.Err.Error()
		} else {
			m := e.Manifest
			l.Taken, l.Bytes, l.Digest, l.Stream = m.Taken, m.Bytes, m.Digest.String(), m.Stream.Name
		}
		if asJSON {
			out, err := json.Marshal(l)
			if err != nil {
				return err
			}
			if err := a.print(string(out) + "\n"); err != nil {
				return err
			}
			continue
		}
		taken := ""
		if !l.Taken.IsZero() {
			taken = clock(events.Time(l.Taken.UnixMilli()), a.zone)
		}
		list.add(number(l.Seq), taken, grouped(int64(l.Bytes)), l.Digest, printable(l.Stream)+printable(l.Error), l.ID)
	}
	switch {
	case asJSON:
		return nil
	case len(entries) == 0:
		return a.print("no snapshots\n")
	}
	return a.print(list.String())
}

func (a *app) snapshotVerify() *cobra.Command {
	var cfg placeConfig
	cmd := &cobra.Command{
		Use:   "verify [SEQ|ID ...]",
		Short: "Read snapshots and check every byte and every row",
		Long: `Read snapshots, all of them if none is named: every file is hashed, every row
is read and the digest counted again. What is damaged or missing is named. Exit
code 1 if anything is. "reddot verify --against" also folds the log to compare.`,
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.withRepository(cmd.Context(), &cfg, func(ctx context.Context, r *snapshot.Repository) error {
				return a.verifySnapshots(ctx, r, args)
			})
		},
	}
	cfg.addFlags(cmd)
	return cmd
}

func (a *app) verifySnapshots(ctx context.Context, r *snapshot.Repository, which []string) error {
	var ids []string
	if len(which) == 0 {
		entries, err := r.List(ctx)
		if err != nil {
			return err
		}
		if len(entries) == 0 {
			return errors.New(`there are no snapshots to verify: take one with "reddot snapshot create", or name their place with --data or --snapshots`)
		}
		for _, e := range entries {
			ids = append(ids, e.ID)
		}
	}
	for _, w := range which {
		e, err := r.Find(ctx, w)
		if err != nil {
			return err
		}
		ids = append(ids, e.ID)
	}
	bad := 0
	for _, id := range ids {
		bar := newBar(a.stderr, "verify", "bytes", 0)
		m, err := r.Verify(ctx, id, snapshot.VerifyOptions{}, func(p snapshot.Progress) {
			if p.Step == snapshot.StepRead {
				bar.total(p.Total)
				bar.set(p.Done)
			}
		})
		bar.quit()
		switch {
		case ctx.Err() != nil:
			return ended(ctx)
		case err != nil:
			bad++
			if err := a.print(fmt.Sprintf("%s: %s\n", id, oneLine(err))); err != nil {
				return err
			}
		default:
			if err := a.print(fmt.Sprintf("%s: sound, digest %s\n", id, m.Digest)); err != nil {
				return err
			}
		}
	}
	if bad > 0 {
		return fmt.Errorf("%s of %d not sound", several(uint64(bad), "snapshot"), len(ids))
	}
	return nil
}

func (a *app) snapshotRestore() *cobra.Command {
	var cfg placeConfig
	cmd := &cobra.Command{
		Use:   "restore [SEQ|ID]",
		Short: "Put a snapshot in the place of the store",
		Long: `Put a snapshot, the newest one if none is named, in the place of the store in
--data. The server must not be running there; started again, it goes on from the
snapshot. The snapshot is verified before it takes the store's place. If the
newest one is not sound, the one before it is taken, and that is told; one that
is named must be sound itself.`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			which := ""
			if len(args) > 0 {
				which = args[0]
			}
			return a.withRepository(cmd.Context(), &cfg, func(ctx context.Context, r *snapshot.Repository) error {
				return a.restore(ctx, r, cfg.data, which)
			})
		},
	}
	cfg.addFlags(cmd)
	return cmd
}

func (a *app) restore(ctx context.Context, r *snapshot.Repository, data, which string) (err error) {
	unlock, err := lockData(data)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, unlock()) }()
	folder, err := store.OpenFolder(nil, filepath.Join(data, "store"))
	if err != nil {
		return err
	}
	want, err := wantFor(ctx, r, folder, which)
	if err != nil {
		return err
	}
	dir, err := folder.New()
	if err != nil {
		return err
	}
	bar := newBar(a.stderr, "restore", "bytes", 0)
	m, err := r.Restore(ctx, want, dir, func(p snapshot.Progress) {
		if p.Step == snapshot.StepRead {
			bar.total(p.Total)
			bar.set(p.Done)
		}
	})
	bar.finish(err == nil)
	if err != nil {
		return err
	}
	if err := errors.Join(folder.Use(dir), folder.Clean()); err != nil {
		return err
	}
	return a.print(fmt.Sprintf("the store is the snapshot of seq %d, digest %s\n", m.Seq, m.Digest))
}

// wantFor says what is to be restored into a folder: a snapshot of the stream
// whose store is there, if there is one that can be read.
func wantFor(ctx context.Context, r *snapshot.Repository, folder *store.Folder, which string) (snapshot.Want, error) {
	e, err := r.Find(ctx, which)
	if err != nil {
		return snapshot.Want{}, err
	}
	want := snapshot.Want{StoreFormat: store.Format}
	if e.Manifest != nil {
		want.Stream = e.Manifest.Stream
	}
	if which != "" {
		want.ID = e.ID
	}
	dir, ok := folder.Current()
	if !ok {
		return want, nil
	}
	info, err := store.Inspect(nil, dir)
	if err != nil {
		return want, nil // it can't be read: that is why it is replaced
	}
	if has := streamOf(info.Identity); !has.Equal(want.Stream) {
		return want, fmt.Errorf("the snapshot is of another stream than the store (%s, not %s): name another data folder, or delete the folder store in it",
			want.Stream, has)
	}
	return want, nil
}

func (a *app) snapshotPrune() *cobra.Command {
	var cfg placeConfig
	keep := 3
	cmd := &cobra.Command{
		Use:   "prune",
		Short: "Remove all but the newest snapshots",
		Args:  cobra.NoArgs,
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
					several(uint64(len(p.Removed)), "snapshot"), len(p.Kept), grouped(int64(p.Bytes)))
				if p.Held != "" {
					text += "files were left to the next prune: " + p.Held + "\n"
				}
				return a.print(text)
			})
		},
	}
	cfg.addFlags(cmd)
	cmd.Flags().IntVar(&keep, "keep", keep, "sound `snapshots` of each stream to keep, 2 or more")
	return cmd
}
