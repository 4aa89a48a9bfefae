package store

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"

	"reddot/events"
	"reddot/projector/store/internal/corrupt"
	"reddot/projector/store/row"
)

// errReadOnly is what a readOnlyFS answers to every change.
var errReadOnly = errors.New("the folder is only read")

// readOnlyFS lets nothing be changed. Pebble, opened read-only, would still
// make a lock file: a folder of which nothing is to change, such as a snapshot,
// may lie on a disk that can't be written, and is read by several at once.
type readOnlyFS struct{ vfs.FS }

func (readOnlyFS) Create(string, vfs.DiskWriteCategory) (vfs.File, error) { return nil, errReadOnly }

func (readOnlyFS) Link(string, string) error { return errReadOnly }

func (readOnlyFS) OpenReadWrite(string, vfs.DiskWriteCategory, ...vfs.OpenOption) (vfs.File, error) {
	return nil, errReadOnly
}

func (readOnlyFS) Remove(string) error { return errReadOnly }

func (readOnlyFS) RemoveAll(string) error { return errReadOnly }

func (readOnlyFS) Rename(string, string) error { return errReadOnly }

func (readOnlyFS) ReuseForWrite(string, string, vfs.DiskWriteCategory) (vfs.File, error) {
	return nil, errReadOnly
}

func (readOnlyFS) MkdirAll(string, os.FileMode) error { return errReadOnly }

func (readOnlyFS) Lock(string) (io.Closer, error) { return io.NopCloser(nil), nil }

func (r readOnlyFS) Unwrap() vfs.FS { return r.FS }

// readOnlyCache is Pebble's block cache, in bytes, for a folder that is only
// read: from one end to the other, so that little is asked for twice.
const readOnlyCache = 8 << 20

// ReadOnly is a store's folder opened so that nothing in it is changed.
type ReadOnly struct {
	*pebble.DB
	FS      vfs.FS // which refuses every change
	Dir     string
	Options *pebble.Options
	Info    Info
}

// OpenReadOnly opens a store's folder to be read only. No store may be open there.
// Errors are as those of Inspect.
func OpenReadOnly(fs vfs.FS, dir string) (in *ReadOnly, err error) {
	if fs == nil {
		fs = vfs.Default
	}
	if _, err := fs.Stat(dir); err != nil {
		return nil, fmt.Errorf("open store: %w", err)
	}
	in = &ReadOnly{FS: readOnlyFS{fs}, Dir: dir}
	o := options(Config{Dir: dir, FS: in.FS, Logger: slog.New(slog.DiscardHandler)}, newBackground())
	o.ReadOnly = true
	o.CacheSize = readOnlyCache
	o.EnsureDefaults()
	in.Options = o
	if in.DB, err = openPebble(dir, o); err != nil {
		return nil, err
	}
	if in.Info, err = findInfo(in); err != nil {
		return nil, errors.Join(err, in.Close())
	}
	return in, nil
}

// Info is what a store's folder holds.
type Info struct {
	Format   int // of the rows
	Identity events.StreamID
	Position Position
}

// Inspect returns what a store's folder holds, without changing anything in it.
// No store may be open there. It fails with an error that wraps ErrCorrupt,
// ErrFormat or ErrNewer where Open would, or os.ErrNotExist if there is no such
// folder. Only what it reads has been checked; see package inspect. fs nil is the
// operating system's.
func Inspect(fs vfs.FS, dir string) (Info, error) {
	in, err := OpenReadOnly(fs, dir)
	if err != nil {
		return Info{}, err
	}
	return in.Info, corrupt.Wrap(in.Close())
}

func findInfo(in *ReadOnly) (info Info, err error) {
	defer func() { err = corrupt.Wrap(err) }()
	info.Format = row.Format
	var found bool
	if info.Identity, found, err = findIdentity(in); err != nil {
		return info, err
	}
	if info.Position, err = findPosition(in); err != nil {
		return info, err
	}
	if err := checkFloor(in.FS, in.Dir, info.Position); err != nil {
		return info, err
	}
	if !found {
		return info, fmt.Errorf("%w: %s has no rows", row.ErrCorrupt, in.Dir)
	}
	return info, nil
}
