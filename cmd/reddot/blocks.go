package main

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// A file of a stream holds records: size (its upper bit is a flag) in 4 bytes,
// seq (its two upper bits are flags) in 8, time in 8, the subject's length in
// 2; all little-endian; then subject, head, payload and checksum.
const (
	recordHead     = 22
	recordSeqAt    = 4
	recordSizeMask = 1<<31 - 1
	recordSeqMask  = 1<<62 - 1
	recordDeleted  = 1 << 62 // flag of a seq: the record tells of one deleted
)

// maxHole is how many seqs may be missing within one file. More messages than
// that never were in it.
const maxHole = 1 << 22

// checkBlocks looks for records in the files of a NATS server's streams whose
// seq is beyond all reason: a flipped bit. The server would note every seq up to
// it as missing, as soon as it reads the file, and so take all memory there is.
// All other damage it meets and tells by itself.
func checkBlocks(dir string) error {
	var content bytes.Buffer // of one file, used again
	err := filepath.WalkDir(filepath.Join(dir, "jetstream"), func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || filepath.Ext(path) != ".blk" {
			return err
		}
		content.Reset()
		f, err := os.Open(path)
		if err != nil {
			return err
		}
		defer f.Close()
		if _, err := io.Copy(&content, f); err != nil {
			return fmt.Errorf("read %s: %w", path, err)
		}
		if at, seq, before, ok := findStray(content.Bytes()); ok {
			return fmt.Errorf("the stream's file %s is damaged: at byte %d, behind seq %d, it has seq %d, which would make the NATS server fill up memory; restore the file from a backup",
				path, at, before, seq)
		}
		return nil
	})
	if errors.Is(err, fs.ErrNotExist) {
		return nil // nothing is stored yet
	}
	return err
}

// findStray finds a record whose seq is far beyond that of the one before,
// while the next ones go on from there. What does not look like records, such
// as a compressed file, has none.
func findStray(b []byte) (at int, seq, before uint64, ok bool) {
	if bytes.HasPrefix(b, []byte("cmp")) {
		return 0, 0, 0, false
	}
	for i := 0; i+recordHead <= len(b); {
		size := int(binary.LittleEndian.Uint32(b[i:]) & recordSizeMask)
		s := binary.LittleEndian.Uint64(b[i+recordSeqAt:])
		if size < recordHead || size > len(b)-i {
			break
		}
		switch no := s & recordSeqMask; {
		case s&recordDeleted != 0:
		case ok && no > before && no < seq:
			return at, seq, before, true
		case ok:
			before, ok = no, false // the file goes on from the far seq
		case before > 0 && no > before+maxHole:
			at, seq, ok = i, no, true
		default:
			before = no
		}
		i += size
	}
	return at, seq, before, ok
}
