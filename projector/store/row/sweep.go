package row

import (
	"encoding/binary"
	"slices"

	"reddot/events"
	"reddot/projector/fold"
)

// EncodeSweep writes the row of what a command has left to be swept.
func EncodeSweep(b []byte, w *fold.Sweep) []byte {
	b = binary.AppendUvarint(append(b, Format, byte(w.Kind)), uint64(w.At))
	b = binary.AppendUvarint(AppendString(b, w.ID), w.Rows)
	b = binary.AppendUvarint(appendCursor(b, w.Head), uint64(w.Era))
	b = appendStrings(b, w.Users)
	if w.Kind == fold.SweepErase {
		b = appendStrings(b, w.Blocked)
	}
	return b
}

// DecodeSweep reads what EncodeSweep wrote.
func DecodeSweep(key, value string) (*fold.Sweep, error) {
	d := NewDecoder(value)
	seq, ok := ReadUint([]byte(key[1:]))
	w := &fold.Sweep{Seq: events.Seq(seq), Kind: fold.SweepKind(d.Byte()), At: d.Time(), ID: d.String(), Rows: d.Uint(), Head: d.cursor(), Era: d.Seq()}
	if w.Users = d.strings(); w.Kind == fold.SweepErase {
		w.Blocked = d.strings()
	}
	switch w.Kind {
	case fold.SweepDismiss, fold.SweepErase:
		ok = ok && w.Users == nil
	case fold.SweepJoin, fold.SweepLeave:
		ok = ok && w.Users != nil && slices.IsSorted(w.Users)
	default:
		ok = false
	}
	if !ok {
		d.fail(ErrCorruptRow)
	}
	return w, d.End()
}

// EncodeProgress writes the row of how far the oldest sweep has come.
func EncodeProgress(b []byte, p *fold.Progress) []byte {
	return AppendString(binary.AppendUvarint(append(b, Format), p.Swept), p.Last)
}

// DecodeProgress reads what EncodeProgress wrote.
func DecodeProgress(_, value string) (*fold.Progress, error) {
	d := NewDecoder(value)
	p := &fold.Progress{Swept: d.Uint(), Last: d.String()}
	return p, d.End()
}
