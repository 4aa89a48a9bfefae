package disktest

import (
	"fmt"
	"math/rand/v2"
	"sync"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"
)

// Crashes is a disk of which a copy is taken just before every write: what a crash
// of the machine would leave. K is what the test knows at that time, which must be
// in it.
type Crashes[K any] struct {
	// unsynced draws how much of what is not synced a crash leaves, in percent.
	unsynced func(*rand.Rand) int
	fs       *vfs.MemFS

	mu     sync.Mutex
	rng    *rand.Rand
	known  K
	points []Crash[K]
}

// Crash is what one crash leaves.
type Crash[K any] struct {
	Write string // the write it comes before
	Left  *vfs.MemFS
	Known K
}

// NewCrashes returns an empty disk. unsynced draws what a crash leaves of what is
// not synced, in percent.
func NewCrashes[K any](rng *rand.Rand, unsynced func(*rand.Rand) int) *Crashes[K] {
	return &Crashes[K]{unsynced: unsynced, fs: vfs.NewCrashableMem(), rng: rng}
}

// Memory is the disk without the crashes: what is written here is copied by none.
func (c *Crashes[K]) Memory() *vfs.MemFS { return c.fs }

// Disk is the disk as the tested code sees it.
func (c *Crashes[K]) Disk() vfs.FS { return errorfs.Wrap(linking{c.fs, &c.mu}, c) }

// Know changes what is known from now on.
func (c *Crashes[K]) Know(change func(*K)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	change(&c.known)
}

// Points are the crashes so far.
func (c *Crashes[K]) Points() []Crash[K] {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.points[:len(c.points):len(c.points)]
}

// MaybeError implements errorfs.Injector; it never fails.
func (c *Crashes[K]) MaybeError(op errorfs.Op) error {
	if op.Kind.ReadOrWrite() != errorfs.OpIsWrite {
		return nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.points = append(c.points, Crash[K]{
		Write: fmt.Sprintf("write %d, kind %d of %s", len(c.points)+1, op.Kind, op.Path),
		Left:  c.fs.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: c.unsynced(c.rng), RNG: c.rng}),
		Known: c.known,
	})
	return nil
}

// String implements errorfs.Injector.
func (c *Crashes[K]) String() string { return "crash" }

// linking is a file system that makes no link while a copy is taken of it: the two
// would wait for each other.
type linking struct {
	*vfs.MemFS
	mu *sync.Mutex
}

func (l linking) Link(from, to string) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.MemFS.Link(from, to)
}
