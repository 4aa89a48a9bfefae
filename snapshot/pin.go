package snapshot

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"reddot/snapshot/storage"
)

// What is assumed of clocks and delays; see the package's documentation.
const (
	// pinFor is how long a pin holds after it was put or renewed.
	pinFor = time.Minute
	// clockSkew is by how much the clocks of two processes may differ.
	clockSkew = 15 * time.Second
	// renewEvery is the time between renewals.
	renewEvery = pinFor / 3
	// holdFor is how long after putting a pin its owner counts on it. What it
	// has asked of the storage by then has pinFor-holdFor+clockSkew to arrive.
	holdFor = pinFor * 2 / 3
	// unreadableFor is how long a pin that can't be read counts as held. A live
	// one is written again within renewEvery.
	unreadableFor = time.Hour
	// patience is how long an operation waits for others.
	patience = 5 * time.Minute
)

// pinFormat is the format of pins that this program writes.
const pinFormat = 1

// ErrBusy is wrapped where another operation on the same storage is in the
// way; try again later.
var ErrBusy = errors.New("the snapshots are in use")

// pinKind says what the owner of a pin is doing.
type pinKind string

const (
	pinCreate pinKind = "create" // counts on every piece
	pinRead   pinKind = "read"   // counts on the snapshots that it names
	pinPrune  pinKind = "prune"  // deletes pieces
)

// pin says, in the storage, that an operation is going on.
type pin struct {
	Format    int       `json:"format"`
	Kind      pinKind   `json:"kind"`
	Owner     string    `json:"owner,omitempty"`
	Snapshots []string  `json:"snapshots,omitempty"` // ids
	Expires   time.Time `json:"expires"`             // by the owner's clock
}

// newPinName returns the blob of a new pin. The kind is in it, so that it is
// known also of a pin that can't be read.
func newPinName(kind pinKind) string {
	return fmt.Sprintf("%s%s-%s", pinsFolder, kind, strings.ToLower(rand.Text()))
}

// foundPin is a pin in the storage.
type foundPin struct {
	pin
	blob storage.Blob
	err  error // why it can't be read
}

func (p *foundPin) is(kind pinKind) bool {
	return strings.HasPrefix(p.blob.Name, pinsFolder+string(kind)+"-")
}

// live reports whether the owner may still be at work.
func (p *foundPin) live(now time.Time) bool {
	if p.err != nil {
		return now.Before(p.blob.Modified.Add(unreadableFor))
	}
	return now.Before(p.Expires.Add(clockSkew))
}

// pins reads the pins of a listing but one's own. gone are those that were not
// found: released meanwhile, or not yet where they were looked for.
func (r *Repository) pins(ctx context.Context, blobs []storage.Blob, own string) (found []foundPin, gone []string, err error) {
	for _, b := range blobs {
		if !strings.HasPrefix(b.Name, pinsFolder) || b.Name == own {
			continue
		}
		p := foundPin{blob: b}
		data, err := r.storage.Get(ctx, b.Name)
		if err == nil {
			err = unseal(data, pinFormat, &p.pin)
		}
		switch {
		case errors.Is(err, ErrNotFound):
			gone = append(gone, b.Name)
			continue
		case errors.Is(err, ErrCorrupt), errors.Is(err, ErrNewer):
			p.err = fmt.Errorf("read the pin %s: %w", b.Name, err)
			r.log.Warn("a pin cannot be read; it counts as held until it is an hour old", "pin", b.Name, "error", err)
		case err != nil:
			return nil, nil, fmt.Errorf("read the pin %s: %w", b.Name, err)
		}
		found = append(found, p)
	}
	return found, gone, nil
}

// inherit removes the pins of earlier processes of this owner.
func (r *Repository) inherit(ctx context.Context) error {
	if r.cfg.Owner == "" {
		return nil
	}
	blobs, err := r.storage.List(ctx, pinsFolder)
	if err != nil {
		return err
	}
	pins, _, err := r.pins(ctx, blobs, "")
	if err != nil {
		return err
	}
	var dead []string
	for _, p := range pins {
		if p.err == nil && p.Owner == r.cfg.Owner {
			dead = append(dead, p.blob.Name)
		}
	}
	return r.storage.Delete(ctx, dead...)
}

