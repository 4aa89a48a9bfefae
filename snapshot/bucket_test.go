package snapshot_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go/jetstream"

	"reddot/projector/testkit"
	"reddot/projector/testkit/natstest"
	"reddot/snapshot"
	"reddot/snapshot/storage"
)

// openBucket opens a bucket on a server.
func openBucket(t testing.TB, s *natstest.Server) *storage.Bucket {
	t.Helper()
	return testkit.Must(storage.OpenBucket(testkit.Context(t), s.JetStream(), storage.BucketConfig{Name: "snapshots"}))(t)
}

// smallRoom is a server that syncs every message and has room for little more
// than one piece that waits for it; the usual 128 MiB make the same happen with
// larger objects.
func smallRoom(o *server.Options) { o.SyncAlways, o.StreamMaxBufferedSize = true, 6<<20 }

// TestBucketSyncAlways takes a snapshot of more than 64 MiB to a server that
// syncs every message, and that refuses it as one object if its disk is slower.
func TestBucketSyncAlways(t *testing.T) {
	testkit.Unraced(t)
	b := natstest.Start(t, smallRoom)
	objects, err := b.JetStream().CreateObjectStore(testkit.Context(t), jetstream.ObjectStoreConfig{Bucket: "whole"})
	if err != nil {
		t.Fatal(err)
	}
	var refused *jetstream.APIError
	switch _, err := objects.PutBytes(testkit.Context(t), "whole", make([]byte, 64<<20)); {
	case err == nil: // its disk kept up with what came
		t.Log("the server has taken an object of 64 MiB: this run does not show that pieces are needed")
	case !errors.As(err, &refused) || refused.ErrorCode != 10167:
		t.Errorf("an object of 64 MiB: %v", err)
	}
	r := newRig(t, vfs.NewMem(), openBucket(t, b))
	store := r.plain()
	store.add("a", 50<<20)
	store.add("b", 15<<20)
	c, err := r.repo.Create(testkit.Context(t), store, nil)
	if err != nil || c.NewBytes != 65<<20 {
		t.Fatalf("%+v, %v", c, err)
	}
	store.add("c", 1<<20)
	if c, err = r.repo.Create(testkit.Context(t), store, nil); err != nil || c.NewBytes != 1<<20 {
		t.Fatalf("%+v, %v", c, err)
	}
	if m, _, err := r.restore(snapshot.Want{}); err != nil || m.Bytes != 66<<20 {
		t.Error(err)
	}
	r.checkClean()
}

// TestBucket does what the folder's tests do, in a bucket.
func TestBucket(t *testing.T) {
	b := natstest.Start(t)
	r := newRig(t, vfs.NewMem(), openBucket(t, b))
	for range 4 {
		r.create(20)
		r.rows.compact(t)
	}
	first := r.prune()
	if len(first.Removed) != 2 || first.Pieces == 0 {
		t.Errorf("%+v", first)
	}
	r.checkSeqs(80, 60)
	r.checkPieces()
	r.verifyAll()
	r.together(3)
	seq, err := r.repo.TrimBound(testkit.Context(t), stream, nil)
	if entries := r.list(); err != nil || seq != entries[1].Seq {
		t.Errorf("%d, %v", seq, err)
	}
}

// TestBucketServerAway restarts the server while a snapshot is stored and
// while one is restored, first without JetStream: both go on.
func TestBucketServerAway(t *testing.T) {
	b := natstest.Start(t)
	place := &between{Storage: openBucket(t, b)}
	r := newRig(t, vfs.NewMem(), place)
	r.rows.apply(t, 12, 1<<20)
	var back sync.WaitGroup
	restart := func() {
		b.Stop()
		b.Options.JetStream = false
		b.Restart()
		back.Go(func() {
			<-time.After(100 * time.Millisecond) // of no responders
			b.Stop()
			b.Options.JetStream = true
			b.Restart()
		})
	}
	place.once("put", "pieces/", restart)
	c := r.create(1)
	back.Wait()
	if c.NewBytes < 12<<20 {
		t.Errorf("%+v", c)
	}
	place.once("get", "pieces/", restart)
	_, _, err := r.restore(snapshot.Want{})
	back.Wait()
	if err != nil {
		t.Error(err)
	}
	r.verifyAll()
	r.checkClean()
}

// TestCorruptBucket flips a bit in a block file of the bucket's stream: what it
// hits is named, and nothing is restored from it.
func TestCorruptBucket(t *testing.T) {
	rng := testkit.Rand(t)
	b := natstest.Start(t)
	r := newRig(t, vfs.NewMem(), openBucket(t, b))
	r.rows.apply(t, 12, 1<<20)
	m := r.create(1).Manifest
	b.Stop()
	blocks, err := filepath.Glob(filepath.Join(b.Options.StoreDir, "jetstream", "*", "streams", "OBJ_snapshots", "msgs", "*.blk"))
	if err != nil || len(blocks) == 0 {
		t.Fatalf("%v, %v", blocks, err)
	}
	block := blocks[rng.IntN(len(blocks)-1)] // not the last, which has the manifest
	data, err := os.ReadFile(block)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(block, flip(rng.IntN(8*len(data)))(data), 0o600); err != nil {
		t.Fatal(err)
	}
	b.Restart()
	began := time.Now()
	_, err = r.repo.Verify(testkit.Context(t), m.ID(), snapshot.VerifyOptions{}, nil)
	var corrupt *snapshot.CorruptError
	if !errors.As(err, &corrupt) || corrupt.Faults[0].Blob == "" || corrupt.Faults[0].File == "" {
		t.Errorf("verified: %v", err)
	}
	t.Logf("in %v: %v", time.Since(began), err)
	_, _, err = r.restore(snapshot.Want{})
	if !errors.Is(err, snapshot.ErrNone) || !strings.Contains(err.Error(), corrupt.Faults[0].Blob) {
		t.Errorf("restored: %v", err)
	}
}
