package datadir

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/nats-io/nuid"

	"reddot/events"
)

// Dir is a data folder, by its path.
type Dir string

// Default is the data folder unless --data names another.
const Default Dir = "./reddot-data"

// What is in a data folder. Nothing else knows a name in it.
const (
	natsFolder      = "nats"
	storeFolder     = "store"
	snapshotsFolder = "snapshots"
	scratchFolder   = "scratch"
	instanceFile    = "INSTANCE"
	sessionsFile    = "SESSIONS"
	lockFile        = "LOCK"
)

// NATS is the folder of the embedded NATS server.
func (d Dir) NATS() string { return d.path(natsFolder) }

// Store is the folder of the projector's stores.
func (d Dir) Store() string { return d.path(storeFolder) }

// Snapshots is the folder of the snapshots, unless they are kept elsewhere.
func (d Dir) Snapshots() string { return d.path(snapshotsFolder) }

func (d Dir) path(name string) string { return filepath.Join(string(d), name) }

// Lock makes the folder, unless it is there, and takes it for this process. Its error
// says what to do.
func (d Dir) Lock() (unlock func() error, err error) {
	if err := os.MkdirAll(string(d), FolderMode); err != nil {
		return nil, fmt.Errorf("create the data folder: %w: choose another with --data", err)
	}
	lock, err := vfs.Default.Lock(d.path(lockFile))
	if err != nil {
		return nil, d.LockError(err)
	}
	return lock.Close, nil
}

// instanceLen is how long such a name is: of a NUID, some of what is drawn each time.
const instanceLen = 8

// Instance returns the name of the folder, which distinguishes whoever runs with it from those
// with other ones. It must be locked: a new name is given to one that has none, or none
// that can be read.
func (d Dir) Instance() (string, error) {
	path := d.path(instanceFile)
	text, err := os.ReadFile(path)
	if name := strings.TrimSpace(string(text)); err == nil && len(name) == instanceLen && events.EscapeToken(name) == name {
		return name, nil
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return "", fmt.Errorf("read the name of the data folder: %w", err)
	}
	name := nuid.New().Next()[:instanceLen]
	if err := replace(path, name); err != nil {
		return "", fmt.Errorf("give the data folder a name: %w", err)
	}
	return name, nil
}

// secretLen is how many bytes a secret has.
const secretLen = 32

// Sessions returns the secret that seals sessions of the console: random, for the folder's
// owner alone, and the same after a restart. The folder must be locked: where there is none,
// or none that can be read, a new one is drawn, and no session holds that was before.
func (d Dir) Sessions() ([]byte, error) {
	path := d.path(sessionsFile)
	text, err := os.ReadFile(path)
	if secret, e := hex.DecodeString(strings.TrimSpace(string(text))); err == nil && e == nil && len(secret) == secretLen {
		return secret, nil
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("read the secret of sessions: %w", err)
	}
	secret := make([]byte, secretLen)
	rand.Read(secret)
	if err := replace(path, hex.EncodeToString(secret)); err != nil {
		return nil, fmt.Errorf("keep the secret of sessions: %w", err)
	}
	return secret, nil
}

// replace has a small file hold a line, or what it held.
func replace(path, line string) error {
	next := path + ".new"
	if err := os.WriteFile(next, []byte(line+"\n"), FileMode); err != nil {
		return err
	}
	return os.Rename(next, path)
}

// LockError says why a lock in the folder can't be taken, and what to do.
func (d Dir) LockError(err error) error {
	path := new(fs.PathError)
	switch {
	case errors.Is(err, syscall.EROFS):
		return fmt.Errorf("data folder %s is on a file system that is read-only: mount it for writing, or choose another folder with --data (%w)", d, err)
	case errors.Is(err, syscall.ENOSPC):
		return fmt.Errorf("data folder %s is on a disk that is full: make room, or choose another folder with --data (%w)", d, err)
	case errors.As(err, &path): // the file can't even be opened
		return fmt.Errorf("data folder %s can't be written by this user: change its owner, or choose another folder with --data (%w)", d, err)
	}
	return fmt.Errorf("data folder %s is in use by another reddot: end that one, or choose another folder with --data (%w)", d, err)
}
