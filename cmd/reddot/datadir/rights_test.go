package datadir_test

import (
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"reddot/cmd/reddot/datadir"
)

// TestTighten: what reddot has stored is its user's alone afterwards, also on another
// disk; the folder itself, and what is not reddot's, is left alone.
func TestTighten(t *testing.T) {
	dir, elsewhere := t.TempDir(), t.TempDir()
	open := func(path ...string) string {
		t.Helper()
		file := filepath.Join(path...)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, nil, 0o644); err != nil {
			t.Fatal(err)
		}
		return file
	}
	tightened := []string{
		open(dir, "LOCK"), open(dir, "INSTANCE"), open(dir, "nats", "jetstream", "1.blk"), open(dir, "store", "a", "b"),
		open(dir, "scratch", "serve", "x"), open(elsewhere, "snapshots", "files", "y"),
	}
	foreign := open(dir, "notes")
	if err := os.Symlink(filepath.Join(elsewhere, "snapshots"), filepath.Join(dir, "snapshots")); err != nil {
		t.Fatal(err)
	}
	var log strings.Builder
	datadir.Dir(dir).Tighten(slog.New(slog.NewTextHandler(&log, nil)))
	mode := func(path string) fs.FileMode {
		t.Helper()
		info, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		return info.Mode().Perm()
	}
	for _, file := range tightened {
		if got := mode(file); got != 0o600 {
			t.Errorf("%s has mode %v", file, got)
		}
	}
	for _, folder := range []string{"nats", "nats/jetstream", "store", "store/a", "scratch", "scratch/serve", "snapshots", "snapshots/files"} {
		if got := mode(filepath.Join(dir, folder)); got != 0o700 {
			t.Errorf("%s has mode %v", folder, got)
		}
	}
	if got := mode(foreign); got != 0o644 {
		t.Errorf("what is not reddot's has mode %v", got)
	}
	if n := strings.Count(log.String(), "what others could read is this user's alone now"); n != 6 {
		t.Errorf("it is logged %d times:\n%s", n, log.String())
	}
	log.Reset()
	datadir.Dir(dir).Tighten(slog.New(slog.NewTextHandler(&log, nil)))
	if log.Len() > 0 {
		t.Errorf("there was something left to do:\n%s", log.String())
	}
}
