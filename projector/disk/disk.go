package disk

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"runtime"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// Publish writes a file that is there with all its bytes, or not at all. It is
// written under the temporary name first, which a crash may leave.
func Publish(in vfs.FS, dir, name, temporary string, b []byte) error {
	path := in.PathJoin(dir, temporary)
	err := writeSynced(in, path, b)
	if err == nil {
		err = in.Rename(path, in.PathJoin(dir, name))
	}
	if err != nil {
		return errors.Join(err, IgnoreMissing(in.Remove(path)))
	}
	return SyncDir(in, dir)
}

func writeSynced(in vfs.FS, path string, b []byte) error {
	f, err := in.Create(path, vfs.WriteCategoryUnspecified)
	if err != nil {
		return err
	}
	if _, err = f.Write(b); err == nil {
		err = f.Sync()
	}
	return errors.Join(err, f.Close())
}

// ReadFile reads a whole file.
func ReadFile(in vfs.FS, path string) ([]byte, error) {
	f, err := in.Open(path)
	if err != nil {
		return nil, err
	}
	b, err := io.ReadAll(f)
	return b, errors.Join(err, f.Close())
}

// SyncDir makes durable which files a folder has.
func SyncDir(in vfs.FS, dir string) error {
	d, err := in.OpenDir(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// MakeDir makes a folder with those above it, durably. Folders that were there
// before may not have been synced by who made them, so they are too; but they
// need not be ours to open.
func MakeDir(in vfs.FS, dir string) error {
	found := 0 // of above, from where on they were there before
	var above []string
	for at := dir; in.PathDir(at) != at; at = in.PathDir(at) {
		_, err := in.Stat(at)
		if IgnoreMissing(err) != nil {
			return err
		}
		if above = append(above, in.PathDir(at)); err != nil {
			found = len(above)
		}
	}
	if err := in.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	for i, up := range above {
		if err := SyncDir(in, up); err != nil && i < found {
			return fmt.Errorf("sync %s: %w", up, err)
		}
	}
	return nil
}

// IgnoreMissing returns an error unless it says that a file is not there.
func IgnoreMissing(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// Unpanicked turns the panic of Pebble's markers on a folder that can't be synced
// into an error: it is no reason to end the process, as nothing counts on the
// marker yet.
func Unpanicked(do func() error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			cause, ok := p.(error)
			if _, bug := p.(runtime.Error); bug || !ok {
				panic(p)
			}
			err = cause
		}
	}()
	return do()
}
