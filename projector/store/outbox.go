package store

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"

	"github.com/cockroachdb/pebble/v2"

	"reddot/events"
	"reddot/projector/fold"
)

// The outbox holds what an emitter that starts anew could learn neither from
// the rows nor from the commands: refusals, and what the fold has noted. An entry is kept until its events are stored. It
// is not part of the digest.

// Out is one command's entry in the outbox.
type Out struct {
	Seq      events.Seq
	At       events.Time
	Rejected *events.Rejected // the command was refused
	Noted    []fold.Key       // see fold.Effects
	Swept    []fold.Departure // see fold.Effects
}

func outboxKey(seq events.Seq) []byte { return appendUint([]byte{famOutbox}, uint64(seq)) }

// note puts what a command did into the outbox, with the next commit.
func (s *Store) note(e *Entry, fx *fold.Effects) {
	if fx.Refused != "" {
		r := &events.Rejected{Seq: e.Seq, Subject: e.Subject, Reason: fx.Refused, At: e.Time}
		s.outbox = append(s.outbox, Out{Seq: e.Seq, At: e.Time, Rejected: r})
	} else if len(fx.Noted)+len(fx.Swept) > 0 {
		s.outbox = append(s.outbox, Out{Seq: e.Seq, At: e.At(), Noted: slices.Clone(fx.Noted), Swept: slices.Clone(fx.Swept)})
	}
}

func (s *Store) commitOutbox(b *pebble.Batch) error {
	for _, o := range s.outbox {
		if err := b.Set(outboxKey(o.Seq), o.encode(), nil); err != nil {
			return err
		}
		s.kept = append(s.kept, o.Seq)
	}
	s.outbox = s.outbox[:0]
	emitted := events.Seq(s.emitted.Load())
	if emitted == s.trimmed {
		return nil
	}
	s.trimmed = emitted
	// One by one: each range deletion would slow down all reads until the next
	// flush.
	for len(s.kept) > 0 && s.kept[0] <= emitted {
		if err := b.Delete(outboxKey(s.kept[0]), nil); err != nil {
			return err
		}
		s.kept = s.kept[1:]
	}
	return b.Set(keyEmitted, encodeNumber(nil, &emitted), nil)
}

// findKept lists what an earlier run left in the outbox.
func (s *Store) findKept() (err error) {
	defer catch(&err)
	scan(s.db, []byte{famOutbox}, func(rest, _ []byte) {
		seq, ok := readUint(rest)
		if !ok {
			check(rowError(append([]byte{famOutbox}, rest...), errCorrupt))
		}
		s.kept = append(s.kept, events.Seq(seq))
	})
	return nil
}

// SetEmitted tells that all events of the commands up to seq are stored. The
// next commit writes it down. Safe for concurrent use.
func (s *Store) SetEmitted(seq events.Seq) { s.emitted.Store(uint64(seq)) }

// Emitted is what SetEmitted said last, as far as it was committed, or
// ErrClosed.
func (s *Store) Emitted() (events.Seq, error) {
	if err := s.hold(); err != nil {
		return 0, err
	}
	defer s.release()
	value, closer, err := s.db.Get(keyEmitted)
	if errors.Is(err, pebble.ErrNotFound) {
		return 0, nil
	}
	if err != nil {
		return 0, fmt.Errorf("read emitted position: %w", damaged(err))
	}
	n, err := decodeNumber[events.Seq]("", string(value))
	return *n, errors.Join(err, closer.Close())
}

// Outbox calls fn with the entries after a seq, in order.
func (s *Snapshot) Outbox(after events.Seq, fn func(Out) error) (err error) {
	defer func() { err = damaged(err) }()
	it, err := s.snap.NewIter(&pebble.IterOptions{LowerBound: outboxKey(after + 1), UpperBound: []byte{famOutbox + 1}})
	if err != nil {
		return fmt.Errorf("read outbox: %w", err)
	}
	for ok := it.First(); ok && err == nil; ok = it.Next() {
		seq, numbered := readUint(it.Key()[1:])
		o, unread := decodeOut(events.Seq(seq), it.Value())
		switch {
		case !numbered:
			err = rowError(it.Key(), errCorrupt)
		case unread != nil:
			err = rowError(it.Key(), unread)
		default:
			err = fn(o)
		}
	}
	return errors.Join(err, it.Error(), it.Close())
}

func (o Out) encode() []byte {
	kind := byte('u')
	if o.Rejected != nil {
		kind = 'r'
	}
	b := binary.AppendUvarint([]byte{Format, kind}, uint64(o.At))
	if r := o.Rejected; r != nil {
		return appendString(appendString(b, r.Subject), r.Reason)
	}
	b = binary.AppendUvarint(b, uint64(len(o.Noted)))
	for _, k := range o.Noted {
		b = appendKey(b, k)
	}
	for _, t := range o.Swept {
		b = binary.AppendUvarint(appendKey(b, t.Key), uint64(t.Seq))
		b = binary.AppendUvarint(b, uint64(t.At))
	}
	return b
}

func decodeOut(seq events.Seq, value []byte) (Out, error) {
	d := decoder{b: string(value)}
	d.version()
	kind := d.byte()
	o := Out{Seq: seq, At: d.time()}
	if kind == 'r' {
		o.Rejected = &events.Rejected{Seq: seq, Subject: d.string(), Reason: d.string(), At: o.At}
		return o, d.end()
	}
	for n := d.uint(); n > 0 && d.err == nil; n-- {
		o.Noted = append(o.Noted, d.key())
	}
	for d.err == nil && len(d.b) > 0 {
		o.Swept = append(o.Swept, fold.Departure{Key: d.key(), Seq: d.seq(), At: d.time()})
	}
	return o, d.end()
}

func appendKey(b []byte, k fold.Key) []byte {
	return appendString(appendString(append(b, kindByte(k.Kind)), k.User), k.ID)
}

func (d *decoder) key() (k fold.Key) {
	kind, ok := kindOf(d.byte())
	if !ok {
		d.fail(errCorrupt)
	}
	k.User, k.Kind, k.ID = d.string(), kind, d.string()
	return k
}
