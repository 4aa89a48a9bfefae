package lines

import (
	"bufio"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/cockroachdb/pebble/v2/vfs"

	"reddot/projector/disk"
)

// File is where an export goes. A file is written under another name and put in its
// place when it is complete.
type File struct {
	w      io.Writer
	buffer *bufio.Writer
	zip    *gzip.Writer // nil: not compressed
	file   *os.File     // nil: standard output
	name   string
}

// Create creates a file, or writes to stdout for "-". It is compressed if its name ends
// in .gz. The caller calls Close.
func Create(name string, stdout io.Writer) (*File, error) {
	x := &File{name: name}
	under := stdout
	if name != "-" {
		var err error
		if x.file, err = os.Create(name + ".part"); err != nil {
			return nil, fmt.Errorf("create the file: %w", err)
		}
		under = x.file
	}
	x.buffer = bufio.NewWriterSize(under, 1<<16)
	x.w = x.buffer
	if strings.HasSuffix(name, ".gz") {
		x.zip = gzip.NewWriter(x.buffer)
		x.w = x.zip
	}
	return x, nil
}

// Write writes bytes that Close puts in place.
func (x *File) Write(p []byte) (int, error) { return x.w.Write(p) }

// Close completes the file, or removes it after an error, which it returns.
func (x *File) Close(err error) error {
	if err == nil && x.zip != nil {
		err = x.zip.Close()
	}
	if err == nil {
		err = x.buffer.Flush()
	}
	if x.file == nil {
		return err
	}
	if err == nil {
		err = x.file.Sync()
	}
	if err = errors.Join(err, x.file.Close()); err != nil {
		return errors.Join(err, os.Remove(x.file.Name()))
	}
	if err := os.Rename(x.file.Name(), x.name); err != nil {
		return err
	}
	return disk.SyncDir(vfs.Default, filepath.Dir(x.name))
}
