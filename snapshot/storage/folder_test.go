package storage_test

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"reddot/projector/testkit"
	"reddot/snapshot/storage"
)

// TestSweepFolder removes files that were not published, once they are old.
func TestSweepFolder(t *testing.T) {
	dir := t.TempDir()
	s := storage.NewFolder(nil, dir)
	if err := s.Put(testkit.Context(t), "pieces/a", []byte("one")); err != nil {
		t.Fatal(err)
	}
	half := filepath.Join(dir, "pieces", ".unfinished-x")
	if err := os.WriteFile(half, []byte("on"), 0o600); err != nil {
		t.Fatal(err)
	}
	for before, gone := range map[time.Duration]bool{-time.Hour: false, time.Hour: true} {
		if err := s.Sweep(testkit.Context(t), time.Now().Add(before)); err != nil {
			t.Fatal(err)
		}
		if _, err := os.Stat(half); gone && !errors.Is(err, os.ErrNotExist) {
			t.Errorf("%v: %v", before, err)
		}
	}
	if _, err := s.Get(testkit.Context(t), "pieces/a"); err != nil {
		t.Error(err)
	}
}
