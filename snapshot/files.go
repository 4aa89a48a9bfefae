package snapshot

import (
	"errors"
	"fmt"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// writeFile writes a file and syncs it, not its name in the folder.
func writeFile(fs vfs.FS, path string, data []byte) (err error) {
	file, err := fs.Create(path, vfs.WriteCategoryUnspecified)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	if _, err = file.Write(data); err != nil {
		return err
	}
	return file.Sync()
}

// syncDir makes the names in a folder durable.
func syncDir(fs vfs.FS, dir string) error {
	d, err := fs.OpenDir(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// makeDir makes a folder with those above it, durably. Folders that were there
// before may not have been synced by who made them, so they are too; but they
// need not be ours to open.
func makeDir(fs vfs.FS, dir string) error {
	found := 0 // of above, from where on they were there before
	var above []string
	for at := dir; fs.PathDir(at) != at; at = fs.PathDir(at) {
		_, err := fs.Stat(at)
		if ignoreMissing(err) != nil {
			return err
		}
		if above = append(above, fs.PathDir(at)); err != nil {
			found = len(above)
		}
	}
	if err := fs.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	for i, up := range above {
		if err := syncDir(fs, up); err != nil && i < found {
			return fmt.Errorf("sync %s: %w", up, err)
		}
	}
	return nil
}

// emptyDir makes a folder that must not hold anything yet.
func emptyDir(fs vfs.FS, dir string) error {
	names, err := fs.List(dir)
	if ignoreMissing(err) != nil {
		return fmt.Errorf("look into %s: %w", dir, err)
	}
	if len(names) > 0 {
		return fmt.Errorf("%s is not empty; name a new folder", dir)
	}
	if err := makeDir(fs, dir); err != nil {
		return fmt.Errorf("make %s: %w", dir, err)
	}
	return nil
}
