package snapshot

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"reddot/events"
	"reddot/projector/disk"
	"reddot/snapshot/storage"
)

// Check reads every row of the store whose files are in dir and says what it
// holds; an error if it is not whole. progress is called with the rows read so far.
type Check func(ctx context.Context, dir string, progress func(rows uint64)) (State, error)

// Config configures a Repository.
type Config struct {
	Storage storage.Storage
	Check   Check
	// FS has the scratch folder and the folders that are restored into; it is
	// the file system that Check and the Sources work on. nil: the operating
	// system's.
	FS vfs.FS
	// Scratch is a folder of this Repository alone: Open removes what a crash
	// left in it. On the file system of the store, a checkpoint is hard links.
	Scratch string
	// Owner names the one process that may have this name at a time, say by a
	// lock on its data folder. Open takes over what earlier processes of that
	// name held in the storage. "": what a crashed process held stays held for
	// a minute or two.
	Owner   string
	Program string       // version of the program, for manifests
	Logger  *slog.Logger // nil: none
}

func (c *Config) validate() error {
	switch {
	case c.Storage == nil:
		return errors.New("no storage")
	case c.Check == nil:
		return errors.New("no check")
	case c.Scratch == "":
		return errors.New("no scratch folder")
	}
	return nil
}

// Repository takes, lists, verifies, restores and prunes the snapshots in a
// storage. It may be used by any number of goroutines.
type Repository struct {
	cfg     Config
	fs      vfs.FS
	log     *slog.Logger
	storage storage.Storage
	scratch atomic.Uint64 // scratch folders made so far
}

// Folders of the layout in the storage.
const (
	piecesFolder    = "pieces/"
	manifestsFolder = "manifests/"
	pinsFolder      = "pins/"
)

// Step is what an operation is at.
type Step string

// The steps of the operations.
const (
	StepCheck  Step = "check"  // reading every row; counted in rows, total unknown
	StepUpload Step = "upload" // reading the store's files and storing what is new; in bytes
	StepRead   Step = "read"   // reading what is stored; in bytes
)

// Progress is how far an operation is. Where a function takes a func of it,
// the func may be nil.
type Progress struct {
	Step        Step
	Done, Total uint64 // of the step; Total 0: not known
}

// orNothing is progress, also where nobody listens.
func orNothing(progress func(Progress)) func(Progress) {
	if progress == nil {
		return func(Progress) {}
	}
	return progress
}

// scratchPrefix begins the names of what a Repository makes in its scratch
// folder.
const scratchPrefix = "snapshot-"

