package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/spf13/cobra"

	"reddot/cmd/reddot/datadir"
	"reddot/cmd/reddot/natsconn"
	"reddot/cmd/reddot/natsserver"
	"reddot/cmd/reddot/repository"
	"reddot/cmd/reddot/server"
	"reddot/cmd/reddot/term"
	"reddot/events"
	"reddot/projector/log"
	"reddot/projector/store"
	"reddot/projector/store/generation"
	"reddot/snapshot"
)

func (a *app) snapshotRestore() *cobra.Command {
	var cfg placeConfig
	cmd := &cobra.Command{
		Use:   "restore [SEQ|ID]",
		Short: "Put a snapshot in the place of the store",
		Long: `Put a snapshot, the newest one if none is named, in the place of the store in
--data. The server must not be running there; started again, it goes on from the
snapshot. The snapshot is verified before it takes the store's place. If the
newest one is not sound, the one before it is taken, and that is told; one that
is named must be sound itself.

The log must still have what comes after the snapshot. It is asked: the log in
--data, or the one at --server if the server does not keep its own.`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			which := ""
			if len(args) > 0 {
				which = args[0]
			}
			if err := cfg.validate(); err != nil {
				return err
			}
			err := a.restore(cmd.Context(), &cfg, which)
			if err != nil && cmd.Context().Err() != nil {
				return errInterrupted
			}
			return err
		},
	}
	cfg.addFlags(cmd)
	return cmd
}

func (a *app) restore(ctx context.Context, cfg *placeConfig, which string) (err error) {
	if _, ok := cfg.Bucket(); !ok { // before a folder is made
		if _, err := cfg.Find(ctx, nil); err != nil {
			return err
		}
	}
	unlock, err := cfg.Data.Lock()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, unlock()) }()
	return a.withServer(cfg, func(c *client) error {
		r := &restoration{app: a, data: cfg.Data, which: which}
		var js func() (jetstream.JetStream, error)
		if c != nil {
			js = c.jetStream
			if r.log, err = a.findLog(ctx, c); err != nil {
				return err
			}
		}
		return a.openPlace(ctx, &cfg.Place, js, func(repo *snapshot.Repository) error {
			r.repo = repo
			if r.log != nil {
				if err := repository.Recognise(ctx, r.log, repo); err != nil {
					return err
				}
			}
			return r.run(ctx)
		})
	})
}

// withServer connects to the NATS server that has the log: the one of the data
// folder, which runs for that time and for this command alone, or else another
// one that is named. c is nil if there is none of both.
func (a *app) withServer(cfg *placeConfig, use func(c *client) error) (err error) {
	if _, err := os.Stat(filepath.Join(cfg.Data.NATS(), "jetstream")); err == nil {
		subjects, err := events.NewSubjects(cfg.prefix)
		if err != nil {
			return err
		}
		reads, err := server.ReadsAtStart(cfg.Place, subjects.CommandStream())
		if err != nil {
			return err
		}
		ns, err := natsserver.Open(natsserver.Config{
			Data: cfg.Data, Listen: "127.0.0.1:0", Sync: natsserver.SyncPolicy{Every: time.Second}, Reads: reads, Logger: a.warnings(),
		})
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, ns.Shutdown()) }()
		nc, err := ns.Connect()
		if err != nil {
			return err
		}
		defer nc.Close()
		c, err := cfg.on(&natsconn.Conn{Conn: nc, URL: "the data folder " + string(cfg.Data)})
		if err != nil {
			return err
		}
		return use(c)
	}
	if _, ok := cfg.Bucket(); !ok && !cfg.nats.IsNamed() {
		fmt.Fprintln(a.stderr, "the log is not asked whether it has what comes after: its NATS server is not named by --server or NATS_URL")
		return use(nil)
	}
	c, err := cfg.dial("reddot snapshot")
	if err != nil {
		return err
	}
	defer c.Close()
	return use(c)
}

