package datadir_test

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"reddot/cmd/reddot/datadir"
	"reddot/projector/testkit"
)

// sweptFolder is the environment variable that has this binary sweep a data folder and end.
const sweptFolder = "REDDOT_SWEPT_FOLDER"

func TestMain(m *testing.M) {
	if dir := os.Getenv(sweptFolder); dir != "" {
		if err := datadir.Dir(dir).SweepScratch(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	testkit.Main(m)
}

// sweepElsewhere sweeps in another process, as locks are between processes.
func sweepElsewhere(t *testing.T, dir datadir.Dir) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env = append(cmd.Environ(), sweptFolder+"="+string(dir))
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%v: %s", err, out)
	}
}

// TestWithScratch: a folder is lent on the data folder's disk, locked, and removed
// afterwards, whatever its user says.
func TestWithScratch(t *testing.T) {
	dir := datadir.Dir(t.TempDir())
	sentinel, lent := errors.New("of its user"), ""
	err := dir.WithScratch(func(scratch string) error {
		lent = scratch
		if above := filepath.Join(string(dir), "scratch"); filepath.Dir(scratch) != above {
			t.Errorf("%s is not in %s", scratch, above)
		}
		sweepElsewhere(t, dir)
		if err := os.WriteFile(filepath.Join(scratch, "x"), nil, 0o600); err != nil {
			t.Errorf("a sweep has removed it: %v", err)
		}
		return sentinel
	})
	if !errors.Is(err, sentinel) {
		t.Errorf("it returns %v", err)
	}
	if _, err := os.Stat(lent); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("it is still there: %v", err)
	}
}

// TestWithScratchElsewhere: without a data folder, none is made.
func TestWithScratchElsewhere(t *testing.T) {
	temporary := t.TempDir()
	t.Setenv("TMPDIR", temporary)
	dir := datadir.Dir(filepath.Join(t.TempDir(), "none"))
	err := dir.WithScratch(func(scratch string) error {
		if !strings.HasPrefix(scratch, temporary) {
			t.Errorf("it is %s", scratch)
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(string(dir)); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a data folder was made: %v", err)
	}
}

// TestSweepScratch: what a crash leaves behind is removed; the server's, what is at work
// and what has just been begun is not.
func TestSweepScratch(t *testing.T) {
	dir := datadir.Dir(t.TempDir())
	if err := dir.SweepScratch(); err != nil {
		t.Errorf("where there is nothing: %v", err)
	}
	make := func(name string) string {
		t.Helper()
		path := filepath.Join(filepath.Dir(dir.ServerScratch()), name)
		if err := os.MkdirAll(filepath.Join(path, "store"), 0o700); err != nil {
			t.Fatal(err)
		}
		return path
	}
	left, working, begun, old, served := make("command-left"), make("command-working"), make("new-1"), make("new-2"), make("serve")
	lock, err := vfs.Default.Lock(filepath.Join(working, "LOCK"))
	if err != nil {
		t.Fatal(err)
	}
	hours := time.Now().Add(-3 * time.Hour)
	if err := os.Chtimes(old, hours, hours); err != nil {
		t.Fatal(err)
	}
	if err := dir.SweepScratch(); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]bool{left: false, working: true, begun: true, old: false, served: true} {
		if _, err := os.Stat(path); (err == nil) != want {
			t.Errorf("%s: is there %v, want %v", path, err == nil, want)
		}
	}
	if err := lock.Close(); err != nil {
		t.Fatal(err)
	}
	if err := dir.SweepScratch(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(working); err == nil {
		t.Error("whoever was at work has ended, and it is still there")
	}
}
