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

// makeDir makes a folder with those above it, durably: the folders that it is
// in are synced up to the first that was there before.
func makeDir(fs vfs.FS, dir string) error {
	var above []string
	for at := dir; ; {
		up := fs.PathDir(at)
		if up == at {
			break
		}
		above = append(above, up)
		_, err := fs.Stat(up)
		if err == nil {
			break
		}
		if ignoreMissing(err) != nil {
			return err
		}
		at = up
	}
	if err := fs.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	for _, up := range above {
		if err := syncDir(fs, up); err != nil {
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
