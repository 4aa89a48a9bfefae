package store

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/cespare/xxhash/v2"
	"github.com/cockroachdb/pebble/v2/vfs"

	"reddot/events"
)

// floorFile, beside Pebble's files, says which commit the folder held when it
// was closed, or made by Checkpoint. What is opened later is never older.
//
// Pebble takes damage at the end of its manifest for a write that a crash cut
// short, and goes on with the files of some earlier commit, or with none: this
// file tells the two apart.
//
//	format, applied, digest, hash of the bytes before it; each 8 bytes but the first
const floorFile = "position"

// checkFloor compares what a folder holds with what it held.
func checkFloor(fs vfs.FS, dir string, now Position) error {
	path := fs.PathJoin(dir, floorFile)
	b, err := readFile(fs, path)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("read the store's last position: %w", err)
	}
	if len(b) != 25 || binary.BigEndian.Uint64(b[17:]) != xxhash.Sum64(b[:17]) {
		return &damage{file: path, err: errors.New("wrong checksum")}
	}
	if b[0] != Format {
		return formatError(b[0])
	}
	applied, digest := events.Seq(binary.BigEndian.Uint64(b[1:])), binary.BigEndian.Uint64(b[9:])
	if now.Applied < applied {
		return fmt.Errorf("%w: %s holds the commands up to seq %d, and held those up to %d: its manifest is cut short",
			ErrCorrupt, dir, now.Applied, applied)
	}
	if now.Applied == applied && now.Digest() != digest {
		return fmt.Errorf("%w: at seq %d %s has the digest %016x, and had %016x",
			ErrCorrupt, applied, dir, now.Digest(), digest)
	}
	return nil
}

// writeFloor says what a folder holds, durably.
func writeFloor(fs vfs.FS, dir string, applied events.Seq, digest uint64) error {
	b := binary.BigEndian.AppendUint64([]byte{Format}, uint64(applied))
	b = binary.BigEndian.AppendUint64(b, digest)
	b = binary.BigEndian.AppendUint64(b, xxhash.Sum64(b))
	if err := publish(fs, dir, floorFile, b); err != nil {
		return fmt.Errorf("write the store's last position: %w", err)
	}
	return nil
}

// publish writes a file that is there with all its bytes, or not at all.
func publish(fs vfs.FS, dir, name string, b []byte) error {
	path := fs.PathJoin(dir, name)
	err := writeSynced(fs, path+".tmp", b)
	if err == nil {
		err = fs.Rename(path+".tmp", path)
	}
	if err != nil {
		if e := fs.Remove(path + ".tmp"); !errors.Is(e, os.ErrNotExist) {
			err = errors.Join(err, e)
		}
		return err
	}
	return syncDir(fs, dir)
}

func writeSynced(fs vfs.FS, path string, b []byte) error {
	f, err := fs.Create(path, vfs.WriteCategoryUnspecified)
	if err != nil {
		return err
	}
	if _, err = f.Write(b); err == nil {
		err = f.Sync()
	}
	return errors.Join(err, f.Close())
}

func syncDir(fs vfs.FS, dir string) error {
	d, err := fs.OpenDir(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

func readFile(fs vfs.FS, path string) ([]byte, error) {
	f, err := fs.Open(path)
	if err != nil {
		return nil, err
	}
	b, err := io.ReadAll(f)
	return b, errors.Join(err, f.Close())
}
