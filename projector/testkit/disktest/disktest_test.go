package disktest_test

import (
	"errors"
	"io"
	"math/rand/v2"
	"strings"
	"syscall"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"

	"reddot/projector/testkit"
	"reddot/projector/testkit/disktest"
)

func TestMain(m *testing.M) { testkit.Main(m) }

// write creates a file, writes to it, syncs and closes it: 4 writes, and a fifth
// that syncs the folder.
func write(fs vfs.FS, path, text string) error {
	f, err := fs.Create(path, vfs.WriteCategoryUnspecified)
	if err != nil {
		return err
	}
	_, err = f.Write([]byte(text))
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	dir, err := fs.OpenDir("")
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}

// TestCrashes: before each write there is a copy with what was synced, and with
// what was known then.
func TestCrashes(t *testing.T) {
	for _, unsynced := range []int{0, 100} {
		c := disktest.NewCrashes[int](rand.New(rand.NewPCG(1, 1)), func(*rand.Rand) int { return unsynced })
		for i, name := range []string{"a", "b"} {
			testkit.OK(t, write(c.Disk(), name, name))
			c.Know(func(n *int) { *n = i + 1 })
		}
		for i, p := range c.Points() {
			for at, name := range []string{"a", "b"} {
				got := read(p.Left, name)
				if known := p.Known > at; known && got != name {
					t.Errorf("%s: %s is known and holds %q", p.Write, name, got)
				}
			}
			if !strings.HasPrefix(p.Write, "write ") || i > 0 && p.Known < c.Points()[i-1].Known {
				t.Errorf("%d: %+v", i, p)
			}
		}
		if got := read(c.Memory(), "b"); got != "b" {
			t.Errorf("the disk itself holds %q", got)
		}
		last := c.Points()[len(c.Points())-1] // before the folder is synced
		if got := read(last.Left, "b"); (got == "b") != (unsynced == 100) {
			t.Errorf("with %d %% of what is not synced, the file holds %q", unsynced, got)
		}
	}
}

func read(fs vfs.FS, path string) string {
	f, err := fs.Open(path)
	if err != nil {
		return ""
	}
	defer f.Close()
	text, err := io.ReadAll(f)
	if err != nil {
		return err.Error()
	}
	return string(text)
}

// TestFull: writes fail from one on, or one alone, until the disk is mended.
func TestFull(t *testing.T) {
	f := disktest.NewFull(vfs.NewMem(), func(op errorfs.Op) bool { return op.Path == "a" })
	check := func(what string, err error, fails bool) {
		t.Helper()
		if errors.Is(err, syscall.ENOSPC) != fails || (err != nil) != fails {
			t.Errorf("%s: %v", what, err)
		}
		if f.Mend() != fails || f.Mend() {
			t.Errorf("%s: failing is not known", what)
		}
	}
	check("nothing set", write(f, "a", "x"), false)
	for n, fails := range map[int]bool{0: true, 1: true, 2: true, 3: false} {
		f.After(n)
		check("after", write(f, "a", "x"), fails)
	}
	for n, fails := range map[int]bool{1: true, 2: true, 3: true, 4: false} {
		f.At(n)
		check("at", write(f, "a", "x"), fails)
	}
	f.After(0)
	check("does not count", write(f, "b", "x"), false)
	f.At(1)
	first := write(f, "a", "x")
	if second := write(f, "a", "x"); second != nil {
		t.Error(second)
	}
	check("the first alone", first, true)
}
