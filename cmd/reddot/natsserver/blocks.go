package natsserver

import (
	"bytes"
	"cmp"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/time/rate"
)

// A file of a stream holds records: size (its upper bit is a flag) in 4 bytes,
// seq (its two upper bits are flags) in 8, time in 8, the subject's length in
// 2; all little-endian; then subject, head, payload and checksum.
const (
	recordHead     = 22
	recordSeqAt    = 4
	recordSizeMask = 1<<31 - 1
	recordSeqMask  = 1<<62 - 1
	recordDeleted  = 1 << 62 // flag of a seq: the record is about one deleted
)

// maxHole is how many seqs may be missing within one file. More messages than
// that never were in it.
const maxHole = 1 << 22

// A record in a file of a stream whose seq is beyond all reason, by a flipped
// bit, is more than corruption: once it reads the file, the NATS server notes every
// seq up to it as missing, and so takes all memory there is. All other corruption it
// meets and reports by itself. To read every file before the server does would make
// each start take as long as the log is, so
//
//   - before the start only what is read at the start is checked: of the log what
//     the store lacks and what snapshots end with, of every stream the end, and
//     what came within the time in which the server knows duplicates;
//   - afterwards everything, slowly. What is found then is logged, and can be
//     restored before anything reads it.

// tailFiles is how many files at the end of a stream are checked at least: the
// last events are read at the start.
const tailFiles = 4

// recently is within the server's time for duplicates, two minutes unless a
// stream says otherwise, and some time for the start.
const recently = 5 * time.Minute

// scrubRate is how many bytes a second are checked behind the work of a server.
const scrubRate = 64 << 20

// scrubChunk is how much of them is read at a time.
const scrubChunk = 1 << 20

// Reads says what of the log is read at the start.
type Reads struct {
	Stream string   // the log's
	After  uint64   // everything behind this seq
	Seqs   []uint64 // and these
}

// least is the lowest seq that is read.
func (r *Reads) least() uint64 { return min(r.After+1, slices.Min(append(r.Seqs, r.After+1))) }

// includes reports whether something between two seqs is read.
func (r *Reads) includes(first, last uint64) bool {
	return last > r.After || slices.ContainsFunc(r.Seqs, func(seq uint64) bool { return first <= seq && seq <= last })
}

// CorruptFileError is about a file of a stream that is corrupt so that it must not be
// read.
type CorruptFileError struct {
	Path, Stream string
	At           int    // byte of the record
	Seq          uint64 // that it has
	Before       uint64 // of the record before it
}

func (e *CorruptFileError) Error() string {
	return fmt.Sprintf("the stream's file %s is damaged: at byte %d, behind seq %d, it has seq %d, which would make the NATS server fill up memory; restore the file from a backup",
		e.Path, e.At, e.Before, e.Seq)
}

// CheckBlocks checks the files of the streams in a NATS server's folder that are read
// at the start: a *CorruptFileError is of the first that must not be. files is how many
// were read.
func CheckBlocks(dir string, reads Reads) (files int, err error) {
	var content bytes.Buffer // of one file, used again
	err = eachStream(dir, func(stream string, blocks []block) error {
		last := uint64(math.MaxUint64) // of the seqs that a file may have
		for i, b := range slices.Backward(blocks) {
			first, written, known, err := beginOf(b.path)
			if err != nil {
				return err
			}
			tail := i >= len(blocks)-tailFiles || time.Since(written) < recently
			if stream != reads.Stream && !tail {
				return nil
			}
			if tail || !known || first > last || reads.includes(first, last) {
				files++
				if err := checkFile(b.path, stream, &content, nil); err != nil {
					return err
				}
			}
			if known && first <= last {
				if first <= reads.least() && !tail {
					return nil
				}
				last = first - 1
			}
		}
		return nil
	})
	return files, err
}

// ScrubBlocks checks all files in a NATS server's folder, at a pace, and calls found for
// each that is corrupt. A file that the server removes or writes meanwhile is left to it.
func ScrubBlocks(ctx context.Context, dir string, found func(*CorruptFileError)) error {
	pace := rate.NewLimiter(scrubRate, scrubChunk)
	var content bytes.Buffer
	return eachStream(dir, func(stream string, blocks []block) error {
		for _, b := range blocks {
			err := checkFile(b.path, stream, &content, func(n int) error { return pace.WaitN(ctx, n) })
			if corrupt, ok := errors.AsType[*CorruptFileError](err); ok {
				found(corrupt)
			} else if err != nil && !errors.Is(err, fs.ErrNotExist) {
				return err
			}
		}
		return nil
	})
}

// block is a file of a stream.
type block struct {
	path   string
	number uint64
}

// eachStream calls fn with the files of each stream of a NATS server, in the
// order of what is in them.
func eachStream(dir string, fn func(stream string, blocks []block) error) error {
	folders, err := filepath.Glob(filepath.Join(dir, "jetstream", "*", "streams", "*", "msgs"))
	if err != nil {
		return err
	}
	for _, folder := range folders {
		entries, err := os.ReadDir(folder)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		var blocks []block
		for _, e := range entries {
			name, ok := strings.CutSuffix(e.Name(), ".blk")
			number, err := strconv.ParseUint(name, 10, 32)
			if ok && err == nil {
				blocks = append(blocks, block{path: filepath.Join(folder, e.Name()), number: number})
			}
		}
		slices.SortFunc(blocks, func(a, b block) int { return cmp.Compare(a.number, b.number) })
		if err := fn(filepath.Base(filepath.Dir(folder)), blocks); err != nil {
			return err
		}
	}
	return nil
}

// beginOf is the seq that a file begins with, if it is known, and when it was
// written last.
func beginOf(path string) (seq uint64, written time.Time, known bool, err error) {
	f, err := os.Open(path)
	if err != nil {
		return 0, written, false, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return 0, written, false, err
	}
	var head [recordHead]byte
	if _, err := io.ReadFull(f, head[:]); err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		return 0, written, false, fmt.Errorf("read %s: %w", path, err)
	}
	s := binary.LittleEndian.Uint64(head[recordSeqAt:])
	known = s > 0 && s&^recordSeqMask == 0 && !bytes.HasPrefix(head[:], packed)
	return s, info.ModTime(), known, nil
}

// checkFile looks for a corrupt record in one file. pace is asked before each
// part is read.
func checkFile(path, stream string, content *bytes.Buffer, pace func(n int) error) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	content.Reset()
	content.Grow(int(info.Size()) + bytes.MinRead) // of which the buffer wants that much more
	for {
		if pace != nil {
			if err := pace(scrubChunk); err != nil {
				return err
			}
		}
		_, err := io.CopyN(content, f, scrubChunk)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return fmt.Errorf("read %s: %w", path, err)
		}
	}
	if at, seq, before, ok := findStray(content.Bytes()); ok {
		return &CorruptFileError{Path: path, Stream: stream, At: at, Seq: seq, Before: before}
	}
	return nil
}

// packed begins a compressed file.
var packed = []byte("cmp")

// findStray finds a record whose seq is far beyond that of the one before,
// while the next ones go on from there. What does not look like records, such
// as a compressed file, has none.
func findStray(b []byte) (at int, seq, before uint64, ok bool) {
	if bytes.HasPrefix(b, packed) {
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
