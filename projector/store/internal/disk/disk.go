// Package disk makes files and folders that are there with all their bytes after a
// crash, or not at all.
package disk

import (
	"errors"
	"io"
	"os"
	"runtime"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// Publish writes a file that is there with all its bytes, or not at all.
func Publish(fs vfs.FS, dir, name string, b []byte) error {
	path := fs.PathJoin(dir, name)
	err := writeSynced(fs, path+".tmp", b)
	if err == nil {
		err = fs.Rename(path+".tmp", path)
	}
	if err != nil {
		if e := fs.Remove(path + ".tmp"); !errors.Is(e, os.ErrNotExist) {
			err = errors.Join(err, e)
		}
		return err
	}
	return SyncDir(fs, dir)
}

func writeSynced(fs vfs.FS, path string, b []byte) error {
	f, err := fs.Create(path, vfs.WriteCategoryUnspecified)
	if err != nil {
		return err
	}
	if _, err = f.Write(b); err == nil {
		err = f.Sync()
	}
	return errors.Join(err, f.Close())
}

// ReadFile reads a whole file.
func ReadFile(fs vfs.FS, path string) ([]byte, error) {
	f, err := fs.Open(path)
	if err != nil {
		return nil, err
	}
	b, err := io.ReadAll(f)
	return b, errors.Join(err, f.Close())
}

// SyncDir makes durable which files a folder has.
func SyncDir(fs vfs.FS, dir string) error {
	d, err := fs.OpenDir(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// MakeDir makes a folder and those above it, durably.
func MakeDir(fs vfs.FS, dir string) error {
	var above []string
	for at := dir; ; {
		if _, err := fs.Stat(at); err == nil {
			break
		}
		up := fs.PathDir(at)
		if up == at {
			break
		}
		at, above = up, append(above, up)
	}
	if err := fs.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	for _, up := range above {
		if err := SyncDir(fs, up); err != nil {
			return err
		}
	}
	return nil
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
