package datadir

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// In the folder of scratch stores, which is in the data folder so that they are on the
// same disk, serverScratch is the server's; each of the others is of one command, which
// holds the lock in it. What a crashed command has left is removed by the next one and
// by the server's start.
const (
	serverScratch = "serve"
	ownScratch    = "command-" // begins the names of those with a lock
	newScratch    = "new-"     // of those that have no lock yet
)

// newScratchFor is how long a folder may have no lock yet.
const newScratchFor = time.Hour

// ServerScratch is the folder of the server's scratch stores, which the lock on the data
// folder guards.
func (d Dir) ServerScratch() string { return filepath.Join(d.path(scratchFolder), serverScratch) }

// WithScratch lends a folder for scratch stores, which is removed when use returns: in
// the data folder if that is there and can be written, else in the folder for temporary
// files. Its lock keeps other processes from it; a process has one at a time.
func (d Dir) WithScratch(use func(dir string) error) (err error) {
	dir, lock, err := d.makeScratch()
	if err != nil {
		return fmt.Errorf("make a folder for scratch stores: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir), lock.Close()) }()
	return use(dir)
}

func (d Dir) makeScratch() (dir string, lock io.Closer, err error) {
	if info, err := os.Stat(string(d)); err == nil && info.IsDir() {
		above := d.path(scratchFolder)
		if os.MkdirAll(above, FolderMode) == nil && d.SweepScratch() == nil {
			if dir, lock, err := lockScratch(above); err == nil {
				return dir, lock, nil
			}
		}
	}
	return lockScratch(os.TempDir())
}

// lockScratch makes a folder with a lock. It gets the name under which others
// look for the lock when that is held.
func lockScratch(above string) (dir string, lock io.Closer, err error) {
	made, err := os.MkdirTemp(above, newScratch)
	if err != nil {
		return "", nil, err
	}
	dir = filepath.Join(above, ownScratch+strings.TrimPrefix(filepath.Base(made), newScratch))
	if lock, err = vfs.Default.Lock(filepath.Join(made, lockFile)); err != nil {
		return "", nil, errors.Join(err, os.RemoveAll(made))
	}
	if err := os.Rename(made, dir); err != nil {
		return "", nil, errors.Join(err, lock.Close(), os.RemoveAll(made))
	}
	return dir, lock, nil
}

// SweepScratch removes what crashed commands have left in the folder.
func (d Dir) SweepScratch() error {
	above := d.path(scratchFolder)
	entries, err := os.ReadDir(above)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	for _, e := range entries {
		dir := filepath.Join(above, e.Name())
		switch {
		case strings.HasPrefix(e.Name(), ownScratch):
			lock, e := vfs.Default.Lock(filepath.Join(dir, lockFile))
			if e != nil {
				continue // at work, or removed meanwhile
			}
			err = errors.Join(err, os.RemoveAll(dir), lock.Close())
		case strings.HasPrefix(e.Name(), newScratch):
			if info, e := e.Info(); e == nil && time.Since(info.ModTime()) > newScratchFor {
				err = errors.Join(err, os.RemoveAll(dir))
			}
		}
	}
	return err
}
