package snapshot

import (
	"context"
	"errors"
	"fmt"
)

// VerifyOptions says how far a Verify goes.
type VerifyOptions struct {
	// HashesOnly reads and hashes every piece and file, but does not put the
	// store together and read its rows.
	HashesOnly bool
	// Repair removes pieces that are proven corrupt, so that the next Create
	// whose files have those bytes stores them again. That mends every snapshot
	// that has them.
	Repair bool
}

// Verify reads a snapshot: every piece, every file and, unless only the hashes
// are asked for, every row of the store that the files make up, in a scratch
// folder. What is missing or corrupt is named by a *CorruptError.
func (r *Repository) Verify(ctx context.Context, id string, opts VerifyOptions, progress func(Progress)) (*Manifest, error) {
	l, err := r.acquire(ctx, pinRead, id)
	if err != nil {
		return nil, fmt.Errorf("verify snapshot %s: %w", id, err)
	}
	defer l.release(ctx)
	if _, err := r.settle(ctx, l); err != nil {
		return nil, fmt.Errorf("verify snapshot %s: %w", id, err)
	}
	m, err := r.manifest(ctx, id)
	if err != nil {
		return nil, asCorrupt(id, err)
	}
	rd := reading{m: m, progress: orNothing(progress)}
	if opts.HashesOnly {
		err = r.read(ctx, rd)
	} else {
		err = r.inScratch(func(dir string) error {
			rd.dir = dir
			return r.rebuild(ctx, rd)
		})
	}
	if corrupt := (*CorruptError)(nil); opts.Repair && errors.As(err, &corrupt) {
		err = errors.Join(err, r.repair(ctx, m, corrupt))
	}
	if err != nil {
		return m, err
	}
	r.log.Info("snapshot verified", "id", id, "hashes_only", opts.HashesOnly)
	return m, nil
}

// rebuild reads a snapshot into a folder and compares the store there with the
// manifest.
func (r *Repository) rebuild(ctx context.Context, rd reading) error {
	if err := r.read(ctx, rd); err != nil {
		return err
	}
	state, err := r.check(ctx, rd.dir, rd.progress)
	switch {
	case ctx.Err() != nil:
		return fmt.Errorf("check snapshot %s: %w", rd.m.ID(), errors.Join(ctx.Err(), err))
	case err != nil:
		err = fmt.Errorf("its files have the right bytes, but the store in them does not pass its check: %w", err)
	case !rd.m.holds(state):
		err = fmt.Errorf("its files hold %v; its manifest says %v", state, rd.m.State())
	default:
		return nil
	}
	return &CorruptError{ID: rd.m.ID(), Faults: []Fault{{Err: err}}}
}

// holds reports whether a state is the one that the manifest says.
func (m *Manifest) holds(s State) bool {
	want := m.State()
	return s.Stream.Equal(want.Stream) && s.Seq == want.Seq && s.Digest == want.Digest && s.Format == want.Format
}

// repair removes the pieces that are still corrupt when read once more.
func (r *Repository) repair(ctx context.Context, m *Manifest, corrupt *CorruptError) error {
	for _, fault := range corrupt.Faults {
		f := m.file(fault.File)
		if f == nil || fault.Blob == "" {
			continue
		}
		_, err := r.piece(ctx, f.Pieces[fault.Piece], m.pieceLength(f, fault.Piece))
		if !errors.Is(err, ErrCorrupt) {
			continue
		}
		if err := r.storage.Delete(ctx, fault.Blob); err != nil {
			return fmt.Errorf("remove a damaged piece: %w", err)
		}
		r.log.Warn("removed a damaged piece; the next snapshot with these bytes stores it anew", "piece", fault.Blob, "file", f.Name)
	}
	return nil
}

func (m *Manifest) file(name string) *File {
	for i := range m.Files {
		if m.Files[i].Name == name {
			return &m.Files[i]
		}
	}
	return nil
}