// Open returns the repository of a storage.
func Open(ctx context.Context, cfg Config) (*Repository, error) {
	if err := cfg.validate(); err != nil {
		return nil, fmt.Errorf("open snapshots: %w", err)
	}
	if cfg.FS == nil {
		cfg.FS = vfs.Default
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	r := &Repository{cfg: cfg, fs: cfg.FS, log: cfg.Logger, storage: cfg.Storage}
	if err := r.cleanScratch(); err != nil {
		return nil, fmt.Errorf("clean the scratch folder: %w", err)
	}
	if err := r.inherit(ctx); err != nil {
		return nil, fmt.Errorf("open snapshots in %v: %w", cfg.Storage, err)
	}
	return r, nil
}

func (r *Repository) cleanScratch() error {
	names, err := r.fs.List(r.cfg.Scratch)
	if disk.IgnoreMissing(err) != nil {
		return err
	}
	for _, name := range names {
		if strings.HasPrefix(name, scratchPrefix) {
			if err := r.fs.RemoveAll(r.fs.PathJoin(r.cfg.Scratch, name)); err != nil {
				return err
			}
		}
	}
	return nil
}

// inScratch calls use with a folder that does not exist yet, and removes it
// afterwards.
func (r *Repository) inScratch(use func(dir string) error) (err error) {
	if err := r.fs.MkdirAll(r.cfg.Scratch, 0o700); err != nil {
		return fmt.Errorf("make the scratch folder: %w", err)
	}
	dir := r.fs.PathJoin(r.cfg.Scratch, scratchPrefix+strconv.FormatUint(r.scratch.Add(1), 10))
	defer func() {
		if e := r.fs.RemoveAll(dir); e != nil {
			err = errors.Join(err, fmt.Errorf("remove scratch: %w", e))
		}
	}()
	return use(dir)
}

// check runs Check and reports its progress.
func (r *Repository) check(ctx context.Context, dir string, progress func(Progress)) (State, error) {
	return r.cfg.Check(ctx, dir, func(rows uint64) { progress(Progress{Step: StepCheck, Done: rows}) })
}

// Entry is a snapshot in a listing.
type Entry struct {
	ID       string
	Seq      events.Seq
	Manifest *Manifest // nil if it can't be read
	Err      error     // why; wraps ErrCorrupt or ErrNewer
}

// List returns the snapshots of every stream, newest first. Corrupt ones are in
// it, with their error.
func (r *Repository) List(ctx context.Context) ([]Entry, error) {
	blobs, err := r.storage.List(ctx, manifestsFolder)
	if err != nil {
		return nil, fmt.Errorf("list snapshots in %v: %w", r.storage, err)
	}
	return r.entries(ctx, blobs)
}

// entries reads the manifests of a listing.
func (r *Repository) entries(ctx context.Context, blobs []storage.Blob) ([]Entry, error) {
	var entries []Entry
	for _, b := range blobs {
		id, ok := strings.CutPrefix(b.Name, manifestsFolder)
		if !ok {
			continue
		}
		e := Entry{ID: id}
		seq, _, err := parseID(id)
		if err != nil {
			e.Err = fmt.Errorf("%w: %w", ErrCorrupt, err)
		} else {
			e.Seq = seq
			e.Manifest, e.Err = r.manifest(ctx, id)
		}
		switch {
		case e.Err == nil, errors.Is(e.Err, ErrCorrupt), errors.Is(e.Err, ErrNewer):
			entries = append(entries, e)
		case errors.Is(e.Err, ErrNotFound): // pruned meanwhile
		default:
			return nil, e.Err
		}
	}
	slices.SortStableFunc(entries, func(a, b Entry) int { return strings.Compare(b.ID, a.ID) })
	return entries, nil
}

// manifest reads a manifest.
func (r *Repository) manifest(ctx context.Context, id string) (*Manifest, error) {
	data, err := r.storage.Get(ctx, manifestsFolder+id)
	if err == nil {
		var m *Manifest
		if m, err = decodeManifest(id, data); err == nil {
			return m, nil
		}
	}
	return nil, fmt.Errorf("read the manifest of snapshot %s (%s%s): %w", id, manifestsFolder, id, err)
}

// Find returns the snapshot that a person means: by its id or, if only one
// stream has it, by its seq; "" is the newest whose manifest can be read.
func (r *Repository) Find(ctx context.Context, which string) (Entry, error) {
	entries, err := r.List(ctx)
	if err != nil {
		return Entry{}, err
	}
	seq, numeric := strconv.ParseUint(which, 10, 64)
	var found []Entry
	for _, e := range entries {
		if which == "" && e.Err == nil {
			return e, nil
		}
		if e.ID == which || numeric == nil && uint64(e.Seq) == seq {
			found = append(found, e)
		}
	}
	switch {
	case len(found) == 1:
		return found[0], nil
	case len(found) > 1:
		return Entry{}, fmt.Errorf("several streams have a snapshot at seq %d; name one of %s", seq, idsOf(found))
	case len(entries) == 0:
		return Entry{}, fmt.Errorf("no snapshots in %v: %w", r.storage, ErrNotFound)
	case which == "":
		return Entry{}, fmt.Errorf("no snapshot in %v can be read: %w", r.storage, entries[0].Err)
	}
	return Entry{}, fmt.Errorf("snapshot %s in %v: %w; there are %s", which, r.storage, ErrNotFound, idsOf(entries))
}

// listedIDs is how many names an error lists.
const listedIDs = 20

func idsOf(entries []Entry) string {
	var ids []string
	for _, e := range entries[:min(len(entries), listedIDs)] {
		ids = append(ids, e.ID)
	}
	if more := len(entries) - listedIDs; more > 0 {
		ids = append(ids, fmt.Sprintf("%d more", more))
	}
	return strings.Join(ids, ", ")
}

// now is the wall clock.
func (r *Repository) now() time.Time { return utc(time.Now()) }
