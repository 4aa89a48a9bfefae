package datadir_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"reddot/cmd/reddot/datadir"
)

// instanceLen is how long the name of a data folder is.
const instanceLen = 8

// TestLockError: a data folder that can't be taken is told by its reason.
func TestLockError(t *testing.T) {
	for _, c := range []struct {
		err  error
		says string
	}{
		{&fs.PathError{Op: "open", Path: "d/LOCK", Err: syscall.EROFS}, "is read-only: mount it for writing"},
		{&fs.PathError{Op: "open", Path: "d/LOCK", Err: syscall.EACCES}, "can't be written by this user"},
		{&fs.PathError{Op: "open", Path: "d/LOCK", Err: syscall.ENOSPC}, "on a disk that is full"},
		{syscall.EAGAIN, "in use by another reddot"},
	} {
		err := datadir.Dir("d").LockError(c.err)
		if !strings.Contains(err.Error(), c.says) || !errors.Is(err, c.err) || !strings.Contains(err.Error(), "--data") {
			t.Errorf("%v: %v", c.err, err)
		}
	}
	dir := datadir.Dir(filepath.Join(t.TempDir(), "made", "by it"))
	unlock, err := dir.Lock()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := dir.Lock(); err == nil || !strings.Contains(err.Error(), "in use by another reddot") {
		t.Errorf("%v", err)
	}
	if err := unlock(); err != nil {
		t.Fatal(err)
	}
	if unlock, err = dir.Lock(); err != nil {
		t.Fatalf("it is not free again: %v", err)
	}
	if err := unlock(); err != nil {
		t.Error(err)
	}
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := datadir.Dir(filepath.Join(file, "data")).Lock(); err == nil || !strings.Contains(err.Error(), "not a directory: choose another with --data") {
		t.Errorf("%v", err)
	}
	const foreign = datadir.Dir("/proc")
	if _, err := vfs.Default.Lock("/proc/LOCK"); err == nil || !strings.Contains(foreign.LockError(err).Error(), "can't be written by this user") {
		t.Errorf("%v", foreign.LockError(err))
	}
}

// TestInstance: a data folder keeps its name; one that can't be read is replaced.
func TestInstance(t *testing.T) {
	dir := datadir.Dir(t.TempDir())
	path := filepath.Join(string(dir), "INSTANCE")
	name := func() string {
		t.Helper()
		name, err := dir.Instance()
		if err != nil || len(name) != instanceLen {
			t.Fatalf("its name is %q: %v", name, err)
		}
		if text, err := os.ReadFile(path); err != nil || string(text) != name+"\n" {
			t.Errorf("the file says %q: %v", text, err)
		}
		return name
	}
	first := name()
	if again := name(); again != first {
		t.Errorf("its name was %s and is %s", first, again)
	}
	for _, text := range []string{"", "short\n", first + "x\n", "a.b*c>d \n"} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if name() == first {
			t.Errorf("from %q it has its old name", text)
		}
	}
	if err := errors.Join(os.Remove(path), os.Mkdir(path, 0o700)); err != nil {
		t.Fatal(err)
	}
	if name, err := dir.Instance(); err == nil {
		t.Errorf("a name that can't be written down is %s", name)
	}
}

// TestLayout: the folders of a data folder that earlier releases have made are found.
func TestLayout(t *testing.T) {
	const dir = datadir.Dir("d")
	for is, want := range map[string]string{
		dir.NATS(): "d/nats", dir.Store(): "d/store", dir.Snapshots(): "d/snapshots", dir.ServerScratch(): "d/scratch/serve",
	} {
		if is != filepath.FromSlash(want) {
			t.Errorf("%s, want %s", is, want)
		}
	}
}
