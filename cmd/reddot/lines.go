package main

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
)

// maxLine is the longest line that publish accepts, in bytes: four times the
// largest payload, which leaves room for a subject and for JSON's escapes.
const maxLine = 1 << 20

// readSize is the bytes read at once.
const readSize = 64 << 10

// source is where publish reads from.
type source struct {
	name string // for errors
	in   io.Reader
	file *io.SectionReader // the same once more; nil if it can be read once only
}

// openSource opens a file, or standard input for "-". The caller calls close.
func openSource(name string, stdin io.Reader) (s *source, close func() error, err error) {
	if name == "-" {
		s = &source{name: "standard input", in: stdin}
		if f, ok := stdin.(*os.File); ok {
			s.file = again(f)
		}
		return s, func() error { return nil }, nil
	}
	f, err := os.Open(name)
	if err != nil {
		return nil, nil, fmt.Errorf("open the commands: %w", err)
	}
	return &source{name: name, in: f, file: again(f)}, f.Close, nil
}

// again reads a regular file from where it stands to its end without moving it;
// nil for anything else.
func again(f *os.File) *io.SectionReader {
	info, err := f.Stat()
	if err != nil || !info.Mode().IsRegular() {
		return nil
	}
	at, err := f.Seek(0, io.SeekCurrent)
	if err != nil {
		return nil
	}
	return io.NewSectionReader(f, at, max(info.Size()-at, 0))
}

// Read reads the bytes as stored.
func (s *source) Read(p []byte) (int, error) { return s.in.Read(p) }

// count counts the lines from a number on, if they can be read twice; -1 if not.
// It takes much less time than publishing them.
func (s *source) count(ctx context.Context, from int) int64 {
	if s.file == nil {
		return -1
	}
	lines, err := newLineReader(s.file)
	if err != nil {
		return -1
	}
	for n := int64(0); ctx.Err() == nil; {
		_, err := lines.next()
		if errors.Is(err, io.EOF) {
			return n
		}
		if err != nil {
			return -1 // publishing says why
		}
		if lines.n >= from {
			n++
		}
	}
	return -1
}

// chunk is what one read returned.
type chunk struct {
	bytes []byte
	err   error
}

// interruptibleReader reads ahead by one chunk in a goroutine, so that a read
// from an idle pipe does not hold the program when ctx ends.
type interruptibleReader struct {
	ctx    context.Context
	chunks chan chunk
	rest   chunk
}

// interruptible returns a reader that ends with an error when ctx ends. Until
// then a goroutine reads from in.
func interruptible(ctx context.Context, in io.Reader) io.Reader {
	r := &interruptibleReader{ctx: ctx, chunks: make(chan chunk)}
	go func() {
		for {
			buf := make([]byte, readSize)
			n, err := in.Read(buf)
			select {
			case r.chunks <- chunk{buf[:n], err}:
				if err != nil {
					return
				}
			case <-ctx.Done():
				return
			}
		}
	}()
	return r
}

func (r *interruptibleReader) Read(p []byte) (int, error) {
	for len(r.rest.bytes) == 0 {
		if r.rest.err != nil {
			return 0, r.rest.err
		}
		select {
		case r.rest = <-r.chunks:
		case <-r.ctx.Done():
			return 0, r.ctx.Err()
		}
	}
	n := copy(p, r.rest.bytes)
	r.rest.bytes = r.rest.bytes[n:]
	return n, nil
}

// lineReader reads lines, from gzip if the bytes begin like it.
type lineReader struct {
	r *bufio.Reader
	n int // number of the last line returned, from 1; blank ones count
}

// newLineReader looks at the first bytes.
func newLineReader(r io.Reader) (*lineReader, error) {
	stored := bufio.NewReaderSize(r, readSize)
	plain := io.Reader(stored)
	if magic, _ := stored.Peek(2); bytes.Equal(magic, []byte{0x1f, 0x8b}) {
		z, err := gzip.NewReader(stored)
		if err != nil {
			return nil, fmt.Errorf("read gzip: %w", err)
		}
		plain = z
	}
	return &lineReader{r: bufio.NewReaderSize(plain, maxLine)}, nil
}

// next returns the next line that isn't blank, without blanks around it. The
// bytes are valid until the next call. After the last line it returns io.EOF.
func (l *lineReader) next() ([]byte, error) {
	for {
		line, err := l.r.ReadSlice('\n')
		if err != nil && len(line) == 0 && errors.Is(err, io.EOF) {
			return nil, io.EOF
		}
		l.n++
		switch {
		case errors.Is(err, bufio.ErrBufferFull):
			return nil, fmt.Errorf("is longer than %d bytes", maxLine)
		case err != nil && !errors.Is(err, io.EOF): // a line at the very end needs no line break
			return nil, fmt.Errorf("is cut off: %w", err)
		}
		if line = bytes.TrimSpace(line); len(line) > 0 {
			return line, nil
		}
	}
}
