package store

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/cespare/xxhash/v2"
	"github.com/cockroachdb/pebble/v2"

	"reddot/events"
	"reddot/projector/fold"
	"reddot/projector/store/row"
)

// The store's own rows, which are no part of the digest; see also keyEmitted.
var (
	keyIdentity = []byte{row.Meta, 'i'}
	keyPosition = []byte{row.Meta, 'p'}
)

// Position is what the rows stand for: every command up to Applied. All of it
// follows from the log alone.
type Position struct {
	Applied  events.Seq
	Last     uint64 // Entry.Sum of the command at Applied: shows that a log was rewritten
	Log      uint64 // of the Entry.Sum of every command: shows that a part of a log was altered
	Policies fold.Policies
	Clock    events.Time // see fold.Rows
	Refused  ByRefusal
	Ignored  uint64
	Accepted []uint64 // by verb

	// Skipped are the commands that nobody could read and the operator has named,
	// in order: what they did is not in the rows.
	Skipped []events.Seq

	rows uint64 // the sum of the rows' hashes
}

// ByRefusal counts commands by what they are refused for.
type ByRefusal []uint64

// Digest is the digest of the whole state: the rows, the policies and the
// counters. It is never 0, which is that of no state.
func (p Position) Digest() events.Digest {
	rows := p.rows
	p.rows, p.Applied, p.Last, p.Log = 0, 0, 0, 0
	return events.Digest(max(rows+xxhash.Sum64(p.encode()), 1))
}

// Rows is the sum of the rows' hashes, modulo 2^64: see package store.
func (p Position) Rows() uint64 { return p.rows }

// Sum is the sum of a command as it stands in the stream: of its subject, the
// stream's time and its payload. It is never 0, which says that no sum is known.
func Sum(subject string, at events.Time, payload []byte) uint64 {
	var h xxhash.Digest
	h.Reset()
	var n [16]byte
	binary.BigEndian.PutUint64(n[:8], uint64(len(subject)))
	binary.BigEndian.PutUint64(n[8:], uint64(at))
	_, _ = h.Write(n[:])
	_, _ = h.WriteString(subject)
	_, _ = h.Write(payload)
	return max(h.Sum64(), 1)
}

// follow moves the position to a command.
func (p *Position) follow(e *Entry) {
	var b [16]byte
	binary.BigEndian.PutUint64(b[:8], p.Log)
	binary.BigEndian.PutUint64(b[8:], e.Sum)
	p.Applied, p.Last, p.Log = e.Seq, e.Sum, xxhash.Sum64(b[:])
}

// count enters one command into the counters.
func (p *Position) count(v events.Verb, fx *fold.Effects) {
	if fx.Refused != "" {
		increment((*[]uint64)(&p.Refused), fold.RefusalOf(fx.Refused))
		return
	}
	increment(&p.Accepted, v)
	if fx.Ignored {
		p.Ignored++
	}
}

// increment counts one thing of a kind.
func increment[K ~uint8](counts *[]uint64, kind K) {
	for len(*counts) <= int(kind) {
		*counts = append(*counts, 0)
	}
	(*counts)[kind]++
}

// clone returns the position with counters of its own.
func (p Position) clone() Position {
	p.Refused, p.Accepted, p.Skipped = slices.Clone(p.Refused), slices.Clone(p.Accepted), slices.Clone(p.Skipped)
	return p
}

func (p Position) encode() []byte {
	b := []byte{row.Format}
	for _, n := range []uint64{uint64(p.Applied), p.rows, p.Last, p.Log, uint64(p.Policies.Own), uint64(p.Policies.Threads), uint64(p.Policies.Receipts), uint64(p.Clock), p.Ignored} {
		b = binary.AppendUvarint(b, n)
	}
	for _, counts := range [][]uint64{p.Accepted, p.Refused} {
		b = binary.AppendUvarint(b, uint64(len(counts)))
		for _, n := range counts {
			b = binary.AppendUvarint(b, n)
		}
	}
	b = binary.AppendUvarint(b, uint64(len(p.Skipped)))
	for _, seq := range p.Skipped {
		b = binary.AppendUvarint(b, uint64(seq))
	}
	return b
}

func decodePosition(b []byte) (Position, error) {
	d := row.NewDecoder(string(b))
	p := Position{
		Applied: d.Seq(), rows: d.Uint(), Last: d.Uint(), Log: d.Uint(),
		Policies: fold.Policies{
			Own: events.OwnPolicy(d.Uint()), Threads: events.ThreadPolicy(d.Uint()), Receipts: events.ReceiptPolicy(d.Uint()),
		},
		Clock: d.Time(), Ignored: d.Uint(),
	}
	for _, counts := range []*[]uint64{&p.Accepted, (*[]uint64)(&p.Refused)} {
		for range d.Count() {
			*counts = append(*counts, d.Uint())
		}
	}
	for range d.Count() {
		p.Skipped = append(p.Skipped, d.Seq())
	}
	if err := d.End(); err != nil {
		return Position{}, fmt.Errorf("decode position: %w", err)
	}
	return p, nil
}

func findPosition(r pebble.Reader) (Position, error) {
	value, closer, err := r.Get(keyPosition)
	if errors.Is(err, pebble.ErrNotFound) {
		return Position{Policies: fold.DefaultPolicies()}, nil
	}
	if err != nil {
		return Position{}, fmt.Errorf("read position: %w", err)
	}
	p, err := decodePosition(value)
	return p, errors.Join(err, closer.Close())
}

func encodeIdentity(id events.StreamID) []byte {
	return binary.AppendVarint(row.AppendString([]byte{row.Format}, id.Name), id.Created.UnixNano())
}

func findIdentity(r pebble.Reader) (id events.StreamID, found bool, err error) {
	value, closer, err := r.Get(keyIdentity)
	if errors.Is(err, pebble.ErrNotFound) {
		return id, false, nil
	}
	if err != nil {
		return id, false, fmt.Errorf("read the store's stream: %w", err)
	}
	id, err = decodeIdentity(value)
	return id, true, errors.Join(err, closer.Close())
}

func decodeIdentity(value []byte) (events.StreamID, error) {
	d := row.NewDecoder(string(value))
	id := events.StreamID{Name: d.String()}
	id.Created = time.Unix(0, d.Int())
	if err := d.End(); err != nil {
		return events.StreamID{}, fmt.Errorf("decode the store's stream: %w", err)
	}
	return id, nil
}
