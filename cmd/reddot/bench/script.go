package bench

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"reddot/events"
)

// script is the commands of a run, encoded once and kept in a file, so that
// neither drawing nor encoding them is in what is measured, nor all of them in
// memory. First come the joins, which are set-up, then the commands. A record
// is the subject's length, the payload's length (both uvarint), the subject
// and the payload.
type script struct {
	path            string
	joins, commands int
}

// scriptBuffer is the bytes of a script read or written at once.
const scriptBuffer = 1 << 20

// Commands gives commands to publish one after the other, in order. It ends
// with the first error of give, or with one of its own.
type Commands func(give func(subject string, payload []byte) error) error

// all are a workload's joins and its first n commands; the joins are counted
// in joins.
func (w Workload) all(s events.Subjects, n int, joins *int) Commands {
	return func(give func(string, []byte) error) error {
		encoded := func(c *events.Command) error {
			payload, err := events.Encode(c)
			if err != nil {
				return fmt.Errorf("encode a command of %s: %w", c.Inbox, err)
			}
			return give(s.Command(events.Target{Verb: c.Verb, Inbox: c.Inbox}), payload)
		}
		g := newGenerator(w)
		for rank := range w.Groups {
			c := g.join(rank)
			if err := encoded(&c); err != nil {
				return err
			}
			*joins++
		}
		for range n {
			c := g.next()
			if err := encoded(&c); err != nil {
				return err
			}
		}
		return nil
	}
}

// writeScript writes commands to a file in a folder. The first joins are
// distinguished from the others.
func writeScript(ctx context.Context, dir string, from Commands, joins *int, step *Step) (s *script, err error) {
	f, err := os.Create(filepath.Join(dir, "commands"))
	if err != nil {
		return nil, fmt.Errorf("keep the commands: %w", err)
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	out := bufio.NewWriterSize(f, scriptBuffer)
	n := 0
	err = from(func(subject string, payload []byte) error {
		head := binary.AppendUvarint(out.AvailableBuffer(), uint64(len(subject)))
		head = binary.AppendUvarint(head, uint64(len(payload)))
		out.Write(head) // bufio keeps the first error for Flush
		out.WriteString(subject)
		out.Write(payload)
		n++
		step.done.Store(int64(n))
		return ctx.Err()
	})
	if err != nil {
		return nil, err
	}
	if err := out.Flush(); err != nil {
		return nil, fmt.Errorf("keep the commands: %w", err)
	}
	return &script{path: f.Name(), joins: *joins, commands: n - *joins}, nil
}

// reader reads a script from its beginning.
type reader struct {
	file *os.File
	in   *bufio.Reader
}

func (s *script) open() (*reader, error) {
	f, err := os.Open(s.path)
	if err != nil {
		return nil, fmt.Errorf("read the commands: %w", err)
	}
	return &reader{file: f, in: bufio.NewReaderSize(f, scriptBuffer)}, nil
}

// next returns the next command, in memory of its own.
func (r *reader) next() (subject string, payload []byte, err error) {
	subjectLen, err := binary.ReadUvarint(r.in)
	if err != nil {
		return "", nil, fmt.Errorf("read the commands: %w", err)
	}
	payloadLen, err := binary.ReadUvarint(r.in)
	if err != nil {
		return "", nil, fmt.Errorf("read the commands: %w", err)
	}
	record := make([]byte, subjectLen+payloadLen)
	if _, err := io.ReadFull(r.in, record); err != nil {
		return "", nil, fmt.Errorf("read the commands: %w", err)
	}
	return string(record[:subjectLen]), record[subjectLen:], nil
}

func (r *reader) close() { _ = r.file.Close() } // read only: nothing can be lost
