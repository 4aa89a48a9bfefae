package snapshot

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"io"
	"slices"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"reddot/events"
	"reddot/snapshot/storage"
)

// Source is a store of which snapshots are taken. Its methods are called from
// other goroutines than the one that changes the store.
type Source interface {
	// Applied is the position of the store.
	Applied() events.Seq
	// Checkpoint writes the store's files, as of one position not before the
	// one that Applied said, into a new folder.
	Checkpoint(dir string) error
	// LogTime is the time of a command in the stream; zero if not known.
	LogTime(ctx context.Context, seq events.Seq) (time.Time, error)
}

// Created is what a Create did.
type Created struct {
	Manifest  *Manifest
	Existing  bool          // a snapshot of that state was there already
	NewBytes  uint64        // that had to be stored; without the manifest
	NewPieces int           // that had to be stored
	Took      time.Duration // all in all
}

// publishAttempts bounds how often a snapshot is published again because the
// storage was away for longer than a pin holds.
const publishAttempts = 5

// Create takes a snapshot. The store's files must pass their check; then the
// pieces that the storage does not have travel, one at a time, and last the
// manifest, which makes it a snapshot. If the storage has one of that stream
// at that seq, that one is returned.
func (r *Repository) Create(ctx context.Context, src Source, progress func(Progress)) (Created, error) {
	began := time.Now()
	var c Created
	err := r.inScratch(func(dir string) error {
		if err := src.Checkpoint(dir); err != nil {
			return fmt.Errorf("write the store's files of now: %w", err)
		}
		u := &upload{r: r, dir: dir, progress: orNothing(progress)}
		if err := u.describe(ctx, src); err != nil {
			return err
		}
		l, err := r.acquire(ctx, pinCreate)
		if err != nil {
			return err
		}
		defer l.release(ctx)
		c, err = u.publish(ctx, l)
		return err
	})
	if err != nil {
		return Created{}, fmt.Errorf("create a snapshot in %v: %w", r.storage, err)
	}
	c.Took = time.Since(began)
	r.log.Info("snapshot", "id", c.Manifest.ID(), "digest", c.Manifest.Digest.String(), "existing", c.Existing,
		"bytes", c.Manifest.Bytes, "new_bytes", c.NewBytes, "took", c.Took)
	return c, nil
}

// upload is a snapshot being taken.
type upload struct {
	r        *Repository
	dir      string // with the store's files
	manifest Manifest
	progress func(Progress)

	newBytes  uint64
	newPieces int
	done      uint64 // bytes of the files looked at
	buf       []byte // one piece
}

// describe checks the files and begins the manifest.
func (u *upload) describe(ctx context.Context, src Source) error {
	u.manifest = Manifest{Format: manifestFormat, Taken: u.r.now(), Program: u.r.cfg.Program, PieceSize: pieceSize}
	// Listed before the check, which may leave files of its own.
	if err := u.listFiles(); err != nil {
		return fmt.Errorf("list the store's files: %w", err)
	}
	state, err := u.r.check(ctx, u.dir, u.progress)
	if err != nil {
		return fmt.Errorf("the store does not pass its check, so no snapshot of it is published: %w", err)
	}
	at, err := src.LogTime(ctx, state.Seq)
	if err != nil {
		return fmt.Errorf("look up the time of seq %d: %w", state.Seq, err)
	}
	if !at.IsZero() {
		u.manifest.LogTime = utc(at)
	}
	state.Stream.Created = utc(state.Stream.Created)
	u.manifest.Stream, u.manifest.Seq = state.Stream, state.Seq
	u.manifest.Digest, u.manifest.StoreFormat = state.Digest, state.Format
	return nil
}

func (u *upload) listFiles() error {
	names, err := u.r.fs.List(u.dir)
	if err != nil {
		return err
	}
	slices.Sort(names)
	for _, name := range names {
		info, err := u.r.fs.Stat(u.r.fs.PathJoin(u.dir, name))
		if err != nil {
			return err
		}
		if info.IsDir() {
			return fmt.Errorf("%s is a folder; a snapshot has files only", name)
		}
		size := uint64(info.Size())
		u.manifest.Files = append(u.manifest.Files, File{Name: name, Size: size})
		u.manifest.Bytes += size
		u.manifest.Pieces += int((size + pieceSize - 1) / pieceSize)
	}
	return nil
}

