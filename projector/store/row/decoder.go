package row

import (
	"encoding/binary"

	"reddot/events"
	"reddot/projector/fold"
)

// Decoder reads one row; the first error sticks. The strings that it returns
// are parts of the row, which costs no memory of its own.
type Decoder struct {
	rest string
	err  error
}

// fail ends the reading: what is read from here on is zero.
func (d *Decoder) fail(err error) {
	if d.err == nil {
		d.err = err
	}
	d.rest = ""
}

// Byte reads a byte.
func (d *Decoder) Byte() byte {
	if len(d.rest) == 0 {
		d.fail(ErrCorruptRow)
		return 0
	}
	c := d.rest[0]
	d.rest = d.rest[1:]
	return c
}

// Uint reads a number.
func (d *Decoder) Uint() uint64 {
	n := uint64(0)
	for i := 0; i < len(d.rest) && i < binary.MaxVarintLen64; i++ {
		c := d.rest[i]
		if c < 0x80 {
			if i == binary.MaxVarintLen64-1 && c > 1 {
				break
			}
			d.rest = d.rest[i+1:]
			return n | uint64(c)<<(7*i)
		}
		n |= uint64(c&0x7f) << (7 * i)
	}
	d.fail(ErrCorruptRow)
	return 0
}

// Int reads a signed number.
func (d *Decoder) Int() int64 {
	n, w := binary.Varint([]byte(d.rest[:min(len(d.rest), binary.MaxVarintLen64)]))
	if w <= 0 {
		d.fail(ErrCorruptRow)
		return 0
	}
	d.rest = d.rest[w:]
	return n
}

// Count reads how many parts follow, each of a byte at least.
func (d *Decoder) Count() int {
	n := d.Uint()
	if n > uint64(len(d.rest)) {
		d.fail(ErrCorruptRow)
		return 0
	}
	return int(n)
}

// More reports whether there is more to read.
func (d *Decoder) More() bool { return d.err == nil && len(d.rest) > 0 }

// bytes reads the next n bytes.
func (d *Decoder) bytes(n uint64) string {
	if n > uint64(len(d.rest)) {
		d.fail(ErrCorruptRow)
		return ""
	}
	s := d.rest[:n]
	d.rest = d.rest[n:]
	return s
}

// String reads what AppendString wrote.
func (d *Decoder) String() string { return d.bytes(d.Uint()) }

// NewDecoder begins to read a row, whose format it checks.
func NewDecoder(row string) Decoder {
	d := Decoder{rest: row}
	d.version()
	return d
}

// version reads and checks a row's format.
func (d *Decoder) version() {
	if v := d.Byte(); d.err == nil && v != Format {
		d.fail(FormatError(v))
	}
}

// End returns the first error; what is left to read is one.
func (d *Decoder) End() error {
	if d.err == nil && len(d.rest) > 0 {
		return ErrCorruptRow
	}
	return d.err
}

func (d *Decoder) cursor() fold.Cursor {
	return fold.Cursor{Pos: fold.Pos(d.Uint()), Ord: fold.Ord(d.Uint())}
}

// Time reads a time.
func (d *Decoder) Time() events.Time { return events.Time(d.Uint()) }

// Seq reads a seq.
func (d *Decoder) Seq() events.Seq { return events.Seq(d.Uint()) }

// AppendString writes a string behind its length.
func AppendString(b []byte, s string) []byte {
	return append(binary.AppendUvarint(b, uint64(len(s))), s...)
}

// appendStrings writes strings behind their number.
func appendStrings(b []byte, all []string) []byte {
	b = binary.AppendUvarint(b, uint64(len(all)))
	for _, s := range all {
		b = AppendString(b, s)
	}
	return b
}

// strings reads what appendStrings wrote; nil if there are none.
func (d *Decoder) strings() (all []string) {
	if n := d.Count(); n > 0 {
		all = make([]string, n)
	}
	for i := range all {
		all[i] = d.String()
	}
	return all
}

func appendCursor(b []byte, c fold.Cursor) []byte {
	return binary.AppendUvarint(binary.AppendUvarint(b, uint64(c.Pos)), uint64(c.Ord))
}

// AppendKey writes a conversation's key within a row.
func AppendKey(b []byte, k fold.Key) []byte {
	return AppendString(AppendString(append(b, kindByte(k.Kind)), k.User), k.ID)
}

// Key reads what AppendKey wrote.
func (d *Decoder) Key() (k fold.Key) {
	kind, ok := kindOf(d.Byte())
	if !ok {
		d.fail(ErrCorruptRow)
	}
	k.User, k.Kind, k.ID = d.String(), kind, d.String()
	return k
}
