package storage

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"reddot/projector/disk"
)

// unfinished begins the names of files that a Put has not published yet.
const unfinished = ".unfinished-"

// Folder is a Storage in a folder of a file system: a file for each blob.
type Folder struct {
	fs  vfs.FS
	dir string

	mu struct {
		sync.Mutex
		made map[string]bool // folders known to be there and durable
	}
}

// NewFolder returns the storage in dir. It is made by the first Put. A nil fs
// is the operating system's.
func NewFolder(fs vfs.FS, dir string) *Folder {
	if fs == nil {
		fs = vfs.Default
	}
	f := &Folder{fs: fs, dir: dir}
	f.mu.made = make(map[string]bool)
	return f
}

// String names the folder for people.
func (f *Folder) String() string { return "folder " + f.dir }

// Put implements Storage.
func (f *Folder) Put(ctx context.Context, name string, data []byte) error {
	if err := errors.Join(ctx.Err(), checkBlob(name, data)); err != nil {
		return err
	}
	dir, base, _ := strings.Cut(name, "/")
	dir = f.fs.PathJoin(f.dir, dir)
	if err := f.make(dir); err != nil {
		return fmt.Errorf("make %s: %w", dir, err)
	}
	if err := disk.Publish(f.fs, dir, base, unfinished+strings.ToLower(rand.Text()), data); err != nil {
		return fmt.Errorf("store %s in %s: %w", name, f.dir, err)
	}
	return nil
}

// make makes a folder with those above it, durably.
func (f *Folder) make(dir string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.mu.made[dir] {
		return nil
	}
	if err := disk.MakeDir(f.fs, dir); err != nil {
		return err
	}
	f.mu.made[dir] = true
	return nil
}

// Get implements Storage.
func (f *Folder) Get(ctx context.Context, name string) ([]byte, error) {
	if err := errors.Join(ctx.Err(), checkName(name)); err != nil {
		return nil, err
	}
	data, err := f.read(name)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, fmt.Errorf("%s in %s: %w", name, f.dir, ErrNotFound)
	case errors.Is(err, syscall.EIO): // a bad sector
		return nil, fmt.Errorf("read %s in %s: %w: %w", name, f.dir, ErrCorrupt, err)
	case err != nil:
		return nil, fmt.Errorf("read %s in %s: %w", name, f.dir, err)
	}
	return data, nil
}

func (f *Folder) read(name string) (_ []byte, err error) {
	file, err := f.fs.Open(f.path(name))
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	info, err := file.Stat()
	if err != nil {
		return nil, err
	}
	if info.IsDir() || info.Size() > MaxBlob {
		return nil, fmt.Errorf("%w: not a file of at most %d bytes", ErrCorrupt, MaxBlob)
	}
	data := make([]byte, info.Size())
	_, err = io.ReadFull(file, data)
	return data, err
}

func (f *Folder) path(name string) string {
	dir, base, _ := strings.Cut(name, "/")
	return f.fs.PathJoin(f.dir, dir, base)
}

// List implements Storage.
func (f *Folder) List(ctx context.Context, prefix string) ([]Blob, error) {
	var blobs []Blob
	err := f.walk(ctx, func(name, path string) error {
		if !strings.HasPrefix(name, prefix) || checkName(name) != nil {
			return nil
		}
		info, err := f.fs.Stat(path)
		if err == nil && !info.IsDir() {
			blobs = append(blobs, Blob{name, uint64(info.Size()), info.ModTime()})
		}
		return disk.IgnoreMissing(err) // deleted meanwhile
	})
	slices.SortFunc(blobs, func(a, b Blob) int { return strings.Compare(a.Name, b.Name) })
	return blobs, err
}

// walk visits the files of the folders in the folder.
func (f *Folder) walk(ctx context.Context, visit func(name, path string) error) error {
	dirs, err := f.list(f.dir)
	if err != nil {
		return fmt.Errorf("list %s: %w", f.dir, err)
	}
	for _, dir := range dirs {
		path := f.fs.PathJoin(f.dir, dir)
		if info, err := f.fs.Stat(path); err != nil || !info.IsDir() {
			if disk.IgnoreMissing(err) != nil {
				return fmt.Errorf("list %s: %w", f.dir, err)
			}
			continue
		}
		files, err := f.list(path)
		if err != nil {
			return fmt.Errorf("list %s: %w", path, err)
		}
		for _, file := range files {
			if err := errors.Join(ctx.Err(), visit(dir+"/"+file, f.fs.PathJoin(path, file))); err != nil {
				return fmt.Errorf("list %s: %w", path, err)
			}
		}
	}
	return nil
}

// list lists a folder; one that is not there is empty.
func (f *Folder) list(dir string) ([]string, error) {
	names, err := f.fs.List(dir)
	return names, disk.IgnoreMissing(err)
}

// Delete implements Storage.
func (f *Folder) Delete(ctx context.Context, names ...string) error {
	var touched []string
	for _, name := range names {
		if err := errors.Join(ctx.Err(), checkName(name)); err != nil {
			return err
		}
		path := f.path(name)
		err := f.fs.Remove(path)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return fmt.Errorf("delete %s in %s: %w", name, f.dir, err)
		}
		if dir := f.fs.PathDir(path); !slices.Contains(touched, dir) {
			touched = append(touched, dir)
		}
	}
	for _, dir := range touched {
		if err := disk.SyncDir(f.fs, dir); err != nil {
			return fmt.Errorf("sync %s: %w", dir, err)
		}
	}
	return nil
}

// Sweep implements Storage.
func (f *Folder) Sweep(ctx context.Context, before time.Time) error {
	return f.walk(ctx, func(name, path string) error {
		if _, file, _ := strings.Cut(name, "/"); !strings.HasPrefix(file, unfinished) {
			return nil
		}
		info, err := f.fs.Stat(path)
		// A file system in memory has no time for a file without bytes.
		if err == nil && !info.ModTime().IsZero() && info.ModTime().Before(before) {
			err = f.fs.Remove(path)
		}
		return disk.IgnoreMissing(err)
	})
}
