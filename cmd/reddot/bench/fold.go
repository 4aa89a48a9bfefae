package bench

import (
	"context"
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"time"
)

// Names of figures that aims are about.
const (
	storeBytes = "store, per command"
	growthName = "time per command"
)

// folding is a line that the child says who folds: how far it is, and at its
// end what it took.
type folding struct {
	Applied int `json:"applied"`

	// At the end:
	Took time.Duration `json:"took,omitempty"` // for the commands after the joins
	Peak int64         `json:"peak,omitempty"` // bytes of memory
}

// fold folds a log up to a seq into a fresh store, in a process of its own that has the
// log's NATS server in it, as serve has: the bare one rests meanwhile.
func (b *bench) fold(ctx context.Context, l *filled, store string, upto int, args ...string) (f folding, err error) {
	if err := l.halt(); err != nil {
		return f, err
	}
	name := "rebuild of " + strconv.Itoa(upto-l.joins)
	err = b.step(name, upto-l.joins, func(step *Step) error {
		c, err := b.start(append([]string{ChildCommand, "fold", "--data", l.dir, "--store", store,
			"--from", strconv.Itoa(l.joins), "--upto", strconv.Itoa(upto)}, args...)...)
		if err != nil {
			return err
		}
		for f.Took == 0 {
			line, err := c.Line(ctx)
			if err != nil {
				return err
			}
			if err := json.Unmarshal([]byte(line), &f); err != nil {
				return fmt.Errorf("a part of the benchmark says %q: %w", line, err)
			}
			step.done.Store(int64(max(0, f.Applied-l.joins)))
		}
		return c.Stop()
	})
	if err == nil {
		l.server, err = b.startNATS(ctx, filepath.Base(l.dir))
	}
	return f, err
}

// storeDir is where rebuild leaves its store.
func (b *bench) storeDir() string { return filepath.Join(b.dir, "store") }

// rebuild is the stage of that name.
func (b *bench) rebuild(ctx context.Context) error {
	one, err := b.fold(ctx, b.log, b.storeDir(), b.log.last, "--shards", "1")
	if err != nil {
		return err
	}
	if err := os.RemoveAll(b.storeDir()); err != nil {
		return err
	}
	f, err := b.fold(ctx, b.log, b.storeDir(), b.log.last)
	if err != nil {
		return err
	}
	b.note(figure("rebuild", rebuilt, PerSecond, perSecond(b.sizes.all, f.Took)).compare("read", b.rates.read))
	b.note(figure("rebuild", sharded, PerSecond, perSecond(b.sizes.all, f.Took)).compare("by one shard", perSecond(b.sizes.all, one.Took)))
	if f.Peak > 0 {
		b.note(figure("rebuild", "memory at most", Bytes, float64(f.Peak)))
	}
	return nil
}

// disk is the stage of that name.
func (b *bench) disk(ctx context.Context) error {
	err := b.turns("compaction", -1, func(*Step) error {
		c, err := b.start(ChildCommand, "compact", "--server", b.log.url, "--store", b.storeDir())
		if err != nil {
			return err
		}
		if _, err := c.Line(ctx); err != nil {
			return err
		}
		return c.Stop()
	})
	if err != nil {
		return err
	}
	for _, d := range []struct{ name, dir string }{
		{"log", filepath.Join(b.log.dir, "nats")}, {"store", b.storeDir()},
	} {
		size, err := folderSize(d.dir)
		if err != nil {
			return err
		}
		b.note(figure("disk", d.name+", per command", Bytes, float64(size)/float64(b.log.last)))
	}
	return os.RemoveAll(b.storeDir())
}

// folderSize is the bytes of all files in a folder.
func folderSize(dir string) (size int64, err error) {
	err = filepath.WalkDir(dir, func(_ string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		info, err := d.Info()
		if err == nil {
			size += info.Size()
		}
		return err
	})
	if err != nil {
		return 0, fmt.Errorf("measure a folder: %w", err)
	}
	return size, nil
}

// growth is the stage of that name: of a log that has just been written, and then as if it
// had been long before.
func (b *bench) growth(ctx context.Context) error {
	l, _, err := b.fill(ctx, "growth", b.sizes.many)
	if err != nil {
		return err
	}
	if err := b.grow(ctx, l, growthName); err != nil {
		return err
	}
	if err := l.age(ctx, b.subjects); err != nil {
		return err
	}
	if err := b.grow(ctx, l, "the same, of a log written long before"); err != nil {
		return err
	}
	return l.end()
}

// grow folds a part of a log, and all of it.
func (b *bench) grow(ctx context.Context, l *filled, name string) error {
	var each []float64
	for _, n := range []int{b.sizes.few, b.sizes.many} {
		dir := filepath.Join(b.dir, "grown")
		f, err := b.fold(ctx, l, dir, l.joins+n)
		if err != nil {
			return err
		}
		each = append(each, f.Took.Seconds()/float64(n))
		if err := os.RemoveAll(dir); err != nil {
			return fmt.Errorf("remove a store: %w", err)
		}
	}
	b.note(figure("growth", name, Seconds, each[1]).compare(fmt.Sprintf("with %d", b.sizes.few), each[0]))
	return nil
}
