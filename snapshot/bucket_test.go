package snapshot_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/google/go-cmp/cmp"
	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"reddot/snapshot"
)

// bus is a NATS server that can be stopped and started again.
type bus struct {
	t       testing.TB
	options server.Options
	srv     *server.Server
	js      jetstream.JetStream
}

func newBus(t testing.TB, change func(*server.Options)) *bus {
	b := &bus{t: t, options: server.Options{
		Host: "127.0.0.1", Port: server.RANDOM_PORT, JetStream: true, StoreDir: t.TempDir(), JetStreamMaxStore: 1 << 50, NoSigs: true, NoLog: true,
	}}
	if change != nil {
		change(&b.options)
	}
	b.start()
	nc, err := nats.Connect(b.srv.ClientURL(), nats.MaxReconnects(-1), nats.ReconnectWait(20*time.Millisecond))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		nc.Close()
		b.stop()
	})
	if b.js, err = jetstream.New(nc); err != nil {
		t.Fatal(err)
	}
	return b
}

func (b *bus) start() {
	b.t.Helper()
	options := b.options
	srv, err := server.NewServer(&options)
	if err != nil {
		b.t.Fatal(err)
	}
	srv.Start()
	if !srv.ReadyForConnections(tooLong) {
		b.t.Fatal("the server does not start")
	}
	b.srv = srv
	b.options.Port = options.Port
}

func (b *bus) stop() {
	b.srv.Shutdown()
	b.srv.WaitForShutdown()
}

func (b *bus) bucket() *snapshot.Bucket {
	b.t.Helper()
	bucket, err := snapshot.OpenBucket(within(b.t), b.js, snapshot.BucketConfig{Name: "snapshots"})
	if err != nil {
		b.t.Fatal(err)
	}
	return bucket
}

// smallRoom is a server that syncs every message and has room for little more
// than one piece that waits for it; the usual 128 MiB make the same happen with
// larger objects.
func smallRoom(o *server.Options) { o.SyncAlways, o.StreamMaxBufferedSize = true, 6<<20 }

// TestBucketSyncAlways takes a snapshot of more than 64 MiB to a server that
// syncs every message, and that refuses it as one object if its disk is slower.
func TestBucketSyncAlways(t *testing.T) {
	b := newBus(t, smallRoom)
	objects, err := b.js.CreateObjectStore(within(t), jetstream.ObjectStoreConfig{Bucket: "whole"})
	if err != nil {
		t.Fatal(err)
	}
	var refused *jetstream.APIError
	switch _, err := objects.PutBytes(within(t), "whole", make([]byte, 64<<20)); {
	case err == nil: // its disk kept up with what came
		t.Log("the server has taken an object of 64 MiB: this run does not show that pieces are needed")
	case !errors.As(err, &refused) || refused.ErrorCode != 10167:
		t.Errorf("an object of 64 MiB: %v", err)
	}
	r := newRig(t, vfs.NewMem(), b.bucket())
	store := r.plain()
	store.add("a", 50<<20)
	store.add("b", 15<<20)
	c, err := r.repo.Create(within(t), store, nil)
	if err != nil || c.NewBytes != 65<<20 {
		t.Fatalf("%+v, %v", c, err)
	}
	store.add("c", 1<<20)
	if c, err = r.repo.Create(within(t), store, nil); err != nil || c.NewBytes != 1<<20 {
		t.Fatalf("%+v, %v", c, err)
	}
	if m, _, err := r.restore(snapshot.Want{}); err != nil || m.Bytes != 66<<20 {
		t.Error(err)
	}
	r.checkClean()
}

// TestBucketRefuses stores pieces from several sides at once, more than such a
// server takes: what is refused is stored at a later attempt.
func TestBucketRefuses(t *testing.T) {
	b := newBus(t, smallRoom)
	s := b.bucket()
	var puts sync.WaitGroup
	for i := range 6 {
		puts.Go(func() {
			if err := s.Put(within(t), fmt.Sprintf("pieces/%d", i), bytes.Repeat([]byte{byte(i)}, 4<<20)); err != nil {
				t.Error(err)
			}
		})
	}
	puts.Wait()
	for i := range 6 {
		data, err := s.Get(within(t), fmt.Sprintf("pieces/%d", i))
		if err != nil || !bytes.Equal(data, bytes.Repeat([]byte{byte(i)}, 4<<20)) {
			t.Errorf("%d: %d bytes, %v", i, len(data), err)
		}
	}
}

// TestBucket does what the folder's tests do, in a bucket.
func TestBucket(t *testing.T) {
	b := newBus(t, nil)
	r := newRig(t, vfs.NewMem(), b.bucket())
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
	seq, err := r.repo.TrimBound(within(t), stream, nil)
	if entries := r.list(); err != nil || seq != entries[1].Seq {
		t.Errorf("%d, %v", seq, err)
	}
}