// restoration is one run of restore.
type restoration struct {
	*app
	repo  *snapshot.Repository
	log   *log.Log // nil: not known
	data  datadir.Dir
	which string // empty: the newest that will do
}

func (r *restoration) run(ctx context.Context) error {
	folder, err := generation.Open(nil, r.data.Store())
	if err != nil {
		return err
	}
	want, err := r.want(ctx, folder)
	if err != nil {
		return err
	}
	dir, err := folder.New()
	if err != nil {
		return err
	}
	bar := term.StartBar(r.stderr, "bytes read", 0)
	m, err := r.repo.Restore(ctx, want, dir, readProgress(bar))
	bar.Finish(err == nil)
	if err != nil {
		return err
	}
	// The store that it replaces is removed by the server, when it has found
	// this one to be of its log.
	if err := folder.Use(dir); err != nil {
		return err
	}
	return r.print(fmt.Sprintf("the store is the snapshot of seq %d, digest %s\n", m.Seq, m.Digest))
}

// want says what is to be restored: a snapshot of the log. If that is not known,
// it is the one whose store is there, or else the newest snapshot's.
func (r *restoration) want(ctx context.Context, folder *generation.Folder) (want snapshot.Want, err error) {
	want.StoreFormat = store.Format
	switch {
	case r.log != nil:
		want.Stream = r.log.Identity()
		want.First, want.AtMost, err = r.log.Range(ctx)
	default:
		want.Stream, err = r.stream(ctx, folder)
	}
	if err != nil || r.which == "" {
		return want, err
	}
	e, err := r.repo.Find(ctx, r.which)
	if err != nil {
		return want, err
	}
	want.ID = e.ID
	if err := r.usable(ctx, e, want); err != nil {
		return want, fmt.Errorf("%w%s", err, r.instead(ctx, want))
	}
	return want, nil
}

// stream is the stream whose store is there, if it can be read, or else that of
// the newest snapshot.
func (r *restoration) stream(ctx context.Context, folder *generation.Folder) (events.StreamID, error) {
	if dir, ok := folder.Current(); ok {
		if info, err := store.Inspect(nil, dir); err == nil {
			return info.Identity, nil
		}
	}
	e, err := r.repo.Find(ctx, r.which)
	if err == nil {
		err = e.Err
	}
	if err != nil {
		return events.StreamID{}, err
	}
	return e.Manifest.Stream, nil
}

// usable says why a snapshot can't be used.
func (r *restoration) usable(ctx context.Context, e snapshot.Entry, want snapshot.Want) error {
	switch {
	case e.Err != nil:
		return e.Err
	case !e.Manifest.Stream.Equal(want.Stream):
		return fmt.Errorf("snapshot %s is of another log (%s, not %s): restore it into another data folder", e.ID, e.Manifest.Stream, want.Stream)
	case r.log == nil:
		return nil
	case e.Seq > want.AtMost:
		return fmt.Errorf("snapshot %s is of seq %d, and the log ends at seq %d: it was cut", e.ID, e.Seq, want.AtMost)
	case e.Seq+1 < want.First:
		return fmt.Errorf("snapshot %s is of seq %d, and the log begins at seq %d: what comes between is gone", e.ID, e.Seq, want.First)
	}
	derived, err := repository.DerivedFrom(ctx, r.log, e.Manifest)
	if err == nil && !derived {
		err = fmt.Errorf("snapshot %s was made of other commands than the log has: the log was cut and written further", e.ID)
	}
	return err
}

// instead names the newest snapshot that can be used.
func (r *restoration) instead(ctx context.Context, want snapshot.Want) string {
	entries, err := r.repo.List(ctx)
	if err != nil {
		return ""
	}
	for _, e := range entries {
		if r.usable(ctx, e, want) == nil {
			return fmt.Sprintf("; %d can be used", e.Seq)
		}
	}
	return ""
}
