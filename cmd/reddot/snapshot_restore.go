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

	"reddot/cmd/reddot/natsconn"
	"reddot/cmd/reddot/natsserver"
	"reddot/cmd/reddot/repository"
	"reddot/cmd/reddot/server"
	"reddot/cmd/reddot/term"
	"reddot/events"
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
		r := &repository.Restoration{Data: cfg.Data, Which: which}
		var js func() (jetstream.JetStream, error)
		if c != nil {
			js = c.jetStream
			if r.Log, err = a.findLog(ctx, c); err != nil {
				return err
			}
		}
		return a.openPlace(ctx, &cfg.Place, js, func(repo *snapshot.Repository) error {
			bar := term.StartBar(a.stderr, "bytes read", 0)
			r.Snapshots, r.Progress = repo, readProgress(bar)
			m, err := r.Run(ctx)
			bar.Finish(err == nil)
			if err != nil {
				return err
			}
			return a.print(fmt.Sprintf("the store is the snapshot of seq %d, digest %s\n", m.Seq, m.Digest))
		})
	})
}

// withServer connects to the NATS server that has the log: the one of the data
// folder, or else another one that is named. c is nil if there is none of both.
func (a *app) withServer(cfg *placeConfig, use func(c *client) error) error {
	if _, err := os.Stat(filepath.Join(cfg.Data.NATS(), "jetstream")); err == nil {
		return a.withOwnServer(cfg, use)
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

// withOwnServer runs the NATS server of the data folder for this command alone.
func (a *app) withOwnServer(cfg *placeConfig, use func(c *client) error) (err error) {
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