// TestStorages checks what both storages promise.
func TestStorages(t *testing.T) {
	mem := vfs.NewMem()
	for name, storage := range map[string]snapshot.Storage{
		"memory": snapshot.NewFolder(mem, "a/b/c"),
		"folder": snapshot.NewFolder(nil, filepath.Join(t.TempDir(), "a", "b")),
		"bucket": newBus(t, nil).bucket(),
	} {
		t.Run(name, func(t *testing.T) { checkStorage(t, storage) })
	}
}

func checkStorage(t *testing.T, s snapshot.Storage) {
	ctx := within(t)
	list := func(prefix string) map[string]uint64 {
		t.Helper()
		blobs, err := s.List(ctx, prefix)
		if err != nil {
			t.Fatal(err)
		}
		sizes := map[string]uint64{}
		for _, b := range blobs {
			sizes[b.Name] = b.Size
			if age := time.Since(b.Modified); age < -time.Minute || age > time.Minute {
				t.Errorf("%s was modified at %v", b.Name, b.Modified)
			}
		}
		return sizes
	}
	check := func(what, diff string) {
		t.Helper()
		if diff != "" {
			t.Errorf("%s: %s", what, diff)
		}
	}
	check("empty", cmp.Diff(map[string]uint64{}, list("")))
	large := bytes.Repeat([]byte("reddot! "), snapshot.MaxBlob/8)
	for name, data := range map[string][]byte{"pieces/a": []byte("one"), "pieces/b": {}, "pins/a": []byte("two"), "pieces/large": large} {
		if err := s.Put(ctx, name, []byte("another")); err != nil {
			t.Fatal(err)
		}
		if err := s.Put(ctx, name, bytes.Clone(data)); err != nil {
			t.Fatal(err)
		}
		got, err := s.Get(ctx, name)
		if err != nil || !bytes.Equal(got, data) {
			t.Errorf("%s: %d bytes, %v", name, len(got), err)
		}
	}
	check("all", cmp.Diff(map[string]uint64{"pieces/a": 3, "pieces/b": 0, "pins/a": 3, "pieces/large": snapshot.MaxBlob}, list("")))
	check("some", cmp.Diff(map[string]uint64{"pins/a": 3}, list("pins/")))
	if err := s.Delete(ctx, "pieces/a", "pieces/none", "pieces/large"); err != nil {
		t.Error(err)
	}
	if _, err := s.Get(ctx, "pieces/a"); !errors.Is(err, snapshot.ErrNotFound) {
		t.Error(err)
	}
	check("deleted", cmp.Diff(map[string]uint64{"pieces/b": 0}, list("pieces/")))
	if err := s.Put(ctx, "pieces/a", []byte("again")); err != nil {
		t.Fatal(err)
	}
	check("again", cmp.Diff(map[string]uint64{"pieces/b": 0, "pieces/a": 5}, list("pieces/")))
	for _, name := range []string{"", "a", "../a", "a/../b", "a/b/c", "pieces/.a", "Pieces/a", "pieces/a b"} {
		_, err := s.Get(ctx, name)
		if err := s.Put(ctx, name, nil); err == nil {
			t.Errorf("put %q", name)
		}
		if err := s.Delete(ctx, name); err == nil {
			t.Errorf("deleted %q", name)
		}
		if err == nil || errors.Is(err, snapshot.ErrNotFound) {
			t.Errorf("got %q: %v", name, err)
		}
	}
	if err := s.Put(ctx, "pieces/c", append(large, 0)); err == nil {
		t.Error("put a blob that is too large")
	}
	if err := s.Sweep(ctx, time.Now().Add(time.Minute)); err != nil {
		t.Error(err)
	}
	check("swept", cmp.Diff(map[string]uint64{"pieces/b": 0, "pieces/a": 5, "pins/a": 3}, list("")))
	ended, cancel := context.WithCancel(ctx)
	cancel()
	if err := s.Put(ended, "pieces/d", nil); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

// TestSweepFolder removes files that were not published, once they are old.
func TestSweepFolder(t *testing.T) {
	dir := t.TempDir()
	s := snapshot.NewFolder(nil, dir)
	if err := s.Put(within(t), "pieces/a", []byte("one")); err != nil {
		t.Fatal(err)
	}
	half := filepath.Join(dir, "pieces", ".unfinished-x")
	if err := os.WriteFile(half, []byte("on"), 0o600); err != nil {
		t.Fatal(err)
	}
	for before, gone := range map[time.Duration]bool{-time.Hour: false, time.Hour: true} {
		if err := s.Sweep(within(t), time.Now().Add(before)); err != nil {
			t.Fatal(err)
		}
		if _, err := os.Stat(half); gone && !errors.Is(err, os.ErrNotExist) {
			t.Errorf("%v: %v", before, err)
		}
	}
	if _, err := s.Get(within(t), "pieces/a"); err != nil {
		t.Error(err)
	}
}

// TestSweepBucket frees what deleted objects and interrupted puts leave in the
// stream, once it is old.
func TestSweepBucket(t *testing.T) {
	b := newBus(t, nil)
	s := b.bucket()
	for i := range 5 {
		if err := s.Put(within(t), fmt.Sprintf("pieces/%d", i), make([]byte, 300<<10)); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Delete(within(t), "pieces/1", "pieces/2"); err != nil {
		t.Fatal(err)
	}
	if _, err := b.js.Publish(within(t), "$O.snapshots.C.half", make([]byte, 1000)); err != nil {
		t.Fatal(err)
	}
	messages := func() uint64 {
		t.Helper()
		stream, err := b.js.Stream(within(t), "OBJ_snapshots")
		if err != nil {
			t.Fatal(err)
		}
		return stream.CachedInfo().State.Msgs
	}
	const whole = 3 * (3 + 1) // objects of 3 chunks and a description
	if err := s.Sweep(within(t), time.Now().Add(-time.Minute)); err != nil || messages() != whole+2+1 {
		t.Errorf("%d messages, %v", messages(), err)
	}
	if err := s.Sweep(within(t), time.Now().Add(time.Minute)); err != nil || messages() != whole {
		t.Errorf("%d messages, %v", messages(), err)
	}
	for _, i := range []int{0, 3, 4} {
		if data, err := s.Get(within(t), fmt.Sprintf("pieces/%d", i)); err != nil || len(data) != 300<<10 {
			t.Error(err)
		}
	}
}

// TestForgetfulBucket refuses a bucket whose objects expire.
func TestForgetfulBucket(t *testing.T) {
	b := newBus(t, nil)
	if _, err := b.js.CreateObjectStore(within(t), jetstream.ObjectStoreConfig{Bucket: "snapshots", TTL: time.Hour}); err != nil {
		t.Fatal(err)
	}
	_, err := snapshot.OpenBucket(within(t), b.js, snapshot.BucketConfig{Name: "snapshots"})
	if err == nil || !strings.Contains(err.Error(), "TTL") {
		t.Error(err)
	}
}

// TestBucketServerAway restarts the server while a snapshot is stored and
// while one is restored, first without JetStream: both go on.
func TestBucketServerAway(t *testing.T) {
	b := newBus(t, nil)
	storage := &between{Storage: b.bucket()}
	r := newRig(t, vfs.NewMem(), storage)
	r.rows.apply(t, 12, 1<<20)
	var back sync.WaitGroup
	restart := func() {
		b.stop()
		b.options.JetStream = false
		b.start()
		back.Go(func() {
			<-time.After(100 * time.Millisecond) // of no responders
			b.stop()
			b.options.JetStream = true
			b.start()
		})
	}
	storage.once("put", "pieces/", restart)
	c := r.create(1)
	back.Wait()
	if c.NewBytes < 12<<20 {
		t.Errorf("%+v", c)
	}
	storage.once("get", "pieces/", restart)
	_, _, err := r.restore(snapshot.Want{})
	back.Wait()
	if err != nil {
		t.Error(err)
	}
	r.verifyAll()
	r.checkClean()
}

// TestRottenBucket flips a bit in a block file of the bucket's stream: what it
// hits is named, and nothing is restored from it.
func TestRottenBucket(t *testing.T) {
	rng := rand.New(rand.NewPCG(drawSeed(t), 1))
	b := newBus(t, nil)
	r := newRig(t, vfs.NewMem(), b.bucket())
	r.rows.apply(t, 12, 1<<20)
	m := r.create(1).Manifest
	b.stop()
	blocks, err := filepath.Glob(filepath.Join(b.options.StoreDir, "jetstream", "*", "streams", "OBJ_snapshots", "msgs", "*.blk"))
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
	b.start()
	began := time.Now()
	_, err = r.repo.Verify(within(t), m.ID(), snapshot.VerifyOptions{}, nil)
	var damage *snapshot.DamageError
	if !errors.As(err, &damage) || damage.Faults[0].Blob == "" || damage.Faults[0].File == "" {
		t.Errorf("verified: %v", err)
	}
	t.Logf("in %v: %v", time.Since(began), err)
	_, _, err = r.restore(snapshot.Want{})
	if !errors.Is(err, snapshot.ErrNone) || !strings.Contains(err.Error(), damage.Faults[0].Blob) {
		t.Errorf("restored: %v", err)
	}
}
