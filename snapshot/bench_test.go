package snapshot_test

import (
	"context"
	"fmt"
	"path/filepath"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/nats-io/nats-server/v2/server"

	"reddot/projector/testkit/natstest"
	"reddot/snapshot"
	"reddot/snapshot/storage"
)

// BenchmarkSnapshot stores and restores 128 MiB of files on disk, to a folder
// and to buckets; per second, bytes of files.
func BenchmarkSnapshot(b *testing.B) {
	storages := map[string]func(b *testing.B, dir string) storage.Storage{
		"folder": func(b *testing.B, dir string) storage.Storage { return storage.NewFolder(vfs.Default, dir) },
		"bucket": func(b *testing.B, dir string) storage.Storage { return openBucket(b, natstest.Start(b)) },
		"bucket-sync-always": func(b *testing.B, dir string) storage.Storage {
			return openBucket(b, natstest.Start(b, func(o *server.Options) { o.SyncAlways = true }))
		},
	}
	for name, open := range storages {
		b.Run(name, func(b *testing.B) { benchmarkStorage(b, open) })
	}
}

func benchmarkStorage(b *testing.B, open func(*testing.B, string) storage.Storage) {
	const files, size = 16, 8 << 20
	for _, what := range []string{"create", "again", "verify", "restore"} {
		b.Run(what, func(b *testing.B) {
			b.SetBytes(files * size)
			for range b.N {
				b.StopTimer()
				dir := b.TempDir()
				store := &plain{fs: vfs.Default}
				for i := range files {
					store.add(fmt.Sprintf("%06d.sst", i), size)
				}
				repo, err := snapshot.Open(context.Background(), snapshot.Config{
					Storage: open(b, filepath.Join(dir, "snapshots")), Check: store.check, Scratch: filepath.Join(dir, "scratch"),
				})
				if err != nil {
					b.Fatal(err)
				}
				if what != "create" {
					if _, err := repo.Create(context.Background(), store, nil); err != nil {
						b.Fatal(err)
					}
				}
				b.StartTimer()
				switch what {
				case "create":
					_, err = repo.Create(context.Background(), store, nil)
				case "again":
					store.add("more.sst", 1000)
					_, err = repo.Create(context.Background(), store, nil)
				case "verify":
					var e snapshot.Entry
					if e, err = repo.Find(context.Background(), ""); err == nil {
						_, err = repo.Verify(context.Background(), e.ID, snapshot.VerifyOptions{HashesOnly: true}, nil)
					}
				case "restore":
					_, err = repo.Restore(context.Background(), snapshot.Want{Stream: stream}, filepath.Join(dir, "restored"), nil)
				}
				if err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
