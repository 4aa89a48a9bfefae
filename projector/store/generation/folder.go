package generation

import (
	"errors"
	"fmt"
	"slices"
	"strconv"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/atomicfs"

	"reddot/projector/disk"
)

// currentMarker is the name of the marker, a file whose name ends in that of
// the current generation's folder.
const currentMarker = "store"

// Folder is the folder of a projection's stores. Each lies in a folder of its
// own, a generation named by a number of six digits; one of them at most is
// current. A store is built beside the current one, and then takes its place
// by one step that a crash leaves done or not done.
//
// Deleting the folder loses nothing: the log has everything.
//
// A Folder is for one goroutine, and for one process at a time.
type Folder struct {
	fs      vfs.FS
	dir     string
	current string // what the marker says: the name of a generation; "" if there is none
	last    uint64 // the number given last
}

// Open opens the folder of stores in dir, and makes it if it is not
// there. fs nil is the operating system's.
func Open(fs vfs.FS, dir string) (*Folder, error) {
	if fs == nil {
		fs = vfs.Default
	}
	f := &Folder{fs: fs, dir: dir}
	if err := disk.MakeDir(fs, dir); err != nil {
		return nil, fmt.Errorf("make the folder of the store: %w", err)
	}
	name, err := atomicfs.ReadMarker(fs, dir, currentMarker)
	if err != nil {
		return nil, fmt.Errorf("find the current store in %s (take away what is not reddot's): %w", dir, err)
	}
	f.current = name
	return f, nil
}

// generation reads a folder's number from its name.
func generation(name string) (no uint64, ok bool) {
	no, err := strconv.ParseUint(name, 10, 64)
	return no, err == nil && name == generationName(no)
}

func generationName(no uint64) string { return fmt.Sprintf("%06d", no) }

// Current returns the folder of the current store. ok is false if there is
// none: it was never built, or somebody deleted it.
func (f *Folder) Current() (path string, ok bool) {
	if _, ok := generation(f.current); !ok {
		return "", false
	}
	path = f.fs.PathJoin(f.dir, f.current)
	info, err := f.fs.Stat(path)
	return path, err == nil && info.IsDir()
}

// New returns the path of a new generation, which is not there yet: whoever
// builds the store makes it. What is built and not used is removed by Clean.
func (f *Folder) New() (path string, err error) {
	names, err := f.fs.List(f.dir)
	if err != nil {
		return "", fmt.Errorf("number a new store: %w", err)
	}
	for _, name := range append(names, f.current) {
		if no, ok := generation(name); ok {
			f.last = max(f.last, no)
		}
	}
	f.last++
	return f.fs.PathJoin(f.dir, generationName(f.last)), nil
}

// Use makes a generation, whose files are durable, the current one. After an
// error the one that was current still is, or the new one is already: open the
// folder again to know.
func (f *Folder) Use(path string) error {
	name := f.fs.PathBase(path)
	if _, ok := generation(name); !ok || f.fs.PathJoin(f.dir, name) != path {
		return fmt.Errorf("use store: %s is not a generation of %s", path, f.dir)
	}
	if _, err := f.fs.Stat(path); err != nil {
		return fmt.Errorf("use store: %w", err)
	}
	if err := f.mark(name); err != nil {
		return fmt.Errorf("use store in %s: %w", path, err)
	}
	return nil
}

// Drop makes no store the current one: whoever opens the folder next finds
// none. Errors are as those of Use.
func (f *Folder) Drop() error {
	if err := f.mark(""); err != nil {
		return fmt.Errorf("drop the store in %s: %w", f.dir, err)
	}
	return nil
}

// mark moves the marker, durably.
func (f *Folder) mark(name string) error {
	// What the marker names must not be lost in a crash that leaves the marker.
	if err := disk.SyncDir(f.fs, f.dir); err != nil {
		return err
	}
	marker, _, err := atomicfs.LocateMarker(f.fs, f.dir, currentMarker)
	if err != nil {
		return err
	}
	err = errors.Join(disk.Unpanicked(func() error { return marker.Move(name) }), marker.Close())
	if err == nil {
		f.current = name
	}
	return err
}

// Clean removes everything but the current generation: those that were replaced,
// or whose building was interrupted, and the files of a store that lay in the
// folder itself. No other generation may be open.
func (f *Folder) Clean() error {
	if err := f.clean(); err != nil {
		return fmt.Errorf("remove old stores: %w", err)
	}
	return nil
}

func (f *Folder) clean() error {
	marker, current, err := atomicfs.LocateMarker(f.fs, f.dir, currentMarker)
	if err != nil {
		return err
	}
	defer marker.Close()
	if current != f.current {
		return fmt.Errorf("%s is current, not %s: another process uses the folder", current, f.current)
	}
	if err := marker.RemoveObsolete(); err != nil {
		return err
	}
	names, err := f.fs.List(f.dir)
	if err != nil {
		return err
	}
	slices.Sort(names)
	for _, name := range names {
		if name == f.current || isMarker(name) {
			continue
		}
		if err := f.fs.RemoveAll(f.fs.PathJoin(f.dir, name)); err != nil {
			return err
		}
	}
	return disk.SyncDir(f.fs, f.dir)
}

// isMarker reports whether a file is the folder's own marker.
func isMarker(name string) bool {
	return len(name) > len(markerPrefix) && name[:len(markerPrefix)] == markerPrefix
}

const markerPrefix = "marker." + currentMarker + "."
