package store_test

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"

	"reddot/events"
)

func readFile(t *testing.T, fs vfs.FS, path string) []byte {
	t.Helper()
	f, err := fs.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	b, err := io.ReadAll(f)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// TestNothingLeftBehind: a file that could not be published leaves no other
// file behind, whatever step of it fails, and is what it was.
func TestNothingLeftBehind(t *testing.T) {
	for _, kind := range []errorfs.OpKind{
		errorfs.OpCreate, errorfs.OpFileWrite, errorfs.OpFileSync, errorfs.OpRename,
	} {
		mem := vfs.NewMem()
		var broken atomic.Bool
		r := &rig{t: t, disk: errorfs.Wrap(mem, errorfs.InjectorFunc(func(op errorfs.Op) error {
			if broken.Load() && op.Kind == kind && strings.HasPrefix(mem.PathBase(op.Path), "position") {
				return syscall.EIO
			}
			return nil
		}))}
		r.open(mem)
		everyFamily(r)
		r.reopen()
		before := readFile(t, mem, "store/position")
		r.do(events.Command{Verb: events.GroupLeave, Inbox: "g", Users: []string{"a"}})
		r.commit()
		broken.Store(true)
		if err := r.store.Close(); !errors.Is(err, syscall.EIO) {
			t.Errorf("operation %d fails: close says %v", kind, err)
		}
		names, err := mem.List("store")
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range names {
			if strings.HasSuffix(name, ".tmp") {
				t.Errorf("operation %d fails: %s is left", kind, name)
			}
		}
		if !bytes.Equal(before, readFile(t, mem, "store/position")) {
			t.Errorf("operation %d fails: the file is another one", kind)
		}
	}
}
