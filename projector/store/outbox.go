package store

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"

	"github.com/cockroachdb/pebble/v2"

	"reddot/events"
	"reddot/projector/fold"
	"reddot/projector/store/internal/corrupt"
	"reddot/projector/store/row"
)

// The outbox holds what an emitter that starts again could learn neither from
// the rows nor from the commands: refusals, and what the fold has noted. An entry is kept until its events are stored. It
// is not part of the digest.

// keyEmitted is the key of the emitted seq.
var keyEmitted = []byte{row.Meta, 'e'}

// Out is one command's entry in the outbox.
type Out struct {
	Seq      events.Seq
	At       events.Time
	Rejected *events.Rejected // the command was refused
	Noted    []fold.Key       // see fold.Effects
	Threads  []fold.ThreadKey // see fold.Effects.NotedThreads
	Swept    []fold.Departure // see fold.Effects
}

// Effects are what of a command's is in the outbox, but for its refusal.
func (o *Out) Effects() *fold.Effects {
	fx := &fold.Effects{Threads: o.Threads, Swept: o.Swept}
	for _, k := range o.Noted {
		if k.User == "" {
			fx.Groups = append(fx.Groups, k.ID)
		} else {
			fx.Changed = append(fx.Changed, k)
		}
	}
	fx.Noted = fx.Changed
	return fx
}

// note puts what a command did into the outbox, with the next commit.
func (s *Store) note(e *Entry, fx *fold.Effects) {
	if fx.Refused != "" {
		r := &events.Rejected{Seq: e.Seq, Subject: e.Subject, Reason: fx.Refused, At: e.Time}
		s.outbox = append(s.outbox, Out{Seq: e.Seq, At: e.Time, Rejected: r})
	} else if len(fx.Noted)+len(fx.NotedThreads)+len(fx.Swept) > 0 {
		s.outbox = append(s.outbox, Out{Seq: e.Seq, At: e.At(), Noted: slices.Clone(fx.Noted), Threads: slices.Clone(fx.NotedThreads), Swept: slices.Clone(fx.Swept)})
	}
}

func (s *Store) commitOutbox(b *pebble.Batch) error {
	for _, o := range s.outbox {
		if err := b.Set(row.AppendOutbox(nil, o.Seq), o.encode(), nil); err != nil {
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
		if err := b.Delete(row.AppendOutbox(nil, s.kept[0]), nil); err != nil {
			return err
		}
		s.kept = s.kept[1:]
	}
	return b.Set(keyEmitted, row.EncodeNumber(nil, &emitted), nil)
}

// findKept lists what an earlier run left in the outbox.
func (s *Store) findKept() (err error) {
	defer catch(&err)
	scan(s.db, []byte{row.Outbox}, func(rest, _ []byte) {
		seq, ok := row.ReadUint(rest)
		if !ok {
			check(rowError(append([]byte{row.Outbox}, rest...), row.ErrCorruptRow))
		}
		s.kept = append(s.kept, events.Seq(seq))
	})
	return nil
}

// SetEmitted says that all events of the commands up to seq are stored. The
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
		return 0, fmt.Errorf("read emitted position: %w", corrupt.Wrap(err))
	}
	n, err := row.DecodeNumber[events.Seq]("", string(value))
	return *n, errors.Join(err, closer.Close())
}

// Outbox calls fn with the entries after a seq, in order.
func (s *Snapshot) Outbox(after events.Seq, fn func(Out) error) (err error) {
	defer func() { err = corrupt.Wrap(err) }()
	it, err := s.snap.NewIter(&pebble.IterOptions{LowerBound: row.AppendOutbox(nil, after+1), UpperBound: []byte{row.Outbox + 1}})
	if err != nil {
		return fmt.Errorf("read outbox: %w", err)
	}
	for ok := it.First(); ok && err == nil; ok = it.Next() {
		seq, numbered := row.ReadUint(it.Key()[1:])
		o, unread := decodeOut(events.Seq(seq), it.Value())
		switch {
		case !numbered:
			err = rowError(it.Key(), row.ErrCorruptRow)
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
	b := binary.AppendUvarint([]byte{row.Format, kind}, uint64(o.At))
	if r := o.Rejected; r != nil {
		return row.AppendString(row.AppendString(b, r.Subject), r.Reason)
	}
	b = binary.AppendUvarint(b, uint64(len(o.Noted)))
	for _, k := range o.Noted {
		b = row.AppendKey(b, k)
	}
	b = binary.AppendUvarint(b, uint64(len(o.Threads)))
	for _, t := range o.Threads {
		b = row.AppendString(row.AppendString(b, t.Group), t.Thread)
	}
	for _, t := range o.Swept {
		b = binary.AppendUvarint(row.AppendKey(b, t.Key), uint64(t.Seq))
		b = binary.AppendUvarint(b, uint64(t.At))
	}
	return b
}

func decodeOut(seq events.Seq, value []byte) (Out, error) {
	d := row.NewDecoder(string(value))
	kind := d.Byte()
	o := Out{Seq: seq, At: d.Time()}
	if kind == 'r' {
		o.Rejected = &events.Rejected{Seq: seq, Subject: d.String(), Reason: d.String(), At: o.At}
		return o, d.End()
	}
	for range d.Count() {
		o.Noted = append(o.Noted, d.Key())
	}
	for range d.Count() {
		o.Threads = append(o.Threads, fold.ThreadKey{Group: d.String(), Thread: d.String()})
	}
	for d.More() {
		o.Swept = append(o.Swept, fold.Departure{Key: d.Key(), Seq: d.Seq(), At: d.Time()})
	}
	return o, d.End()
}
