package main_test

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// testRottenLog flips one bit in a file of the command stream while the server
// is down. A server that has to read the command again stops there and says
// so. One that has applied it answers as before, and says so when it is asked
// to fold the log again.
func testRottenLog(t *testing.T, p program) {
	s := newSpecimen(t, p)
	files := records(t, s.dir)
	if len(files) != 2 {
		t.Fatalf("the log is in %d files", len(files))
	}
	for _, field := range []string{"size", "has a head", "seq", "time", "subject", "payload", "checksum"} {
		r := files[0][s.rng.IntN(len(files[0]))]
		due := fmt.Sprintf("seq %d was due", r.seq)
		t.Run("first fold/"+field, func(t *testing.T) {
			dir := s.copy(t, "store", "snapshots")
			s.flipIn(t, dir, r, field)
			p.startAt(t, dir).stops(t, s.users, "not whole", due)
		})
		t.Run("applied before/"+field, func(t *testing.T) {
			dir := s.copy(t)
			s.flipIn(t, dir, r, field)
			c := p.serve(t, dir)
			s.answersRight(t, c)
			p.run(t, nil, "verify", "--server", c.nats, "--data", dir).failedAtEnd(t, "not whole", due)
			p.run(t, nil, "export", "--server", c.nats).failedAtEnd(t, "not whole", due)
			p.run(t, nil, "rebuild", "--server", c.nats).failedAtEnd(t, "not whole", due)
			s.answersRight(t, c)
		})
	}
	t.Run("far seq", func(t *testing.T) {
		r := files[0][1+s.rng.IntN(len(files[0])-1)]
		dir := s.copy(t)
		s.flipIn(t, dir, r, "far seq")
		p.startAt(t, dir).stops(t, s.users, "1.blk is damaged", fmt.Sprintf("behind seq %d", r.seq-1), "restore the file")
	})
	t.Run("applied before/subject length", func(t *testing.T) {
		// No checksum covers it: another command is read, and none is missing.
		dir := s.copy(t)
		counted := slices.DeleteFunc(slices.Clone(files[0]), func(r record) bool { return r.size < largePayload })
		s.flipIn(t, dir, counted[s.rng.IntN(len(counted))], "subject length")
		c := p.serve(t, dir)
		p.run(t, nil, "verify", "--server", c.nats, "--data", dir).failedAtEnd(t, "not whole", "altered", "restore the stream")
		p.run(t, nil, "rebuild", "--server", c.nats).failedAtEnd(t, "not whole", "altered", "the one in use stays")
		s.answersRight(t, c)
	})
	last := files[1][len(files[1])-1]
	t.Run("first fold/last command", func(t *testing.T) {
		dir := s.copy(t, "store", "snapshots")
		s.flipIn(t, dir, last, "payload")
		p.startAt(t, dir).stops(t, s.users, "not whole", fmt.Sprintf("seq %d", last.seq))
	})
	for _, without := range [][]string{{"store", "snapshots"}, {"store"}, nil} {
		t.Run(fmt.Sprintf("last file without %s", without), func(t *testing.T) {
			r := files[1][s.rng.IntN(len(files[1]))]
			dir := s.copy(t, without...)
			s.flipIn(t, dir, r, "size")
			p.startAt(t, dir).stops(t, s.users, "not whole", fmt.Sprintf("ends at seq %d", r.seq-1))
		})
	}
}

// testRottenStream flips one bit in the files that describe the command stream.
// The NATS server leaves the stream out, or reads all of its messages to make
// the index anew. Nobody makes another stream in its place.
func testRottenStream(t *testing.T, p program) {
	s := newSpecimen(t, p)
	stream := filepath.Join("nats", "jetstream", "$G", "streams", "UNREAD_COMMANDS")
	for _, without := range [][]string{{"store", "snapshots"}, {"store"}, nil} {
		for _, name := range []string{"meta.inf", "meta.sum"} {
			t.Run(fmt.Sprintf("%s without %s", name, without), func(t *testing.T) {
				dir := s.copy(t, without...)
				s.flipAny(t, filepath.Join(dir, stream, name))
				for range 2 {
					p.startAt(t, dir).stops(t, s.users, "meta.inf", "damaged")
				}
			})
		}
		t.Run(fmt.Sprintf("index without %s", without), func(t *testing.T) {
			dir := s.copy(t, without...)
			s.flipAny(t, filepath.Join(dir, stream, "msgs", "index.db"))
			s.answersRight(t, p.serve(t, dir))
		})
	}
}

// failedAtEnd checks that a run with a progress bar failed, and that the last
// line says why.
func (r result) failedAtEnd(t *testing.T, words ...string) {
	t.Helper()
	last := lastLine(r.stderr)
	if r.code != 1 || !strings.HasPrefix(last, "reddot: ") {
		t.Errorf("exit code %d: %s", r.code, r.stderr)
	}
	for _, w := range words {
		if !strings.Contains(last, w) {
			t.Errorf("the error lacks %q: %s", w, last)
		}
	}
}

func lastLine(text string) string {
	text = strings.TrimRight(text, "\n")
	return text[strings.LastIndexByte(text, '\n')+1:]
}
