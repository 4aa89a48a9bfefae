package store

import (
	"encoding/binary"

	"reddot/events"
	"reddot/projector/fold"
)

// decoder reads one row; the first error sticks. The strings that it returns
// are parts of the row, which costs no memory of its own.
type decoder struct {
	b   string
	err error
}

func (d *decoder) fail(err error) {
	if d.err == nil {
		d.err = err
	}
	d.b = ""
}

func (d *decoder) byte() byte {
	if len(d.b) == 0 {
		d.fail(errCorrupt)
		return 0
	}
	c := d.b[0]
	d.b = d.b[1:]
	return c
}

func (d *decoder) uint() uint64 {
	n := uint64(0)
	for i := 0; i < len(d.b) && i < binary.MaxVarintLen64; i++ {
		c := d.b[i]
		if c < 0x80 {
			if i == binary.MaxVarintLen64-1 && c > 1 {
				break
			}
			d.b = d.b[i+1:]
			return n | uint64(c)<<(7*i)
		}
		n |= uint64(c&0x7f) << (7 * i)
	}
	d.fail(errCorrupt)
	return 0
}

// bytes reads the next n bytes.
func (d *decoder) bytes(n uint64) string {
	if n > uint64(len(d.b)) {
		d.fail(errCorrupt)
		return ""
	}
	s := d.b[:n]
	d.b = d.b[n:]
	return s
}

func (d *decoder) string() string { return d.bytes(d.uint()) }

// version reads and checks a row's format.
func (d *decoder) version() {
	if v := d.byte(); d.err == nil && v != Format {
		d.fail(formatError(v))
	}
}

func (d *decoder) end() error {
	if d.err == nil && len(d.b) > 0 {
		return errCorrupt
	}
	return d.err
}

func (d *decoder) cursor() fold.Cursor {
	return fold.Cursor{Pos: fold.Pos(d.uint()), Ord: fold.Ord(d.uint())}
}

func (d *decoder) time() events.Time { return events.Time(d.uint()) }

func (d *decoder) seq() events.Seq { return events.Seq(d.uint()) }

func appendString(b []byte, s string) []byte {
	return append(binary.AppendUvarint(b, uint64(len(s))), s...)
}

func appendCursor(b []byte, c fold.Cursor) []byte {
	return binary.AppendUvarint(binary.AppendUvarint(b, uint64(c.Pos)), uint64(c.Ord))
}
