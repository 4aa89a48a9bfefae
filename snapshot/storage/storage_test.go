package storage_test

import (
	"bytes"
	"context"
	"errors"
	"path/filepath"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/google/go-cmp/cmp"

	"reddot/projector/testkit"
	"reddot/projector/testkit/natstest"
	"reddot/snapshot"
	"reddot/snapshot/storage"
)

// TestStorages checks what both storages promise.
func TestStorages(t *testing.T) {
	mem := vfs.NewMem()
	for name, place := range map[string]storage.Storage{
		"memory": storage.NewFolder(mem, "a/b/c"),
		"folder": storage.NewFolder(nil, filepath.Join(t.TempDir(), "a", "b")),
		"bucket": openBucket(t, natstest.Start(t)),
	} {
		t.Run(name, func(t *testing.T) { checkStorage(t, place) })
	}
}

func checkStorage(t *testing.T, s storage.Storage) {
	ctx := testkit.Context(t)
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
	large := bytes.Repeat([]byte("reddot! "), storage.MaxBlob/8)
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
	check("all", cmp.Diff(map[string]uint64{"pieces/a": 3, "pieces/b": 0, "pins/a": 3, "pieces/large": storage.MaxBlob}, list("")))
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
