package store_test

import (
	"errors"
	"os"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"reddot/projector/store"
)

// TestNoStore: a folder that is not there, or that has no store in it, is
// distinguished from one that is corrupt by who asks.
func TestNoStore(t *testing.T) {
	fs := vfs.NewMem()
	if _, err := store.Inspect(fs, "store"); !errors.Is(err, os.ErrNotExist) || errors.Is(err, store.ErrCorrupt) {
		t.Errorf("no folder: %v", err)
	}
	if err := fs.MkdirAll("store", 0o755); err != nil {
		t.Fatal(err)
	}
	if _, err := store.Inspect(fs, "store"); !errors.Is(err, store.ErrCorrupt) {
		t.Errorf("empty folder: %v", err)
	}
}
