package store

import (
	"fmt"
	"log/slog"
	"os"
	"sync"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/bloom"
)

// blockCache holds Pebble's table blocks, memTable the rows not yet in a
// table: bytes.
const (
	blockCache = 128 << 20
	memTable   = 32 << 20
)

// background is what went wrong in Pebble's background, such as a full disk.
// Pebble itself would try again for ever.
type background struct {
	once   sync.Once
	failed chan struct{} // closed when err is set
	err    error
}

func (b *background) fail(err error) {
	b.once.Do(func() {
		b.err = fmt.Errorf("write the store to disk (mend it and start again; the log has everything): %w", err)
		close(b.failed)
	})
}

func options(cfg Config, b *background) *pebble.Options {
	o := &pebble.Options{
		FS:                    cfg.FS,
		FormatMajorVersion:    pebble.FormatTableFormatV6,
		DisableWAL:            true,
		CacheSize:             blockCache,
		MemTableSize:          memTable,
		L0CompactionThreshold: 4,
		L0StopWritesThreshold: 24,
		Logger:                pebbleLogger{cfg.Logger},
		EventListener:         &pebble.EventListener{BackgroundError: b.fail},
	}
	for i := range o.Levels {
		// Most lookups are of new message ids: the filter answers them.
		o.Levels[i].FilterPolicy = bloom.FilterPolicy(10)
		o.Levels[i].BlockSize = 16 << 10
	}
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