// publish stores what is missing, then the manifest. If the pin lapses on the
// way a prune may have taken away pieces that were counted on, so what is
// there is looked at again before the manifest is stored.
func (u *upload) publish(ctx context.Context, l *lease) (Created, error) {
	for range publishAttempts {
		have, err := u.r.settle(ctx, l)
		if err != nil {
			return Created{}, err
		}
		same, err := u.existing(ctx, have)
		if same != nil || err != nil {
			return Created{Manifest: same, Existing: true, NewBytes: u.newBytes, NewPieces: u.newPieces}, err
		}
		if err := u.files(ctx, have); err != nil {
			return Created{}, err
		}
		err = l.during(ctx, u.putManifest)
		if !errors.Is(err, errLapsed) {
			return Created{Manifest: &u.manifest, NewBytes: u.newBytes, NewPieces: u.newPieces}, err
		}
		u.r.log.Warn("the storage was away for too long; looking again at what it has", "error", err)
		if err := l.renew(ctx); err != nil {
			return Created{}, err
		}
	}
	return Created{}, fmt.Errorf("%w: given up after %d attempts to store the manifest", errLapsed, publishAttempts)
}

func (u *upload) putManifest(ctx context.Context) error {
	data, err := u.manifest.encode()
	if err != nil {
		return err
	}
	return u.r.storage.Put(ctx, manifestsFolder+u.manifest.ID(), data)
}

// existing returns the manifest of the same state, if the storage has it with
// all its pieces. Two digests at one seq of one stream are a fault of one of
// them, so nothing is replaced then; a corrupt one is, and one of another store
// format.
func (u *upload) existing(ctx context.Context, have *inventory) (*Manifest, error) {
	id := u.manifest.ID()
	if !slices.ContainsFunc(have.manifests, func(b storage.Blob) bool { return b.Name == manifestsFolder+id }) {
		return nil, nil
	}
	m, err := u.r.manifest(ctx, id)
	switch {
	case errors.Is(err, ErrCorrupt), errors.Is(err, ErrNotFound):
		u.r.log.Warn("the snapshot of this seq cannot be read; it is made anew", "id", id, "error", err)
		return nil, nil
	case err != nil:
		return nil, err
	case m.StoreFormat != u.manifest.StoreFormat:
		return nil, nil
	case m.Digest != u.manifest.Digest:
		return nil, fmt.Errorf("snapshot %s has digest %s, the store has %s: one of them is wrong; verify both against the log, and remove the snapshot if it is that one",
			id, m.Digest, u.manifest.Digest)
	case have.whole(m) != nil:
		return nil, nil
	}
	return m, nil
}

// files reads all files and stores the pieces that are not there.
func (u *upload) files(ctx context.Context, have *inventory) error {
	u.done = 0
	if u.buf == nil {
		u.buf = make([]byte, pieceSize)
	}
	for i := range u.manifest.Files {
		f := &u.manifest.Files[i]
		if err := u.file(ctx, f, have); err != nil {
			return fmt.Errorf("store %s: %w", f.Name, err)
		}
	}
	return nil
}

func (u *upload) file(ctx context.Context, f *File, have *inventory) (err error) {
	file, err := u.r.fs.Open(u.r.fs.PathJoin(u.dir, f.Name), vfs.SequentialReadsOption)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	f.Pieces = make([]SHA256, 0, (f.Size+pieceSize-1)/pieceSize)
	whole := sha256.New()
	for rest := f.Size; rest > 0; {
		piece := u.buf[:min(rest, pieceSize)]
		rest -= uint64(len(piece))
		if err := u.piece(ctx, f, file, piece, whole, have); err != nil {
			return err
		}
	}
	whole.Sum(f.SHA256[:0])
	return nil
}

func (u *upload) piece(ctx context.Context, f *File, file io.Reader, piece []byte, whole hash.Hash, have *inventory) error {
	if _, err := io.ReadFull(file, piece); err != nil {
		return fmt.Errorf("read it: %w", err)
	}
	whole.Write(piece)
	sum, size := SHA256(sha256.Sum256(piece)), uint64(len(piece))
	if !have.has(sum, size) {
		if err := u.r.storage.Put(ctx, piecesFolder+sum.String(), piece); err != nil {
			return err
		}
		have.pieces[sum] = size
		u.newBytes += size
		u.newPieces++
	}
	f.Pieces = append(f.Pieces, sum)
	u.done += size
	u.progress(Progress{Step: StepUpload, Done: u.done, Total: u.manifest.Bytes})
	return ctx.Err()
}
