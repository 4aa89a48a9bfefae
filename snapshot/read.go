package snapshot

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"

	"github.com/cockroachdb/pebble/v2/vfs"

	"reddot/projector/disk"
)

// reading reads every piece and every file of a snapshot.
type reading struct {
	r        *Repository
	m        *Manifest
	dir      string // the files are written there; "": they are only read
	first    bool   // the first fault ends it
	progress func(Progress)

	corrupt CorruptError
	done    uint64 // bytes
}

// read reads a snapshot. The error is a *CorruptError if the snapshot is at
// fault, and something else if reading or writing could not go on. Files that
// it wrote are durable then, with their names.
func (r *Repository) read(ctx context.Context, rd reading) error {
	rd.r, rd.corrupt.ID = r, rd.m.ID()
	if rd.dir != "" {
		if err := emptyDir(r.fs, rd.dir); err != nil {
			return err
		}
	}
	for i := range rd.m.Files {
		if err := rd.file(ctx, &rd.m.Files[i]); err != nil {
			return fmt.Errorf("read %s of snapshot %s: %w", rd.m.Files[i].Name, rd.m.ID(), err)
		}
		if rd.first && rd.corrupt.Faults != nil {
			break
		}
	}
	if rd.corrupt.Faults != nil {
		return &rd.corrupt
	}
	if rd.dir != "" {
		if err := disk.SyncDir(r.fs, rd.dir); err != nil {
			return fmt.Errorf("sync %s: %w", rd.dir, err)
		}
	}
	return nil
}

func (rd *reading) fault(f Fault) {
	if len(rd.corrupt.Faults) >= listedFaults {
		rd.corrupt.More++
		return
	}
	rd.corrupt.Faults = append(rd.corrupt.Faults, f)
}

func (rd *reading) file(ctx context.Context, f *File) (err error) {
	var out vfs.File
	if rd.dir != "" {
		if out, err = rd.r.fs.Create(rd.r.fs.PathJoin(rd.dir, f.Name), vfs.WriteCategoryUnspecified); err != nil {
			return err
		}
		defer func() { err = errors.Join(err, out.Close()) }()
	}
	before := len(rd.corrupt.Faults) + rd.corrupt.More
	sum := sha256.New()
	for i := range f.Pieces {
		if err := rd.piece(ctx, f, i, out, sum); err != nil {
			return err
		}
		if rd.first && rd.corrupt.Faults != nil {
			return nil
		}
	}
	if got := SHA256(sum.Sum(nil)); got != f.SHA256 && len(rd.corrupt.Faults)+rd.corrupt.More == before {
		rd.fault(Fault{File: f.Name, Err: fmt.Errorf("%w: its SHA-256 is %s, not %s", ErrCorrupt, got, f.SHA256)})
	}
	if out == nil {
		return nil
	}
	return out.Sync()
}

// piece reads a piece, and writes it to out unless that is nil.
func (rd *reading) piece(ctx context.Context, f *File, i int, out vfs.File, sum hash.Hash) error {
	length := rd.m.pieceLength(f, i)
	data, err := rd.r.piece(ctx, f.Pieces[i], length)
	if errors.Is(err, ErrCorrupt) || errors.Is(err, ErrNotFound) {
		rd.fault(Fault{Blob: piecesFolder + f.Pieces[i].String(), File: f.Name, Piece: i, Err: err})
	} else if err != nil {
		return err
	}
	sum.Write(data)
	if out != nil {
		if _, err := out.Write(data); err != nil {
			return err
		}
	}
	rd.done += length
	rd.progress(Progress{Step: StepRead, Done: rd.done, Total: rd.m.Bytes})
	return nil
}

// piece gets a piece and compares its bytes with its name.
func (r *Repository) piece(ctx context.Context, piece SHA256, length uint64) ([]byte, error) {
	data, err := r.storage.Get(ctx, piecesFolder+piece.String())
	if err != nil {
		return nil, err
	}
	if got := SHA256(sha256.Sum256(data)); got != piece || uint64(len(data)) != length {
		return nil, fmt.Errorf("%w: %d bytes with SHA-256 %s instead of %d", ErrCorrupt, len(data), got, length)
	}
	return data, nil
}

// whole returns an error unless the storage lists every piece of a snapshot
// with its size. It doesn't read them.
func (v *inventory) whole(m *Manifest) error {
	for i := range m.Files {
		f := &m.Files[i]
		for j, piece := range f.Pieces {
			if size, ok := v.pieces[piece]; !ok || size != m.pieceLength(f, j) {
				return fmt.Errorf("snapshot %s: file %s, piece %d (%s%s): %w", m.ID(), f.Name, j, piecesFolder, piece, ErrCorrupt)
			}
		}
	}
	return nil
}
