package storage_test

import (
	"bytes"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go/jetstream"

	"reddot/projector/testkit"
	"reddot/projector/testkit/natstest"
	"reddot/snapshot/storage"
)

// openBucket opens a bucket on a server.
func openBucket(t testing.TB, s *natstest.Server) *storage.Bucket {
	t.Helper()
	return testkit.Must(storage.OpenBucket(testkit.Context(t), s.JetStream(), storage.BucketConfig{Name: "snapshots"}))(t)
}

// TestBucketRefuses stores blobs from several sides at once, more than a server
// that syncs every message takes: what is refused is stored at a later attempt.
func TestBucketRefuses(t *testing.T) {
	b := natstest.Start(t, func(o *server.Options) { o.SyncAlways, o.StreamMaxBufferedSize = true, 6<<20 })
	s := openBucket(t, b)
	var puts sync.WaitGroup
	for i := range 6 {
		puts.Go(func() {
			if err := s.Put(testkit.Context(t), fmt.Sprintf("pieces/%d", i), bytes.Repeat([]byte{byte(i)}, 4<<20)); err != nil {
				t.Error(err)
			}
		})
	}
	puts.Wait()
	for i := range 6 {
		data, err := s.Get(testkit.Context(t), fmt.Sprintf("pieces/%d", i))
		if err != nil || !bytes.Equal(data, bytes.Repeat([]byte{byte(i)}, 4<<20)) {
			t.Errorf("%d: %d bytes, %v", i, len(data), err)
		}
	}
}

// TestSweepBucket frees what deleted objects and interrupted puts leave in the
// stream, once it is old.
func TestSweepBucket(t *testing.T) {
	b := natstest.Start(t)
	s := openBucket(t, b)
	for i := range 5 {
		if err := s.Put(testkit.Context(t), fmt.Sprintf("pieces/%d", i), make([]byte, 300<<10)); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Delete(testkit.Context(t), "pieces/1", "pieces/2"); err != nil {
		t.Fatal(err)
	}
	if _, err := b.JetStream().Publish(testkit.Context(t), "$O.snapshots.C.half", make([]byte, 1000)); err != nil {
		t.Fatal(err)
	}
	messages := func() uint64 {
		t.Helper()
		stream, err := b.JetStream().Stream(testkit.Context(t), "OBJ_snapshots")
		if err != nil {
			t.Fatal(err)
		}
		return stream.CachedInfo().State.Msgs
	}
	const whole = 3 * (3 + 1) // objects of 3 chunks and a description
	if err := s.Sweep(testkit.Context(t), time.Now().Add(-time.Minute)); err != nil || messages() != whole+2+1 {
		t.Errorf("%d messages, %v", messages(), err)
	}
	if err := s.Sweep(testkit.Context(t), time.Now().Add(time.Minute)); err != nil || messages() != whole {
		t.Errorf("%d messages, %v", messages(), err)
	}
	for _, i := range []int{0, 3, 4} {
		if data, err := s.Get(testkit.Context(t), fmt.Sprintf("pieces/%d", i)); err != nil || len(data) != 300<<10 {
			t.Error(err)
		}
	}
}

// TestForgetfulBucket refuses a bucket whose objects expire.
func TestForgetfulBucket(t *testing.T) {
	b := natstest.Start(t)
	if _, err := b.JetStream().CreateObjectStore(testkit.Context(t), jetstream.ObjectStoreConfig{Bucket: "snapshots", TTL: time.Hour}); err != nil {
		t.Fatal(err)
	}
	_, err := storage.OpenBucket(testkit.Context(t), b.JetStream(), storage.BucketConfig{Name: "snapshots"})
	if err == nil || !strings.Contains(err.Error(), "TTL") {
		t.Error(err)
	}
}
