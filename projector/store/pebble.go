package store

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strconv"
	"sync"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/bloom"
	"github.com/cockroachdb/pebble/v2/sstable"
	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/atomicfs"

	"reddot/projector/store/internal/corrupt"
	"reddot/projector/store/row"
)

// blockCache holds Pebble's table blocks, memTable the rows not yet in a table: bytes. Pebble
// takes those rows' room out of the cache, of two memtables while one is being written: what is
// left has to hold indexes and filters at least, or every look-up reads them again. Smaller
// memtables leave more of it, and more to be compacted.
//
// Source: newMemTable and Cache.Reserve of Pebble.
const (
	blockCache = 128 << 20
	memTable   = 32 << 20
)

// background is what went wrong in Pebble's background, such as a full disk,
// which Pebble itself would try again for ever, or corruption that anybody has met.
type background struct {
	once   sync.Once
	failed chan struct{} // closed when err is set
	err    error
}

func newBackground() *background { return &background{failed: make(chan struct{})} }

func (b *background) fail(err error) {
	b.once.Do(func() {
		if err = corrupt.Wrap(err); errors.Is(err, row.ErrCorrupt) {
			b.err = rebuilt(err)
		} else {
			b.err = fmt.Errorf("write the store to disk (mend it and start again; the log has everything): %w", err)
		}
		close(b.failed)
	})
}

// rebuilt says of the error of a store that can't be used what comes next.
func rebuilt(err error) error { return fmt.Errorf("%w; it is built anew from the log", err) }

// openPebble opens a database. What can't be opened wraps ErrCorrupt, unless
// the operating system or a newer reddot is the reason.
func openPebble(dir string, o *pebble.Options) (*pebble.DB, error) {
	if err := checkVersion(o.FS, dir); err != nil {
		return nil, err
	}
	db, err := pebble.Open(dir, o)
	if err != nil {
		return nil, fmt.Errorf("open store in %s: %w", dir, corrupt.WrapOpen(err))
	}
	return db, nil
}

// checkVersion refuses files of a Pebble that is newer than this one.
func checkVersion(fs vfs.FS, dir string) error {
	text, err := atomicfs.ReadMarker(fs, dir, "format-version")
	if err != nil {
		return nil // a folder that is not there, or that Pebble finds corrupt
	}
	if version, err := strconv.ParseUint(text, 10, 64); err == nil && version > uint64(pebble.FormatNewest) {
		return fmt.Errorf("%w: the files in %s have version %d, this reddot knows %d: use the reddot that wrote them, or a newer one",
			row.ErrNewer, dir, version, pebble.FormatNewest)
	}
	return nil
}

func options(cfg Config, b *background) *pebble.Options {
	o := &pebble.Options{
		FS:                    cfg.FS,
		FormatMajorVersion:    pebble.FormatTableFormatV6,
		DisableWAL:            true,
		CacheSize:             blockCache,
		MemTableSize:          memTable,
		L0CompactionThreshold: 8, // each is a place to look at for who reads; 4 takes a twelfth more to build a store
		L0StopWritesThreshold: 24,
		Logger:                pebbleLogger{cfg.Logger},
		EventListener: &pebble.EventListener{
			BackgroundError: b.fail,
			// Pebble would end the process: whoever asked gets the error.
			DataCorruption: func(info pebble.DataCorruptionInfo) { b.fail(&corrupt.Error{File: info.Path, Err: info.Details}) },
		},
	}
	for i := range o.Levels {
		// Most lookups are of new message ids: the filter answers them.
		o.Levels[i].FilterPolicy = bloom.FilterPolicy(10)
		o.Levels[i].BlockSize = 16 << 10
	}
	// What is flushed is read and written anew soon, and mostly by then it is in memory.
	o.Levels[0].Compression = func() *sstable.CompressionProfile { return sstable.NoCompression }
	o.Levels[1].Compression = func() *sstable.CompressionProfile { return sstable.SnappyCompression } // and all below
	return o
}

// pebbleLogger passes Pebble's log on. What Pebble calls info is for those
// who debug it.
type pebbleLogger struct{ log *slog.Logger }

func (l pebbleLogger) Infof(format string, args ...any) {
	l.log.Debug("pebble: " + fmt.Sprintf(format, args...))
}

func (l pebbleLogger) Errorf(format string, args ...any) {
	l.log.Error("pebble: " + fmt.Sprintf(format, args...))
}

// Fatalf ends the process, as Pebble asks of it: it can't go on, and the next
// start folds the log from the last durable position.
func (l pebbleLogger) Fatalf(format string, args ...any) {
	l.log.Error("the store can't go on: pebble: " + fmt.Sprintf(format, args...))
	os.Exit(1)
}
