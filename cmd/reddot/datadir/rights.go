package datadir

import (
	"errors"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
)

// Who may do what with folders and files: their owner alone, as they show who talks to
// whom. New ones are so by the process's mask; see Umask.
const (
	FolderMode fs.FileMode = 0o700
	FileMode   fs.FileMode = 0o600
)

// Tighten takes the rights of others from what an earlier release has left in the
// folder. What can't be changed, as it is another's, is logged.
func (d Dir) Tighten(log *slog.Logger) {
	for _, name := range []string{natsFolder, storeFolder, snapshotsFolder, scratchFolder, instanceFile, sessionsFile, lockFile} {
		root, err := filepath.EvalSymlinks(d.path(name)) // it may be on another disk
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
			mode := FileMode
			switch {
			case e.IsDir():
				mode = FolderMode
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
