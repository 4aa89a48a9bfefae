package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/spf13/cobra"

	"reddot/events"
	"reddot/projector/store"
	"reddot/snapshot"
)

// bucketScheme marks a place of snapshots that is an object store bucket.
const bucketScheme = "bucket:"

// noSnapshots is the place of snapshots that turns them off.
const noSnapshots = "off"

// snapshotPlace says where snapshots are kept.
type snapshotPlace struct {
	data string // data folder
	at   string // a folder, "bucket:NAME", or empty: the folder snapshots in the data folder
}

func (p *snapshotPlace) addFlags(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringVar(&p.data, "data", "./reddot-data", "`directory` of the server's data")
	f.StringVar(&p.at, "snapshots", "", "where the snapshots are: a `directory` or bucket:NAME (default the directory snapshots of --data)")
}

// bucket is the name of the bucket, if it is one.
func (p *snapshotPlace) bucket() (name string, ok bool) { return strings.CutPrefix(p.at, bucketScheme) }

// storage opens the place; js is asked for only if it is a bucket.
func (p *snapshotPlace) storage(ctx context.Context, js func() (jetstream.JetStream, error)) (snapshot.Storage, error) {
	name, ok := p.bucket()
	if !ok {
		dir := p.at
		if dir == "" {
			dir = filepath.Join(p.data, "snapshots")
		}
		return snapshot.NewFolder(nil, dir), nil
	}
	stream, err := js()
	if err != nil {
		return nil, err
	}
	return snapshot.OpenBucket(ctx, stream, snapshot.BucketConfig{Name: name})
}

// openRepository opens the snapshots at a place; scratch is a folder of its own.
func openRepository(ctx context.Context, s snapshot.Storage, scratch string, log *slog.Logger) (*snapshot.Repository, error) {
	return snapshot.Open(ctx, snapshot.Config{
		Storage: s, Check: checkStore, Scratch: scratch, Program: version(), Logger: log,
	})
}

// checkStore reads every row of a store's folder.
func checkStore(ctx context.Context, dir string, progress func(rows uint64)) (snapshot.State, error) {
	info, err := store.Check(ctx, vfs.Default, dir, progress)
	if err != nil {
		return snapshot.State{}, err
	}
	return snapshot.State{
		Stream: streamOf(info.Identity), Seq: info.Position.Applied,
		Digest: snapshot.Digest(info.Position.Digest()), Format: uint64(info.Format),
	}, nil
}

// streamOf is a log's identity as snapshots know it.
func streamOf(id store.Identity) snapshot.Stream {
	return snapshot.Stream{Name: id.Stream, Created: id.Created}
}

// withScratch lends a folder for scratch stores, next to the data if it is
// there (so that it is on the same disk), else in the folder for temporary
// files.
func withScratch(data string, use func(dir string) error) (err error) {
	above := ""
	if info, err := os.Stat(data); err == nil && info.IsDir() {
		above = filepath.Join(data, "scratch")
		if err := os.MkdirAll(above, 0o755); err != nil {
			return fmt.Errorf("make a folder for scratch stores: %w", err)
		}
	}
	dir, err := os.MkdirTemp(above, "reddot-")
	if err != nil {
		return fmt.Errorf("make a folder for scratch stores: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	return use(dir)
}

// beginning opens a scratch store from which the log can be folded up to a seq:
// from the nearest snapshot that can be used, or an empty one if the log
// begins at 1. oldest prefers the snapshot that leaves most of the log to fold.
type beginning struct {
	repo  *snapshot.Repository // nil: no snapshots
	id    store.Identity
	first events.Seq // of the log
	log   *slog.Logger
}

// open opens a scratch store in dir, which is not there yet, at most at a seq.
func (b *beginning) open(ctx context.Context, dir string, atMost events.Seq) (*store.Store, error) {
	var none error
	if b.repo != nil && atMost > 0 {
		_, none = b.repo.Restore(ctx, snapshot.Want{
			Stream: streamOf(b.id), AtMost: atMost, First: b.first, StoreFormat: store.Format,
		}, dir, nil)
		if none != nil && ctx.Err() != nil {
			return nil, ctx.Err()
		}
	}
	if b.first > 1 && (none != nil || b.repo == nil) {
		return nil, fmt.Errorf("the log begins at seq %d, so a snapshot of seq %d to %d is needed: %w",
			b.first, b.first-1, atMost, errors.Join(none))
	}
	return store.Open(store.Config{Dir: dir, Identity: b.id, Logger: b.log})
}
