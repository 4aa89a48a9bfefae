package main_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"testing"
)

// testPrivate looks at who may read what a server stores: its user alone, also
// what an earlier release has left open.
func testPrivate(t *testing.T, p program) {
	dir := filepath.Join(t.TempDir(), "data")
	private := func(after string) {
		t.Helper()
		seen := make(map[string]bool)
		err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
			if err != nil {
				return err
			}
			info, err := e.Info()
			if err != nil {
				return err
			}
			want := fs.FileMode(0o600)
			if e.IsDir() {
				want = 0o700
			}
			if info.Mode().Perm() != want {
				t.Errorf("%s: %s has mode %v, want %v", after, path, info.Mode().Perm(), want)
			}
			relative, err := filepath.Rel(dir, path)
			seen[relative] = true
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range []string{".", "LOCK", "nats", "store", "snapshots"} {
			if !seen[name] {
				t.Errorf("%s: there is no %s", after, name)
			}
		}
	}
	work := func() {
		t.Helper()
		c := p.serve(t, dir)
		nc := connect(t, c.nats)
		settled(t, nc, publish(t, nc, "unread.cmd.user.alice.message", `{"id":"m1","from":"bob"}`))
		p.run(t, nil, "snapshot", "create", "--server", c.nats).done(t)
		p.run(t, nil, "verify", "--server", c.nats, "--data", dir).done(t)
		c.terminate(t)
	}
	work()
	private("first start")
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		mode := fs.FileMode(0o644)
		if e.IsDir() {
			mode = 0o755
		}
		if path == dir {
			mode = 0o700 // whose folder it is decides about it
		}
		return os.Chmod(path, mode)
	})
	if err != nil {
		t.Fatal(err)
	}
	work()
	private("left open")
}
