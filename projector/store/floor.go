package store

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"

	"github.com/cespare/xxhash/v2"
	"github.com/cockroachdb/pebble/v2/vfs"

	"reddot/events"
	"reddot/projector/disk"
	"reddot/projector/store/internal/corrupt"
	"reddot/projector/store/row"
)

// floorFile, beside Pebble's files, says which commit the folder held when it
// was closed, or made by Checkpoint. What is opened later is never older.
//
// Pebble takes corruption at the end of its manifest for a write that a crash
// interrupted, and goes on with the files of some earlier commit, or with none: this
// file distinguishes the two.
//
//	format, applied, digest, hash of the bytes before it; each 8 bytes but the first
const floorFile = "position"

// checkFloor compares what a folder holds with what it held.
func checkFloor(fs vfs.FS, dir string, now Position) error {
	path := fs.PathJoin(dir, floorFile)
	b, err := disk.ReadFile(fs, path)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("read the store's last position: %w", err)
	}
	if len(b) != 25 || binary.BigEndian.Uint64(b[17:]) != xxhash.Sum64(b[:17]) {
		return &corrupt.Error{File: path, Err: errors.New("wrong checksum")}
	}
	if b[0] != row.Format {
		return row.FormatError(b[0])
	}
	applied, digest := events.Seq(binary.BigEndian.Uint64(b[1:])), events.Digest(binary.BigEndian.Uint64(b[9:]))
	if now.Applied < applied {
		return fmt.Errorf("%w: %s holds the commands up to seq %d, and held those up to %d: its manifest is cut short",
			row.ErrCorrupt, dir, now.Applied, applied)
	}
	if now.Applied == applied && now.Digest() != digest {
		return fmt.Errorf("%w: at seq %d %s has the digest %s, and had %s",
			row.ErrCorrupt, applied, dir, now.Digest(), digest)
	}
	return nil
}

// writeFloor says what a folder holds, durably.
func writeFloor(fs vfs.FS, dir string, applied events.Seq, digest events.Digest) error {
	b := binary.BigEndian.AppendUint64([]byte{row.Format}, uint64(applied))
	b = binary.BigEndian.AppendUint64(b, uint64(digest))
	b = binary.BigEndian.AppendUint64(b, xxhash.Sum64(b))
	if err := disk.Publish(fs, dir, floorFile, floorFile+".tmp", b); err != nil {
		return fmt.Errorf("write the store's last position: %w", err)
	}
	return nil
}
