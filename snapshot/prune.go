package snapshot

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"reddot/events"
	"reddot/snapshot/storage"
)

const (
	// MinKeep is the fewest snapshots that a prune keeps of a stream: the
	// newest, and one to fall back to.
	MinKeep = 2
	// deleteBatch is the number of pieces that one request to delete names. A
	// batch is the most that is deleted after the last look at the own pin.
	deleteBatch = 64
	// sweepAfter is the age from which on something half stored is left over.
	sweepAfter = time.Hour
)

// PruneOptions says what a Prune keeps.
type PruneOptions struct {
	Stream events.StreamID // zero: each stream
	Keep   int             // newest valid ones of a stream; at least MinKeep
}

// Pruned is what a Prune did.
type Pruned struct {
	Kept    []string // ids of what is left of the pruned streams, newest first
	Removed []string // ids
	Pieces  int      // removed
	Bytes   uint64   // of them
	Held    string   // why pieces were left to the next prune; "" if none were
}

// Prune keeps the newest valid snapshots of a stream and removes the older
// ones, then the pieces that no snapshot has. Valid is one whose manifest can
// be read and whose pieces are all there; one that isn't does not count as
// kept, and is removed with those that are older than the kept ones. What a
// restore or a verify reads stays, and while a snapshot is being created, by
// whomever, every piece stays.
func (r *Repository) Prune(ctx context.Context, opts PruneOptions) (Pruned, error) {
	if opts.Keep < MinKeep {
		return Pruned{}, fmt.Errorf("prune: keep at least %d snapshots, not %d", MinKeep, opts.Keep)
	}
	p := prune{r: r, opts: opts}
	err := p.leased(ctx, p.run)
	if err != nil {
		return p.done, fmt.Errorf("prune snapshots in %v: %w", r.storage, err)
	}
	r.log.Info("snapshots pruned", "kept", len(p.done.Kept), "removed", len(p.done.Removed),
		"pieces", p.done.Pieces, "bytes", p.done.Bytes, "held", p.done.Held)
	return p.done, nil
}

type prune struct {
	r       *Repository
	opts    PruneOptions
	lease   *lease
	have    *inventory
	entries []Entry
	done    Pruned
}

// leased takes stock under a lease of the repository and runs fn, with the ids of the
// snapshots that are being read.
func (p *prune) leased(ctx context.Context, fn func(ctx context.Context, pinned map[string]bool) error) (err error) {
	if p.lease, err = p.r.acquire(ctx, pinPrune); err != nil {
		return err
	}
	defer p.lease.release(ctx)
	if p.have, err = p.r.settle(ctx, p.lease); err != nil {
		return err
	}
	pinned, err := p.pinned(ctx)
	if err != nil {
		return err
	}
	return fn(ctx, pinned)
}

func (p *prune) run(ctx context.Context, pinned map[string]bool) (err error) {
	if p.entries, err = p.r.entries(ctx, p.have.manifests); err != nil {
		return err
	}
	if len(p.entries) < len(p.have.manifests) {
		p.done.Held = cmp.Or(p.done.Held, "a snapshot was removed meanwhile")
	}
	remove := p.choose(pinned)
	// Manifests go first, durably, so that none is left without its pieces.
	if err := p.delete(ctx, remove); err != nil {
		return err
	}
	if p.done.Held == "" {
		if err := p.deletePieces(ctx); err != nil {
			return err
		}
	}
	return p.r.storage.Sweep(ctx, p.r.now().Add(-sweepAfter))
}

// pinned returns the ids of the snapshots that are being read, notes why pieces
// can't go, and removes pins of the dead.
func (p *prune) pinned(ctx context.Context) (map[string]bool, error) {
	ids := make(map[string]bool)
	var dead []string
	for _, pin := range p.have.pins {
		switch {
		case !pin.live(p.r.now()):
			dead = append(dead, pin.blob.Name)
		case pin.err != nil && !pin.is(pinPrune):
			p.done.Held = cmp.Or(p.done.Held, pin.err.Error())
		case pin.is(pinCreate):
			p.done.Held = cmp.Or(p.done.Held, "a snapshot is being created: "+pin.blob.Name)
		case pin.is(pinRead):
			for _, id := range pin.Snapshots {
				ids[id] = true
			}
		}
	}
	return ids, p.r.storage.Delete(ctx, dead...)
}