// inventory is what the storage holds, as one listing shows it.
type inventory struct {
	pieces    map[SHA256]uint64 // sizes
	manifests []storage.Blob
	pins      []foundPin // of others
}

// has reports whether a piece is there, by its size. That its bytes are right
// only reading shows.
func (v *inventory) has(piece SHA256, size uint64) bool {
	n, ok := v.pieces[piece]
	return ok && n == size
}

// settle waits until no prune deletes what the owner of the lease relies on,
// and returns what is there then. It waits only for the prunes that the first
// listing shows. One that began later sees the lease: each puts its pin
// before it lists, so at least one of the two sees the other.
func (r *Repository) settle(ctx context.Context, l *lease) (*inventory, error) {
	giveUp := r.now().Add(patience)
	var earlier []string // prunes; nil: nothing listed yet
	for wait := 20 * time.Millisecond; ; wait = min(2*wait, 2*time.Second) {
		pins, sure, err := r.others(ctx, l)
		if err != nil {
			return nil, err
		}
		inTheWay := "the storage does not show the pins as they are now"
		if sure {
			going := prunes(pins, r.now())
			if earlier == nil {
				earlier = going
			}
			earlier = slices.DeleteFunc(earlier, func(name string) bool { return !slices.Contains(going, name) })
			if len(earlier) > 0 && l.kind != pinPrune {
				inTheWay = "a prune is going on: " + earlier[0]
			} else if inv, err := r.inventory(ctx, l, pins); inv != nil || err != nil {
				return inv, err
			}
		}
		if r.now().After(giveUp) {
			return nil, fmt.Errorf("%w: waited %v, %s", ErrBusy, patience, inTheWay)
		}
		select {
		case <-ctx.Done():
			return nil, fmt.Errorf("wait for others (%s): %w", inTheWay, ctx.Err())
		case <-time.After(wait):
		}
	}
}

// others returns the pins of others, and whether they are all that were there
// when the lease began and are there still.
func (r *Repository) others(ctx context.Context, l *lease) ([]foundPin, bool, error) {
	blobs, err := r.storage.List(ctx, pinsFolder)
	if err != nil {
		return nil, false, fmt.Errorf("list %v: %w", r.storage, err)
	}
	if !l.in(blobs) {
		return nil, false, nil
	}
	pins, gone, err := r.pins(ctx, blobs, l.name)
	if err != nil || gone == nil {
		return pins, true, err
	}
	if blobs, err = r.storage.List(ctx, pinsFolder); err != nil {
		return nil, false, fmt.Errorf("list %v: %w", r.storage, err)
	}
	still := slices.ContainsFunc(blobs, func(b storage.Blob) bool { return slices.Contains(gone, b.Name) })
	return pins, !still, nil
}

// prunes returns the names of the pins of prunes that go on.
func prunes(pins []foundPin, now time.Time) []string {
	names := []string{}
	for _, p := range pins {
		if p.is(pinPrune) && p.live(now) {
			names = append(names, p.blob.Name)
		}
	}
	return names
}

// inventory lists the storage after its pins have been looked at: who has
// released a pin by then has done all its work. It returns nil if the listing
// is older than the lease.
func (r *Repository) inventory(ctx context.Context, l *lease, pins []foundPin) (*inventory, error) {
	blobs, err := r.storage.List(ctx, "")
	if err != nil {
		return nil, fmt.Errorf("list %v: %w", r.storage, err)
	}
	if !l.in(blobs) {
		return nil, nil
	}
	inv := &inventory{pieces: make(map[SHA256]uint64), pins: pins}
	for _, b := range blobs {
		var piece SHA256
		if text, ok := strings.CutPrefix(b.Name, piecesFolder); ok && piece.UnmarshalText([]byte(text)) == nil {
			inv.pieces[piece] = b.Size
		}
		if strings.HasPrefix(b.Name, manifestsFolder) {
			inv.manifests = append(inv.manifests, b)
		}
	}
	return inv, nil
}
