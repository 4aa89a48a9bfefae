package inspect

import (
	"context"
	"errors"
	"fmt"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/sstable"
	"github.com/cockroachdb/pebble/v2/vfs"

	"reddot/projector/store"
	"reddot/projector/store/internal/corrupt"
	"reddot/projector/store/row"
)

// checkEvery is the number of rows after which a check reports its progress,
// and looks whether it is to end.
const checkEvery = 4096

// Check reads every row of a store's folder and every block of its tables, and
// compares the digest of the rows with the one that the store has kept up. It
// names what is corrupt, in an error that wraps store.ErrCorrupt; other errors are
// those of store.Inspect. Nothing in the folder is changed, and no store may be open
// there. progress, unless nil, gets the number of rows read so far. fs nil
// is the operating system's.
func Check(ctx context.Context, fs vfs.FS, dir string, progress func(rows uint64)) (store.Info, error) {
	in, err := store.OpenReadOnly(fs, dir)
	if err != nil {
		return store.Info{}, err
	}
	if progress == nil {
		progress = func(uint64) {}
	}
	err = checkRows(ctx, in, progress)
	if err == nil {
		err = checkTables(ctx, in)
	}
	if err = errors.Join(err, in.Close()); err != nil {
		return in.Info, fmt.Errorf("check store in %s: %w", dir, corrupt.Wrap(err))
	}
	return in.Info, nil
}

// checkRows adds up the digest of all rows, and reads each of them.
func checkRows(ctx context.Context, in *store.ReadOnly, progress func(rows uint64)) error {
	it, err := in.NewIter(nil)
	if err != nil {
		return err
	}
	families := store.AllFamilies()
	var sum, rows uint64
	var hasher row.Hasher
	for ok := it.First(); ok && err == nil; ok = it.Next() {
		var value []byte
		if value, err = it.ValueAndErr(); err != nil {
			break
		}
		if err = checkRow(families, it.Key(), value); err != nil {
			break
		}
		if families.InDigest(it.Key()) {
			sum += row.Hash(&hasher, it.Key(), value)
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
	if sum != in.Info.Position.Rows() {
		return fmt.Errorf("%w: at seq %d its %d rows add up to %016x, and should to %016x",
			row.ErrCorrupt, in.Info.Position.Applied, rows, sum, in.Info.Position.Rows())
	}
	return ctx.Err()
}

// checkRow reads a row.
func checkRow(families store.Families, key, value []byte) error {
	_, err := families.Read(key, value)
	if err == nil {
		return nil
	}
	err = fmt.Errorf("%s, key %q: %w", families.Name(key), key, err)
	if !errors.Is(err, row.ErrCorrupt) {
		err = fmt.Errorf("%w: %w", row.ErrCorrupt, err) // one row of another format
	}
	return err
}

// checkTables compares every block of the tables with its checksum: reading all
// rows leaves out those that only a search needs.
func checkTables(ctx context.Context, in *store.ReadOnly) error {
	levels, err := in.SSTables()
	if err != nil {
		return err
	}
	for _, level := range levels {
		for _, table := range level {
			name := table.BackingSSTNum.String() + ".sst"
			if err := errors.Join(ctx.Err(), checkTable(ctx, in, name)); err != nil {
				return err
			}
		}
	}
	return nil
}

func checkTable(ctx context.Context, in *store.ReadOnly, name string) error {
	path := in.FS.PathJoin(in.Dir, name)
	f, err := in.FS.Open(path)
	if err != nil {
		return err
	}
	readable, err := sstable.NewSimpleReadable(f)
	if err != nil {
		return errors.Join(err, f.Close())
	}
	r, err := sstable.NewReader(ctx, readable, in.Options.MakeReaderOptions())
	if err != nil {
		return errors.Join(inTable(path, err), readable.Close())
	}
	return errors.Join(inTable(path, r.ValidateBlockChecksums()), r.Close())
}

// inTable names the table that is corrupt.
func inTable(path string, err error) error {
	if pebble.IsCorruptionError(err) {
		return &corrupt.Error{File: path, Err: err}
	}
	return err
}
