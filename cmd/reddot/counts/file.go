package counts

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"strconv"
)

// peeked is how many bytes at the beginning of a file are looked at.
const peeked = 4096

// byteOrderMark stands at the beginning of what spreadsheets save.
const byteOrderMark = "\ufeff"

// File is rows in a text.
type File struct {
	// Head is how many lines stand before the first row.
	Head int

	next func() (Row, error)
}

// Next returns the next row, and io.EOF behind the last one. Any other error than a
// [RowError] ends the reading.
func (f *File) Next() (Row, error) { return f.next() }

// Open looks at the beginning of a text: JSON lines begin with an object, anything else
// is CSV, whose first line is read.
func Open(text io.Reader) (*File, error) {
	r := bufio.NewReaderSize(text, peeked)
	if mark, _ := r.Peek(len(byteOrderMark)); string(mark) == byteOrderMark {
		_, _ = r.Discard(len(byteOrderMark)) // they are there
	}
	begin, err := r.Peek(peeked)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	if bytes.HasPrefix(bytes.TrimLeft(begin, " \t\r\n"), []byte("{")) {
		return &File{next: newObjects(r).next}, nil
	}
	t, err := newTable(r)
	if err != nil {
		return nil, err
	}
	return &File{Head: t.head, next: t.next}, nil
}

// atLine is the error of a row at a line.
func atLine(line int, err error) error {
	return &RowError{Place: "line " + strconv.Itoa(line), Err: err}
}
