package stream

import (
	"strconv"
	"strings"

	"reddot/events"
)

// epochLen is the length of an epoch: hexadecimal digits.
const epochLen = 12

// maxVersion is the largest version in a cursor, which fits JSON's numbers.
const maxVersion = 1<<53 - 1

// cursor is what a user was told: all changes, and all receipts, of the commands up to a
// seq of a log. Changes and receipts come on subjects of their own, and either may overtake
// the other, so each has its own place. The zero value has told nothing.
type cursor struct {
	epoch    string // of the log; empty: nothing is told
	changes  events.Seq
	receipts events.Seq
}

// String is the cursor as clients keep it; empty if nothing is told.
func (c cursor) String() string {
	if c.epoch == "" {
		return ""
	}
	b := make([]byte, 0, 64)
	b = append(b, c.epoch...)
	b = append(b, '.')
	b = strconv.AppendUint(b, uint64(c.changes), 10)
	b = append(b, '.')
	b = strconv.AppendUint(b, uint64(c.receipts), 10)
	return string(b)
}

// parseCursor reads what String wrote, and nothing else.
func parseCursor(s string) (c cursor, ok bool) {
	epoch, rest, _ := strings.Cut(s, ".")
	changes, receipts, _ := strings.Cut(rest, ".")
	if len(epoch) != epochLen || strings.Trim(epoch, "0123456789abcdef") != "" {
		return cursor{}, false
	}
	n, errN := strconv.ParseUint(changes, 10, 64)
	m, errM := strconv.ParseUint(receipts, 10, 64)
	c = cursor{epoch, events.Seq(n), events.Seq(m)}
	if errN != nil || errM != nil || n > maxVersion || m > maxVersion || c.String() != s {
		return cursor{}, false
	}
	return c, true
}
