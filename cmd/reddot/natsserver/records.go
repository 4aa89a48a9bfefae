package natsserver

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"sort"

	"github.com/minio/highwayhash"
	"github.com/nats-io/nats-server/v2/server"
)

// recordsOf is the version of nats-server whose files are known here. They are its
// own, and another one's may differ: none of those are read.
const recordsOf = "2.15.2"

// A record that is a message has, behind its head, the subject; if its size has the flag
// recordHeaders, the length of the headers in 4 bytes and the headers; the payload; and
// in 8 bytes the HighwayHash of everything but the two lengths, with a key that is of the
// stream's name and the file's number.
const (
	recordTimeAt    = 12
	recordSubjectAt = 20
	recordHeaders   = 1 << 31 // flag of a size
	recordHash      = highwayhash.Size64
)

// ErrRecords is wrapped by the errors of who reads records and can't go on: a file is not as
// it knows them, or does not go on from the one before. The server may know better.
var ErrRecords = errors.New("the stream's files can't be read past the NATS server")

// Records returns what calls fn with the messages of a stream from a seq on, in order,
// without a gap, and each as it was written, by its checksum: with the seq, the time of
// storing in nanoseconds, the subject, and the payload, which is good until fn returns.
// They are those of all files but the one that is being written. An fn that returns an
// error ends it.
//
// It must not be used for a stream from which single messages were removed: others of its
// files may say so.
func (s *Server) Records(stream string) func(ctx context.Context, from uint64, fn func(seq uint64, at int64, subject string, payload []byte) error) error {
	return func(ctx context.Context, from uint64, fn func(uint64, int64, string, []byte) error) error {
		return readRecords(ctx, s.dir, stream, &recordReader{next: from, fn: fn})
	}
}

func readRecords(ctx context.Context, dir, stream string, r *recordReader) error {
	if server.VERSION != recordsOf {
		return fmt.Errorf("%w: they are of nats-server %s, not %s", ErrRecords, server.VERSION, recordsOf)
	}
	var blocks []block
	err := eachStream(dir, func(name string, all []block) error {
		if name == stream {
			blocks = all
		}
		return nil
	})
	if err != nil || len(blocks) < 2 {
		return err
	}
	blocks = blocks[:len(blocks)-1]
	first, err := beginAt(blocks, r.next)
	if err != nil {
		return err
	}
	for _, b := range blocks[first:] {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := r.read(b, stream); err != nil {
			return err
		}
	}
	return nil
}

// beginAt is the number of the last file that begins at a seq, or before it.
func beginAt(blocks []block, seq uint64) (int, error) {
	var err error
	after := sort.Search(len(blocks), func(i int) bool {
		first, _, known, e := beginOf(blocks[i].path)
		if e == nil && !known {
			e = fmt.Errorf("%w: %s does not begin with a message", ErrRecords, blocks[i].path)
		}
		err = errors.Join(err, e)
		return first > seq
	})
	if err == nil && after == 0 {
		err = fmt.Errorf("%w: they begin after seq %d", ErrRecords, seq)
	}
	return after - 1, err
}

// recordReader reads one file after the other.
type recordReader struct {
	next    uint64 // seq
	fn      func(seq uint64, at int64, subject string, payload []byte) error
	content []byte // of one file
}

// record is a message; what it has is the file's content.
type record struct {
	size             int // with all that is around it
	seq              uint64
	at               int64
	subject, payload []byte
}

func (r *recordReader) read(b block, stream string) error {
	f, err := os.Open(b.path)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrRecords, err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err == nil {
		r.content = slices.Grow(r.content[:0], int(info.Size()))[:info.Size()]
		_, err = io.ReadFull(f, r.content)
	}
	if err != nil {
		return fmt.Errorf("%w: %w", ErrRecords, err)
	}
	key := sha256.Sum256(fmt.Appendf(nil, "%s-%d", stream, b.number))
	hash, err := highwayhash.NewDigest64(key[:])
	if err != nil {
		return err
	}
	for rest := r.content; len(rest) > 0; {
		m, err := parseRecord(rest, hash)
		no := m.seq & recordSeqMask
		switch {
		case err != nil:
			return fmt.Errorf("%w: %s, byte %d: %w", ErrRecords, b.path, len(r.content)-len(rest), err)
		case no < r.next: // not asked for, or what trimming leaves
		case no > r.next || no != m.seq:
			return fmt.Errorf("%w: seq %d is not in %s", ErrRecords, r.next, b.path)
		default:
			if err := r.fn(m.seq, m.at, string(m.subject), m.payload); err != nil {
				return err
			}
			r.next++
		}
		rest = rest[m.size:]
	}
	return nil
}

// Errors of a record.
var (
	errShort = errors.New("it is no record")
	errHash  = errors.New("its checksum is another one")
)

// parseRecord reads the first of some records.
func parseRecord(b []byte, hash *highwayhash.Digest64) (m record, err error) {
	if len(b) < recordHead+recordHash {
		return m, errShort
	}
	flags := binary.LittleEndian.Uint32(b)
	m.size = int(flags & recordSizeMask)
	end := m.size - recordHash
	body := recordHead + int(binary.LittleEndian.Uint16(b[recordSubjectAt:])) // what is behind the subject
	if m.size > len(b) || body > end {
		return m, errShort
	}
	m.seq = binary.LittleEndian.Uint64(b[recordSeqAt:])
	m.at = int64(binary.LittleEndian.Uint64(b[recordTimeAt:]))
	m.subject = b[recordHead:body]
	headers := 0
	if flags&recordHeaders != 0 {
		if body+4 > end {
			return m, errShort
		}
		headers = int(binary.LittleEndian.Uint32(b[body:]))
		body += 4
	}
	if headers > end-body {
		return m, errShort
	}
	m.payload = b[body+headers : end]
	hash.Reset()
	for _, part := range [][]byte{b[recordSeqAt:recordSubjectAt], m.subject, b[body:end]} {
		_, _ = hash.Write(part) // a hash takes everything
	}
	if hash.Sum64() != binary.LittleEndian.Uint64(b[end:]) {
		return m, errHash
	}
	return m, nil
}
