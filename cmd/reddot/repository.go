package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/spf13/cobra"

	"reddot/cmd/reddot/datadir"
	"reddot/projector/log"
	"reddot/projector/store"
	"reddot/snapshot"
	"reddot/snapshot/storage"
)

// bucketScheme marks a place of snapshots that is an object store bucket.
const bucketScheme = "bucket:"

// noSnapshots is the place of snapshots that turns them off.
const noSnapshots = "off"

// snapshotPlace says where snapshots are kept.
type snapshotPlace struct {
	data string // data folder
	at   string // a folder, "bucket:NAME", "off", or empty: the folder snapshots in the data folder

	replicas int // of a bucket that is made; 0: one
}

func (p *snapshotPlace) addFlags(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringVar(&p.data, "data", "./reddot-data", "`directory` of the server's data")
	f.StringVar(&p.at, "snapshots", "", "`place` of the snapshots: a directory or bucket:NAME (default the directory snapshots of --data)")
}

// validate reports a usageError.
func (p *snapshotPlace) validate() error {
	if p.data == "" {
		return usagef("--data is empty: name a directory")
	}
	if name, ok := p.bucket(); ok && !regexp.MustCompile(`^[a-zA-Z0-9_-]+$`).MatchString(name) {
		return usagef("--snapshots %q: name the bucket with letters, digits, - and _, as in bucket:NAME", p.at)
	}
	return nil
}

// bucket is the name of the bucket, if it is one.
func (p *snapshotPlace) bucket() (name string, ok bool) { return strings.CutPrefix(p.at, bucketScheme) }

// bucketStream is the stream behind a bucket.
func bucketStream(bucket string) string { return "OBJ_" + bucket }

func (p *snapshotPlace) folder() string {
	if p.at == "" {
		return datadir.Dir(p.data).Snapshots()
	}
	return p.at
}

// storage opens the place, and makes a bucket that is not there; js is asked
// for only if it is one.
func (p *snapshotPlace) storage(ctx context.Context, js func() (jetstream.JetStream, error)) (storage.Storage, error) {
	name, ok := p.bucket()
	if !ok {
		return storage.NewFolder(nil, p.folder()), nil
	}
	stream, err := js()
	if err != nil {
		return nil, err
	}
	return storage.OpenBucket(ctx, stream, storage.BucketConfig{Name: name, Replicas: p.replicas})
}

// errNoPlace is wrapped where there is nothing at the place of snapshots.
var errNoPlace = errors.New(`take one with "reddot snapshot create", or name their place with --data or --snapshots`)

// found is storage for those who do not make snapshots: the place must be there.
func (p *snapshotPlace) found(ctx context.Context, js func() (jetstream.JetStream, error)) (storage.Storage, error) {
	name, ok := p.bucket()
	if !ok {
		if _, err := os.Stat(p.folder()); errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("there are no snapshots in %s: %w", p.folder(), errNoPlace)
		}
		return p.storage(ctx, js)
	}
	stream, err := js()
	if err != nil {
		return nil, err
	}
	if _, err := stream.ObjectStore(ctx, name); errors.Is(err, jetstream.ErrBucketNotFound) {
		return nil, fmt.Errorf("there is no bucket %s: %w", name, errNoPlace)
	}
	return p.storage(ctx, js)
}

// openRepository opens the snapshots in a storage; scratch is a folder of its
// own.
func openRepository(ctx context.Context, s storage.Storage, scratch string, log *slog.Logger) (*snapshot.Repository, error) {
	return snapshot.Open(ctx, snapshot.Config{
		Storage: s, Check: checkStore, Scratch: filepath.Join(scratch, "snapshot"), Program: version(), Logger: log,
	})
}

// recognise gives the log the identity of the snapshots that were made of it, if
// its stream does not say so: it was restored from a backup without its
// metadata. A command that the stream took in at the very time that a snapshot
// names, to the nanosecond, is that snapshot's.
func recognise(ctx context.Context, log *log.Log, repo *snapshot.Repository) error {
	entries, err := repo.List(ctx)
	if err != nil {
		return err
	}
	id := log.Identity()
	entries = slices.DeleteFunc(entries, func(e snapshot.Entry) bool { return e.Err != nil || e.Manifest.Stream.Name != id.Name })
	if slices.ContainsFunc(entries, func(e snapshot.Entry) bool { return e.Manifest.Stream.Equal(id) }) {
		return nil
	}
	for _, e := range entries {
		at, err := log.TimeOf(ctx, e.Seq)
		if err != nil {
			return err
		}
		if m := e.Manifest; !at.IsZero() && m.LogTime.Equal(at) {
			log.Adopt(m.Stream)
			return nil
		}
	}
	return nil
}

// checkStore reads every row of a store's folder.
func checkStore(ctx context.Context, dir string, progress func(rows uint64)) (snapshot.State, error) {
	info, err := store.Check(ctx, vfs.Default, dir, progress)
	if err != nil {
		return snapshot.State{}, err
	}
	return snapshot.State{
		Stream: info.Identity, Seq: info.Position.Applied,
		Digest: info.Position.Digest(), Format: uint64(info.Format),
	}, nil
}
