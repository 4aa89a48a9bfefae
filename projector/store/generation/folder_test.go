package generation_test

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"reddot/events"
	"reddot/projector/fold"
	"reddot/projector/store"
	"reddot/projector/store/generation"
	"reddot/projector/testkit/disktest"
)

func openStore(t *testing.T, fs vfs.FS, dir string) *store.Store {
	t.Helper()
	s, err := store.Open(store.Config{Dir: dir, FS: fs, Identity: events.StreamID{Name: "S", Created: time.Unix(1, 0)}})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// use makes a new generation with a store that has folded some commands, and
// makes it the current one.
func use(t *testing.T, fs vfs.FS, f *generation.Folder, commands int) (path string) {
	t.Helper()
	path, err := f.New()
	if err != nil {
		t.Fatal(err)
	}
	s := openStore(t, fs, path)
	var fx fold.Effects
	for seq := range events.Seq(commands) {
		e := store.Entry{Seq: seq + 1, Command: events.Command{Verb: events.GroupJoin, Inbox: "g", Users: []string{"a"}}}
		if err := s.Apply(&e, &fx); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := s.Commit(); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(s.Close(), f.Use(path)); err != nil {
		t.Fatal(err)
	}
	return path
}

func openFolder(t *testing.T, fs vfs.FS, dir string) *generation.Folder {
	t.Helper()
	f, err := generation.Open(fs, dir)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// wantCurrent checks which store is current, in f and for who opens the folder
// now. "" is none.
func wantCurrent(t *testing.T, fs vfs.FS, f *generation.Folder, dir, want string) {
	t.Helper()
	for _, f := range []*generation.Folder{f, openFolder(t, fs, dir)} {
		path, ok := f.Current()
		if ok != (want != "") || ok && path != want {
			t.Errorf("current is %q, %v, not %q", path, ok, want)
		}
	}
}

func list(t *testing.T, fs vfs.FS, dir string) []string {
	t.Helper()
	names, err := fs.List(dir)
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(names)
	return names
}

// TestFolder builds a store, one beside it, and takes that one instead.
func TestFolder(t *testing.T) {
	for name, at := range map[string]struct {
		fs  vfs.FS
		dir string
	}{"memory": {vfs.NewMem(), "data/store"}, "disk": {nil, filepath.Join(t.TempDir(), "data", "store")}} {
		t.Run(name, func(t *testing.T) {
			fs, dir := at.fs, at.dir
			f := openFolder(t, fs, dir)
			if fs == nil {
				fs = vfs.Default
			}
			wantCurrent(t, fs, f, dir, "")
			first := use(t, fs, f, 1)
			wantCurrent(t, fs, f, dir, first)
			if _, err := f.New(); err != nil { // which is not built
				t.Fatal(err)
			}
			second := use(t, fs, f, 2)
			wantCurrent(t, fs, f, dir, second)
			if err := f.Clean(); err != nil {
				t.Fatal(err)
			}
			want := []string{"000003", "marker.store.000002.000003"}
			if d := cmp.Diff(want, list(t, fs, dir)); d != "" {
				t.Error(d)
			}
			if info, err := store.Inspect(fs, second); err != nil || info.Position.Applied != 2 {
				t.Errorf("the second store holds %+v, %v", info, err)
			}
			if err := errors.Join(f.Drop(), f.Clean()); err != nil {
				t.Fatal(err)
			}
			wantCurrent(t, fs, f, dir, "")
			if d := cmp.Diff([]string{"marker.store.000003."}, list(t, fs, dir)); d != "" {
				t.Error(d)
			}
		})
	}
}

// TestFolderOldLayout: a store whose files lie in the folder itself is none, and
// Clean removes them.
func TestFolderOldLayout(t *testing.T) {
	fs := vfs.NewMem()
	if err := openStore(t, fs, "store").Close(); err != nil {
		t.Fatal(err)
	}
	f := openFolder(t, fs, "store")
	wantCurrent(t, fs, f, "store", "")
	path := use(t, fs, f, 1)
	if path != "store/000001" {
		t.Errorf("the first generation is %s", path)
	}
	if err := f.Clean(); err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff([]string{"000001", "marker.store.000001.000001"}, list(t, fs, "store")); d != "" {
		t.Error(d)
	}
}

// TestFolderDeleted: a current store that somebody deleted is none, and its
// number is not given again.
func TestFolderDeleted(t *testing.T) {
	fs := vfs.NewMem()
	f := openFolder(t, fs, "store")
	first := use(t, fs, f, 1)
	if err := fs.RemoveAll(first); err != nil {
		t.Fatal(err)
	}
	f = openFolder(t, fs, "store")
	wantCurrent(t, fs, f, "store", "")
	if second := use(t, fs, f, 1); second == first {
		t.Errorf("%s is used again", second)
	}
	if err := fs.RemoveAll("store"); err != nil {
		t.Fatal(err)
	}
	f = openFolder(t, fs, "store")
	wantCurrent(t, fs, f, "store", "")
	if d := cmp.Diff([]string{}, list(t, fs, "store"), cmpopts.EquateEmpty()); d != "" {
		t.Error(d)
	}
}

// TestFolderRefuses what is not a generation of it, and a folder that another
// process changes.
func TestFolderRefuses(t *testing.T) {
	fs := vfs.NewMem()
	f := openFolder(t, fs, "store")
	if err := fs.MkdirAll("store/other", 0o755); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{"store/other", "other/000001", "store", "", "store/1"} {
		if err := f.Use(path); err == nil || !strings.Contains(err.Error(), "is not a generation") {
			t.Errorf("use %q: %v", path, err)
		}
	}
	if err := f.Use("store/000009"); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("use what is not there: %v", err)
	}
	other := openFolder(t, fs, "store")
	use(t, fs, other, 1)
	if err := f.Clean(); err == nil || !strings.Contains(err.Error(), "another process") {
		t.Errorf("clean what another process uses: %v", err)
	}
	if file, err := fs.Create("store/marker.nonsense", vfs.WriteCategoryUnspecified); err != nil {
		t.Fatal(err)
	} else if err := file.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := generation.Open(fs, "store"); err == nil || !strings.Contains(err.Error(), "take away") {
		t.Errorf("a marker that can't be read: %v", err)
	}
}

// TestFolderDiskFull lets each write of a swap fail: it says so, the old store or
// the new one is current, and the swap can be done again.
func TestFolderDiskFull(t *testing.T) {
	mem := vfs.NewMem()
	disk := disktest.NewFull(mem, nil)
	f := openFolder(t, disk, "store")
	old := use(t, mem, f, 1)
	for writes := range 100 {
		path, err := f.New()
		if err != nil {
			t.Fatal(err)
		}
		if err := openStore(t, mem, path).Close(); err != nil {
			t.Fatal(err)
		}
		disk.After(writes)
		err = errors.Join(f.Use(path), f.Clean())
		full := disk.Mend()
		if full != errors.Is(err, syscall.ENOSPC) {
			t.Fatalf("disk full after %d writes: %v: %v", writes, full, err)
		}
		f = openFolder(t, disk, "store")
		if current, ok := f.Current(); !ok || current != path && current != old {
			t.Fatalf("disk full after %d writes: %q is current, %v", writes, current, ok)
		}
		if err := errors.Join(f.Use(path), f.Clean()); err != nil {
			t.Fatal(err)
		}
		wantCurrent(t, mem, f, "store", path)
		if names := list(t, mem, "store"); len(names) != 2 {
			t.Errorf("disk full after %d writes: %q are left", writes, names)
		}
		if old = path; !full {
			t.Logf("a swap takes %d writes", writes)
			return
		}
	}
}
