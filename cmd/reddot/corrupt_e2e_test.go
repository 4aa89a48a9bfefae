package main_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"reddot/projector/testkit"
)

// testCorrupt flips bits of copies of one specimen.
func testCorrupt(t *testing.T, p program) {
	s := newSpecimen(t, p)
	for _, test := range []struct {
		name string
		run  func(*testing.T, *specimen)
	}{
		{"log", testCorruptLog},
		{"stream", testCorruptStream},
		{"store", testCorruptStore},
		{"snapshots", testCorruptSnapshots},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			own := *s
			own.rng = testkit.Rand(t)
			test.run(t, &own)
		})
	}
}

// testCorruptLog flips one bit in a file of the command stream while the server
// is down. A server that has to read the command again stops there and says
// so. One that has applied it answers as before, and says so when it is asked
// to fold the log again.
func testCorruptLog(t *testing.T, s *specimen) {
	p := s.program
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

// testCorruptBehind flips a bit of a seq where nothing reads when the server
// starts: it serves, finds that by itself, and says so.
func testCorruptBehind(t *testing.T, p program) {
	dir := t.TempDir()
	c := p.serve(t, dir, "--snapshots", "off")
	nc := connect(t, c.nats)
	padding := strings.Repeat("x", largePayload)
	for n := range 200 {
		publish(t, nc, "unread.cmd.user.a.message", fmt.Sprintf(`{"id":"large%d","from":"b","padding":%q}`, n, padding))
	}
	before := settled(t, nc, 200)
	js := jetStream(t, nc)
	stream, err := js.Stream(t.Context(), subjects(t).CommandStream())
	if err != nil {
		t.Fatal(err)
	}
	config := stream.CachedInfo().Config
	config.Duplicates = 100 * time.Millisecond // the server reads what came within
	if _, err := js.UpdateStream(t.Context(), config); err != nil {
		t.Fatal(err)
	}
	nc.Close()
	c.terminate(t)
	files := records(t, dir)
	if len(files) < 6 {
		t.Fatalf("the log is in %d files", len(files))
	}
	for _, file := range files {
		long := time.Now().Add(-time.Hour)
		if err := os.Chtimes(file[0].file, long, long); err != nil {
			t.Fatal(err)
		}
	}
	damaged := files[0][5].file
	flip(t, damaged, 8*files[0][5].offset+32+40)
	if err := os.Chtimes(damaged, time.Now().Add(-time.Hour), time.Now().Add(-time.Hour)); err != nil {
		t.Fatal(err)
	}

	c = p.serve(t, dir, "--snapshots", "off")
	testkit.Eventually(t, "the damage is found", func() bool {
		code, body := c.get(t, "/readyz")
		return code == 200 && strings.Contains(body, "ready\nbut the stream's file "+damaged+" is damaged")
	})
	nc = connect(t, c.nats)
	if status := settled(t, nc, 200); status.State != "live" || status.Digest != before.Digest || !strings.Contains(status.Error, "1.blk is damaged") {
		t.Errorf("status %+v, want %+v", status, before)
	}
	publish(t, nc, "unread.cmd.user.a.read-all", `{}`)
	settled(t, nc, 201)
	if log := c.stderr.String(); !strings.Contains(log, "restore it before verify") || !strings.Contains(log, "behind seq 5") {
		t.Errorf("the log lacks it: %s", log)
	}
	c.terminate(t)
}

// testCorruptStream flips one bit in the files that describe the command stream.
// The NATS server leaves the stream out, or reads all of its messages to make
// the index anew. Nobody makes another stream in its place.
func testCorruptStream(t *testing.T, s *specimen) {
	p := s.program
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
