package snapshot

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"
	"time"

	"reddot/events"
	"reddot/snapshot/storage"
)

const (
	// manifestFormat is the format that this program writes. It reads all up
	// to it.
	manifestFormat = 1
	// pieceSize is the size in bytes of the pieces that files are split into; the
	// last one of a file is smaller.
	pieceSize = 4 << 20
)

// streamKey stands for a stream's identity in names of snapshots.
func streamKey(s events.StreamID) string {
	sum := sha256.Sum256(binary.BigEndian.AppendUint64([]byte(s.Name+"\x00"), uint64(s.Created.UnixNano())))
	return hex.EncodeToString(sum[:8])
}

// State is what a store's files hold.
type State struct {
	Stream events.StreamID
	Seq    events.Seq // applied
	Digest events.Digest
	Format uint64 // of the store
}

func (s State) String() string {
	return fmt.Sprintf("seq %d of %s with digest %s in store format %d", s.Seq, s.Stream, s.Digest, s.Format)
}

// Manifest describes a snapshot. It is published last, so a snapshot with a
// manifest is whole.
type Manifest struct {
	Format      int             `json:"format"`
	Stream      events.StreamID `json:"stream"`
	Seq         events.Seq      `json:"seq"`               // of the last command in it
	LogTime     time.Time       `json:"log_time,omitzero"` // of that command in the stream; zero if not known
	Digest      events.Digest   `json:"digest"`            // of the state
	StoreFormat uint64          `json:"store_format"`      // of the files
	Taken       time.Time       `json:"taken"`             // by the clock of the machine that took it
	Program     string          `json:"program,omitempty"` // version of the program that took it
	PieceSize   uint64          `json:"piece_size"`        // bytes
	Pieces      int             `json:"pieces"`            // in all files
	Bytes       uint64          `json:"bytes"`             // in all files
	Files       []File          `json:"files"`             // by name
}

// File is a file of a snapshot.
type File struct {
	Name   string   `json:"name"`
	Size   uint64   `json:"size"` // bytes
	SHA256 SHA256   `json:"sha256"`
	Pieces []SHA256 `json:"pieces"` // in order; all of the manifest's piece size but the last
}

// ID returns the name of the snapshot: its seq in 20 digits, which sort as the
// seqs do, and 16 hexadecimal digits that stand for the stream's identity.
func (m *Manifest) ID() string { return snapshotID(m.Seq, m.Stream) }

// State returns what the snapshot's files hold.
func (m *Manifest) State() State { return State{m.Stream, m.Seq, m.Digest, m.StoreFormat} }

func snapshotID(seq events.Seq, s events.StreamID) string {
	return fmt.Sprintf("%020d-%s", uint64(seq), streamKey(s))
}

// parseID splits the name of a snapshot.
func parseID(id string) (seq events.Seq, stream string, err error) {
	number, stream, ok := strings.Cut(id, "-")
	n, err := strconv.ParseUint(number, 10, 64)
	if err != nil || !ok || len(number) != 20 || len(stream) != 16 {
		return 0, "", fmt.Errorf("%q is not the name of a snapshot", id)
	}
	return events.Seq(n), stream, nil
}

// pieceLength is the number of bytes of a piece of a file.
func (m *Manifest) pieceLength(f *File, piece int) uint64 {
	return min(m.PieceSize, f.Size-uint64(piece)*m.PieceSize)
}

// encode returns the stored form.
func (m *Manifest) encode() ([]byte, error) {
	data, err := seal(m)
	if err == nil && len(data) > storage.MaxBlob {
		err = fmt.Errorf("a manifest of %d bytes is larger than a blob may be: %d pieces are too many", len(data), m.Pieces)
	}
	if err != nil {
		return nil, fmt.Errorf("encode the manifest: %w", err)
	}
	return data, nil
}

// decodeManifest reads the stored form of the manifest of that snapshot.
func decodeManifest(id string, data []byte) (*Manifest, error) {
	m := new(Manifest)
	if err := unseal(data, manifestFormat, m); err != nil {
		return nil, err
	}
	if err := m.validate(); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrCorrupt, err)
	}
	if m.ID() != id {
		return nil, fmt.Errorf("%w: it is the manifest of snapshot %s", ErrCorrupt, m.ID())
	}
	return m, nil
}

// validate checks what reading relies on. File names become names in a folder
// of ours, so they must not lead out of it.
func (m *Manifest) validate() error {
	if m.PieceSize == 0 || m.PieceSize > storage.MaxBlob {
		return fmt.Errorf("pieces of %d bytes", m.PieceSize)
	}
	var bytes uint64
	pieces := 0
	for i := range m.Files {
		f := &m.Files[i]
		if !isFileName(f.Name) {
			return fmt.Errorf("a file named %q", f.Name)
		}
		if i > 0 && f.Name <= m.Files[i-1].Name {
			return fmt.Errorf("file %q after %q", f.Name, m.Files[i-1].Name)
		}
		if want := (f.Size + m.PieceSize - 1) / m.PieceSize; f.Size+m.PieceSize < f.Size || want != uint64(len(f.Pieces)) {
			return fmt.Errorf("file %s has %d pieces for %d bytes", f.Name, len(f.Pieces), f.Size)
		}
		bytes += f.Size
		pieces += len(f.Pieces)
	}
	if bytes != m.Bytes || pieces != m.Pieces {
		return fmt.Errorf("files of %d bytes in %d pieces; the totals say %d and %d", bytes, pieces, m.Bytes, m.Pieces)
	}
	return nil
}

// isFileName reports whether a name is one that stores give their files.
func isFileName(name string) bool {
	for _, c := range []byte(name) {
		letter := c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9'
		if !letter && !strings.ContainsRune("._-", rune(c)) {
			return false
		}
	}
	return name != "" && name[0] != '.'
}
