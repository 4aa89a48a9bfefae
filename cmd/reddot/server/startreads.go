package server

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"reddot/cmd/reddot/natsserver"
	"reddot/cmd/reddot/repository"
	"reddot/projector/store"
	"reddot/projector/store/generation"
)

// ReadsAtStart finds out which commands of a log a server reads when it starts
// with a data folder: those that its store lacks, and those that its snapshots
// end with, by which the log is recognised. Without a store it may be all.
func ReadsAtStart(place repository.Place, stream string) (natsserver.Reads, error) {
	reads := natsserver.Reads{Stream: stream}
	var err error
	if reads.After, err = appliedSeq(place.Data.Store(), stream); err != nil {
		return reads, err
	}
	if _, ok := place.Bucket(); ok || place.At == repository.Off {
		return reads, nil
	}
	entries, err := os.ReadDir(filepath.Join(place.Folder(), "manifests"))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return reads, err
	}
	for _, e := range entries {
		digits, _, _ := strings.Cut(e.Name(), "-")
		if seq, err := strconv.ParseUint(digits, 10, 64); err == nil {
			reads.Seqs = append(reads.Seqs, seq)
		}
	}
	return reads, nil
}

// appliedSeq returns the seq up to which a store has a stream's commands; 0 if there is
// no such store.
func appliedSeq(dir, stream string) (uint64, error) {
	if _, err := os.Stat(dir); errors.Is(err, fs.ErrNotExist) {
		return 0, nil
	}
	folder, err := generation.Open(nil, dir)
	if err != nil {
		return 0, err
	}
	path, ok := folder.Current()
	if !ok {
		return 0, nil
	}
	info, err := store.Inspect(nil, path)
	if err != nil || info.Identity.Name != stream {
		return 0, nil // whoever opens it says what is wrong
	}
	return uint64(info.Position.Applied), nil
}
