package lines

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
)

// readSize is the bytes read at once.
const readSize = 64 << 10

// Source is where commands are read from.
type Source struct {
	Name string // for errors

	in   io.Reader
	file *io.SectionReader // the same once more; nil if it can be read once only
}

// Open opens a file, or standard input for "-". The caller calls close.
func Open(name string, stdin io.Reader) (s *Source, close func() error, err error) {
	if name == "-" {
		s = &Source{Name: "standard input", in: stdin}
		if f, ok := stdin.(*os.File); ok {
			s.file = again(f)
		}
		return s, func() error { return nil }, nil
	}
	f, err := os.Open(name)
	if err != nil {
		return nil, nil, fmt.Errorf("open the commands: %w", err)
	}
	return &Source{Name: name, in: f, file: again(f)}, f.Close, nil
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

// Text returns a reader of the text, from gzip if the bytes begin like it. It ends
// with an error when ctx ends, even if nothing comes.
func (s *Source) Text(ctx context.Context) (io.Reader, error) {
	return plain(interruptible(ctx, s.in))
}

// Reader is Text, line by line.
func (s *Source) Reader(ctx context.Context) (*Reader, error) {
	text, err := s.Text(ctx)
	if err != nil {
		return nil, err
	}
	return Split(text), nil
}

// Count counts the lines from a number on, if they can be read twice; -1 if not.
// It takes much less time than publishing them. It may run beside a Reader.
func (s *Source) Count(ctx context.Context, from int) int64 {
	if s.file == nil {
		return -1
	}
	text, err := plain(s.file)
	if err != nil {
		return -1
	}
	lines := Split(text)
	for n := int64(0); ctx.Err() == nil; {
		_, err := lines.Next()
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
