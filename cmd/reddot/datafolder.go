package main

import (
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/nats-io/nuid"

	"reddot/events"
)

// lockData takes the data folder for this process.
func lockData(dir string) (unlock func() error, err error) {
	if err := os.MkdirAll(dir, privateFolder); err != nil {
		return nil, fmt.Errorf("create the data folder: %w: choose another with --data", err)
	}
	lock, err := vfs.Default.Lock(filepath.Join(dir, "LOCK"))
	if err != nil {
		return nil, lockError(dir, err)
	}
	return lock.Close, nil
}

// instanceFile has the name of a data folder, which tells whoever runs with it from
// those with other ones.
const instanceFile = "INSTANCE"

// instanceLen is how long such a name is: of a NUID, some of what is drawn anew.
const instanceLen = 8

// instance returns the name of a data folder that is locked. A new one is given to
// one that has none, or none that can be read.
func instance(dir string) (string, error) {
	path := filepath.Join(dir, instanceFile)
	text, err := os.ReadFile(path)
	if name := strings.TrimSpace(string(text)); err == nil && len(name) == instanceLen && events.EscapeToken(name) == name {
		return name, nil
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return "", fmt.Errorf("read the name of the data folder: %w", err)
	}
	name := nuid.New().Next()[:instanceLen]
	next := path + ".new"
	err = os.WriteFile(next, []byte(name+"\n"), privateFile)
	if err == nil {
		err = os.Rename(next, path)
	}
	if err != nil {
		return "", fmt.Errorf("give the data folder a name: %w", err)
	}
	return name, nil
}

// lockError says why a data folder can't be taken.
func lockError(dir string, err error) error {
	path := new(fs.PathError)
	switch {
	case errors.Is(err, syscall.EROFS):
		return fmt.Errorf("data folder %s is on a file system that is read-only: mount it for writing, or choose another folder with --data (%w)", dir, err)
	case errors.Is(err, syscall.ENOSPC):
		return fmt.Errorf("data folder %s is on a disk that is full: make room, or choose another folder with --data (%w)", dir, err)
	case errors.As(err, &path): // the file can't even be opened
		return fmt.Errorf("data folder %s can't be written by this user: change its owner, or choose another folder with --data (%w)", dir, err)
	}
	return fmt.Errorf("data folder %s is in use by another reddot: end that one, or choose another folder with --data (%w)", dir, err)
}

// Who may do what with the files: their owner alone, as they tell who talks to
// whom. New ones are so by the process's mask; see private.
const (
	privateFolder = 0o700
	privateFile   = 0o600
)

// tighten takes the rights of others from what an earlier release has left in a
// data folder. What can't be changed, as it is another's, is told.
func tighten(data string, log *slog.Logger) {
	for _, name := range []string{natsFolder, storeFolder, snapshotsFolder, scratchFolder, instanceFile, "LOCK"} {
		root, err := filepath.EvalSymlinks(filepath.Join(data, name)) // it may be on another disk
		if err != nil {
			continue // it is not there
		}
		changed := 0
		err = filepath.WalkDir(root, func(path string, e fs.DirEntry, err error) error {
			if errors.Is(err, fs.ErrNotExist) {
				return nil
			}
			if err != nil {
				return err
			}
			mode := fs.FileMode(privateFile)
			switch {
			case e.IsDir():
				mode = privateFolder
			case !e.Type().IsRegular():
				return nil
			}
			info, err := e.Info()
			if err != nil || info.Mode().Perm()&^mode == 0 {
				return nil // or gone meanwhile
			}
			changed++
			return os.Chmod(path, mode)
		})
		if err != nil {
			log.Warn("others may read what is stored: make it this user's alone", "path", root, "error", err)
		} else if changed > 0 {
			log.Info("what others could read is this user's alone now", "path", root, "changed", changed)
		}
	}
}
