package main

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
)

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
		if err := lockError("d", c.err); !strings.Contains(err.Error(), c.says) || !errors.Is(err, c.err) || !strings.Contains(err.Error(), "--data") {
			t.Errorf("%v: %v", c.err, err)
		}
	}
	dir := t.TempDir()
	unlock, err := lockData(dir)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := lockData(dir); err == nil || !strings.Contains(err.Error(), "in use by another reddot") {
		t.Errorf("%v", err)
	}
	if err := unlock(); err != nil {
		t.Fatal(err)
	}
	file := fileOf(t, "x")
	if _, err := lockData(file + "/data"); err == nil || !strings.Contains(err.Error(), "not a directory: choose another with --data") {
		t.Errorf("%v", err)
	}
	if _, err := vfs.Default.Lock("/proc/LOCK"); err == nil || !strings.Contains(lockError("/proc", err).Error(), "can't be written by this user") {
		t.Errorf("%v", lockError("/proc", err))
	}
}

// TestInstance: a data folder keeps its name; one that can't be read is replaced.
func TestInstance(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, instanceFile)
	name := func() string {
		t.Helper()
		name, err := instance(dir)
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
	if name, err := instance(dir); err == nil {
		t.Errorf("a name that can't be written down is %s", name)
	}
}
