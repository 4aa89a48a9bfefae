package snapshot

import (
	"fmt"

	"github.com/cockroachdb/pebble/v2/vfs"

	"reddot/projector/disk"
)

// emptyDir makes a folder that must not hold anything yet.
func emptyDir(fs vfs.FS, dir string) error {
	names, err := fs.List(dir)
	if disk.IgnoreMissing(err) != nil {
		return fmt.Errorf("look into %s: %w", dir, err)
	}
	if len(names) > 0 {
		return fmt.Errorf("%s is not empty; name a new folder", dir)
	}
	if err := disk.MakeDir(fs, dir); err != nil {
		return fmt.Errorf("make %s: %w", dir, err)
	}
	return nil
}
