package store

import (
	"context"
	"errors"
	"fmt"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/sstable"
	"github.com/cockroachdb/pebble/v2/vfs"
	"reddot/projector/store/row"
)

// checkEvery is the number of rows after which a check reports its progress,
// and looks whether it is to end.
const checkEvery = 4096

// Check reads every row of a store's folder and every block of its tables, and
// compares the digest of the rows with the one that the store has kept up. It
// names what is damaged, in an error that wraps ErrCorrupt; other errors are
// those of Inspect. Nothing in the folder is changed, and no store may be open
// there. progress, unless nil, is told the number of rows read so far. fs nil
// is the operating system's.
func Check(ctx context.Context, fs vfs.FS, dir string, progress func(rows uint64)) (Info, error) {
	in, err := inspect(fs, dir)
	if err != nil {
		return Info{}, err
	}
	if progress == nil {
		progress = func(uint64) {}
	}
	err = in.checkRows(ctx, progress)
	if err == nil {
		err = in.checkTables(ctx)
	}
	if err = errors.Join(err, in.Close()); err != nil {
		return in.Info, fmt.Errorf("check store in %s: %w", dir, damaged(err))
	}
	return in.Info, nil
}

// checkRows adds up the digest of all rows, and reads each of them.
func (in *inspected) checkRows(ctx context.Context, progress func(rows uint64)) error {
	it, err := in.NewIter(nil)
	if err != nil {
		return err
	}
	families := AllFamilies()
	var sum, rows uint64
	var hasher hasher
	for ok := it.First(); ok && err == nil; ok = it.Next() {
		var value []byte
		if value, err = it.ValueAndErr(); err != nil {
			break
		}
		if err = checkRow(families, it.Key(), value); err != nil {
			break
		}
		if families.InDigest(it.Key()) {
			sum += rowHash(&hasher, it.Key(), value)
		}
		if rows++; rows%checkEvery == 0 {
			progress(rows)
			err = ctx.Err()
		}
	}
	if err = errors.Join(err, it.Error(), it.Close()); err != nil {
		return err
	}
	progress(rows)
	if sum != in.Position.rows {
		return fmt.Errorf("%w: at seq %d its %d rows add up to %016x, and should to %016x",
			row.ErrCorrupt, in.Position.Applied, rows, sum, in.Position.rows)
	}
	return ctx.Err()
}

// checkRow reads a row.
func checkRow(families Families, key, value []byte) error {
	_, err := families.Read(key, value)
	if err == nil {
		return nil
	}
	err = rowError(key, err)
	if !errors.Is(err, row.ErrCorrupt) {
		err = fmt.Errorf("%w: %w", row.ErrCorrupt, err) // one row of another format
	}
	return err
}

// checkTables compares every block of the tables with its checksum: reading all
// rows leaves out those that only a search needs.
func (in *inspected) checkTables(ctx context.Context) error {
	levels, err := in.SSTables()
	if err != nil {
		return err
	}
	for _, level := range levels {
		for _, table := range level {
			name := table.BackingSSTNum.String() + ".sst"
			if err := errors.Join(ctx.Err(), in.checkTable(ctx, name)); err != nil {
				return err
			}
		}
	}
	return nil
}

func (in *inspected) checkTable(ctx context.Context, name string) error {
	path := in.fs.PathJoin(in.dir, name)
	f, err := in.fs.Open(path)
	if err != nil {
		return err
	}
	readable, err := sstable.NewSimpleReadable(f)
	if err != nil {
		return errors.Join(err, f.Close())
	}
	r, err := sstable.NewReader(ctx, readable, in.options.MakeReaderOptions())
	if err != nil {
		return errors.Join(inTable(path, err), readable.Close())
	}
	return errors.Join(inTable(path, r.ValidateBlockChecksums()), r.Close())
}

// inTable names the table that is damaged.
func inTable(path string, err error) error {
	if pebble.IsCorruptionError(err) {
		return &damage{file: path, err: err}
	}
	return err
}
