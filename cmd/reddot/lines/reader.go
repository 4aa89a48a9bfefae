package lines

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
)

// MaxLine is the longest line that is accepted, in bytes: four times the largest
// payload, which leaves room for a subject and for JSON's escapes.
const MaxLine = 1 << 20

// Reader reads lines.
type Reader struct {
	r *bufio.Reader
	n int // see Number
}

// Number is that of the last line returned, from 1; blank ones count.
func (l *Reader) Number() int { return l.n }

// Split returns a reader of a text's lines.
func Split(text io.Reader) *Reader { return &Reader{r: bufio.NewReaderSize(text, MaxLine)} }

// plain looks at the first bytes, and returns what is in them.
func plain(r io.Reader) (io.Reader, error) {
	stored := bufio.NewReaderSize(r, readSize)
	if magic, _ := stored.Peek(2); !bytes.Equal(magic, []byte{0x1f, 0x8b}) {
		return stored, nil
	}
	z, err := gzip.NewReader(stored)
	if err != nil {
		return nil, fmt.Errorf("read gzip: %w", err)
	}
	return z, nil
}

// Next returns the next line that isn't blank, without blanks around it. The
// bytes are valid until the next call. After the last line it returns io.EOF.
func (l *Reader) Next() ([]byte, error) {
	for {
		line, err := l.r.ReadSlice('\n')
		if err != nil && len(line) == 0 && errors.Is(err, io.EOF) {
			return nil, io.EOF
		}
		l.n++
		switch {
		case errors.Is(err, bufio.ErrBufferFull):
			return nil, fmt.Errorf("is longer than %d bytes", MaxLine)
		case err != nil && !errors.Is(err, io.EOF): // a line at the very end needs no line break
			return nil, fmt.Errorf("is cut off: %w", err)
		}
		if line = bytes.TrimSpace(line); len(line) > 0 {
			return line, nil
		}
	}
}
