package repository

import (
	"context"
	"log/slog"
	"path/filepath"

	"github.com/cockroachdb/pebble/v2/vfs"

	"reddot/projector/store/inspect"
	"reddot/snapshot"
	"reddot/snapshot/storage"
)

// Open opens the snapshots in a storage for a command; scratch is a folder of its own,
// and program what manifests name as who has taken them.
func Open(ctx context.Context, s storage.Storage, scratch, program string, log *slog.Logger) (*snapshot.Repository, error) {
	return snapshot.Open(ctx, snapshot.Config{
		Storage: s, Check: Check, Scratch: filepath.Join(scratch, "snapshot"), Program: program, Logger: log,
	})
}

// Check reads every row of a store's folder; an error of a corrupt one is store.ErrCorrupt.
func Check(ctx context.Context, dir string, progress func(rows uint64)) (snapshot.State, error) {
	info, err := inspect.Check(ctx, vfs.Default, dir, progress)
	if err != nil {
		return snapshot.State{}, err
	}
	return snapshot.State{
		Stream: info.Identity, Seq: info.Position.Applied,
		Digest: info.Position.Digest(), Format: uint64(info.Format),
	}, nil
}