// choose splits the snapshots into those that stay, left in p.entries, and
// those to remove, whose blobs it returns.
func (p *prune) choose(pinned map[string]bool) (remove []string) {
	valid := make(map[string]int) // kept, by stream
	var stay []Entry
	for _, e := range p.entries {
		_, stream, err := parseID(e.ID)
		if err != nil || !p.opts.Stream.Created.IsZero() && stream != streamKey(p.opts.Stream) {
			stay = append(stay, e)
			continue
		}
		if valid[stream] >= p.opts.Keep && !pinned[e.ID] && !p.unknown(e) {
			remove = append(remove, manifestsFolder+e.ID)
			p.done.Removed = append(p.done.Removed, e.ID)
			continue
		}
		if e.Err == nil {
			e.Err = p.have.whole(e.Manifest)
		}
		if e.Err == nil {
			valid[stream]++
		} else {
			p.r.log.Warn("a snapshot is not sound; it does not count as kept", "id", e.ID, "error", e.Err)
		}
		stay = append(stay, e)
		p.done.Kept = append(p.done.Kept, e.ID)
	}
	p.entries = stay
	return remove
}

// unknown reports whether a snapshot's pieces may be in use although it can't be
// read, or a pin that can't be read may be of someone who reads it.
func (p *prune) unknown(e Entry) bool {
	if errors.Is(e.Err, ErrNewer) {
		return true
	}
	return slices.ContainsFunc(p.have.pins, func(pin foundPin) bool {
		return pin.err != nil && pin.is(pinRead) && pin.live(p.r.now())
	})
}

// deletePieces removes the pieces that no snapshot has that is left.
func (p *prune) deletePieces(ctx context.Context) error {
	used := make(map[SHA256]bool)
	for _, e := range p.entries {
		if errors.Is(e.Err, ErrNewer) {
			p.done.Held = fmt.Sprintf("snapshot %s was written by a newer reddot; prune with that one", e.ID)
			return nil
		}
		if e.Manifest == nil {
			continue
		}
		for _, f := range e.Manifest.Files {
			for _, piece := range f.Pieces {
				used[piece] = true
			}
		}
	}
	var names []string
	for piece := range p.have.pieces {
		if !used[piece] {
			names = append(names, piecesFolder+piece.String())
		}
	}
	slices.Sort(names)
	for batch := range slices.Chunk(names, deleteBatch) {
		if err := p.delete(ctx, batch); err != nil {
			return err
		}
		for _, name := range batch {
			p.done.Pieces++
			p.done.Bytes += p.size(name)
		}
	}
	return nil
}

func (p *prune) size(name string) uint64 {
	var piece SHA256
	if err := piece.UnmarshalText([]byte(strings.TrimPrefix(name, piecesFolder))); err != nil {
		panic(fmt.Sprintf("the name of a listed piece is %q: %v", name, err))
	}
	return p.have.pieces[piece]
}

// delete removes blobs while the own pin keeps others from counting on them.
func (p *prune) delete(ctx context.Context, names []string) error {
	return p.lease.during(ctx, func(ctx context.Context) error { return p.r.storage.Delete(ctx, names...) })
}

// Remove removes one snapshot, whatever its state, unless it is being read.
// Its pieces go with the next Prune.
func (r *Repository) Remove(ctx context.Context, id string) error {
	if _, _, err := parseID(id); err != nil {
		return fmt.Errorf("remove a snapshot: %w", err)
	}
	p := prune{r: r}
	err := p.leased(ctx, func(ctx context.Context, pinned map[string]bool) error { return p.remove(ctx, pinned, id) })
	if err != nil {
		return fmt.Errorf("remove snapshot %s from %v: %w", id, r.storage, err)
	}
	return nil
}

func (p *prune) remove(ctx context.Context, pinned map[string]bool, id string) error {
	if pinned[id] {
		return fmt.Errorf("%w: it is being read", ErrBusy)
	}
	if !slices.ContainsFunc(p.have.manifests, func(b storage.Blob) bool { return b.Name == manifestsFolder+id }) {
		return ErrNotFound
	}
	return p.delete(ctx, []string{manifestsFolder + id})
}
