package main

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// blockFile is the first file of a stream.
func blockFile(dir, stream string) string {
	return filepath.Join(dir, natsFolder, "jetstream", "$G", "streams", stream, "msgs", "1.blk")
}

// TestFlippedSeq flips an upper bit of a stored message's seq: the server does
// not start, and says which file is damaged.
func TestFlippedSeq(t *testing.T) {
	const messages = 100
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 1))
	dir := t.TempDir()
	s := start(t, dir)
	stream := commandStream(t, s.URL())
	js, err := jetstream.New(connect(t, s.URL()))
	if err != nil {
		t.Fatal(err)
	}
	for n := range messages {
		if _, err := js.Publish(t.Context(), "unread.cmd.policy", fmt.Appendf(nil, `{"n":%d}`, n)); err != nil {
			t.Fatal(err)
		}
	}
	name := stream.CachedInfo().Config.Name
	stopServer(t, s)
	file := blockFile(dir, name)
	content, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var places []int
	for at := 0; at < len(content); at += int(binary.LittleEndian.Uint32(content[at:])) {
		places = append(places, at)
	}
	if len(places) != messages {
		t.Fatalf("%d records", len(places))
	}
	for _, n := range []int{1 + rng.IntN(messages-2), messages - 1} {
		bit := 23 + rng.IntN(62-23)
		at := places[n] + recordSeqAt + bit/8
		content[at] ^= 1 << (bit % 8)
		if err := os.WriteFile(file, content, 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := startServer(serverConfig{dir: dir, listen: "127.0.0.1:0", sync: syncPolicy{always: true}, log: slog.New(slog.DiscardHandler)})
		says := []string{file, fmt.Sprintf("byte %d,", places[n]), fmt.Sprintf("behind seq %d,", n), "restore the file"}
		for _, s := range says {
			if err == nil || !strings.Contains(err.Error(), s) {
				t.Errorf("bit %d of seq %d: the error lacks %q: %v", bit, n+1, s, err)
			}
		}
		content[at] ^= 1 << (bit % 8)
	}
	if err := os.WriteFile(file, content, 0o600); err != nil {
		t.Fatal(err)
	}
	stopServer(t, start(t, dir))
}

// TestSoundBlocks: files with seqs that are missing, deleted or compressed are
// well.
func TestSoundBlocks(t *testing.T) {
	dir := t.TempDir()
	s := start(t, dir)
	js, err := jetstream.New(connect(t, s.URL()))
	if err != nil {
		t.Fatal(err)
	}
	for _, config := range []jetstream.StreamConfig{
		{Name: "DELETED", MaxMsgsPerSubject: 1},
		{Name: "PACKED", Compression: jetstream.S2Compression},
		{Name: "FAR", FirstSeq: 1 << 40},
		{Name: "PURGED"},
	} {
		config.Subjects = []string{strings.ToLower(config.Name) + ".>"}
		stream, err := js.CreateStream(t.Context(), config)
		if err != nil {
			t.Fatal(err)
		}
		for n := range 300 {
			payload := make([]byte, 40_000)
			if _, err := js.Publish(t.Context(), fmt.Sprintf("%s.%d", strings.ToLower(config.Name), n%7), payload); err != nil {
				t.Fatal(err)
			}
		}
		if config.Name == "PURGED" {
			if err := stream.Purge(t.Context(), jetstream.WithPurgeSequence(150)); err != nil {
				t.Fatal(err)
			}
		}
	}
	stopServer(t, s)
	for _, name := range []string{"DELETED", "PACKED", "FAR", "PURGED"} {
		if files, err := checkBlocks(filepath.Join(dir, natsFolder), startReads{stream: name}); err != nil || files == 0 {
			t.Errorf("%s: %d files: %v", name, files, err)
		}
	}
	if files, err := checkBlocks(filepath.Join(dir, "nothing"), startReads{}); err != nil || files != 0 {
		t.Errorf("%d files: %v", files, err)
	}
	err = scrubBlocks(t.Context(), filepath.Join(dir, natsFolder), func(d *damagedFile) { t.Error(d) })
	if err != nil {
		t.Error(err)
	}
}

// TestStartReadsLittle counts the files of a long log that are read before the
// server starts: what the store lacks, what snapshots end with, and some at the
// end. Damage in the others is found afterwards.
func TestStartReadsLittle(t *testing.T) {
	const messages, size = 80, 1_000_000
	dir := t.TempDir()
	s := start(t, dir)
	stream := commandStream(t, s.URL())
	js, err := jetstream.New(connect(t, s.URL()))
	if err != nil {
		t.Fatal(err)
	}
	for range messages {
		if _, err := js.Publish(t.Context(), "unread.cmd.policy", make([]byte, size)); err != nil {
			t.Fatal(err)
		}
	}
	name := stream.CachedInfo().Config.Name
	stopServer(t, s)
	files, perFile := 0, uint64(0)
	err = eachStream(filepath.Join(dir, natsFolder), func(_ string, paths []string) error {
		files = len(paths)
		for _, path := range paths {
			long := time.Now().Add(-2 * recently)
			if err := os.Chtimes(path, long, long); err != nil {
				return err
			}
		}
		second, _, known, err := beginOf(paths[1])
		if !known {
			t.Errorf("%s begins with what?", paths[1])
		}
		perFile = second - 1
		return err
	})
	if err != nil || files < tailFiles+4 {
		t.Fatalf("%d files: %v", files, err)
	}
	for _, c := range []struct {
		reads startReads
		want  int
	}{
		{startReads{stream: name, after: messages}, tailFiles},
		{startReads{stream: "ANOTHER", after: 0}, tailFiles},
		{startReads{stream: name, after: 0}, files},
		{startReads{stream: name, after: perFile}, files - 1},
		{startReads{stream: name, after: messages, seqs: []uint64{1}}, tailFiles + 1},
		{startReads{stream: name, after: messages, seqs: []uint64{1, 2, perFile + 1, messages}}, tailFiles + 2},
	} {
		got, err := checkBlocks(filepath.Join(dir, natsFolder), c.reads)
		if err != nil || got != c.want {
			t.Errorf("%+v: %d of %d files are read, want %d: %v", c.reads, got, files, c.want, err)
		}
	}

	file := blockFile(dir, name)
	content, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	second := int(binary.LittleEndian.Uint32(content))
	content[second+recordSeqAt+5] ^= 1
	old := time.Now().Add(-2 * recently)
	if err := errors.Join(os.WriteFile(file, content, 0o600), os.Chtimes(file, old, old)); err != nil {
		t.Fatal(err)
	}
	if _, err := checkBlocks(filepath.Join(dir, natsFolder), startReads{stream: name, after: messages}); err != nil {
		t.Errorf("a file that is not read: %v", err)
	}
	var found []string
	err = scrubBlocks(t.Context(), filepath.Join(dir, natsFolder), func(d *damagedFile) { found = append(found, d.path) })
	if err != nil || len(found) != 1 || found[0] != file {
		t.Errorf("found %v, %v", found, err)
	}
	for _, reads := range []startReads{{stream: name, after: messages, seqs: []uint64{2}}, {stream: name}} {
		if _, err := checkBlocks(filepath.Join(dir, natsFolder), reads); err == nil || !strings.Contains(err.Error(), file) {
			t.Errorf("%+v: %v", reads, err)
		}
	}
	if err := os.Chtimes(file, time.Now(), time.Now()); err != nil {
		t.Fatal(err)
	}
	if _, err := checkBlocks(filepath.Join(dir, natsFolder), startReads{stream: name, after: messages}); err != nil {
		t.Errorf("a file far behind old ones: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := scrubBlocks(ctx, filepath.Join(dir, natsFolder), func(*damagedFile) {}); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}

// FuzzFindStray reads any bytes.
func FuzzFindStray(f *testing.F) {
	record := func(seq uint64) []byte {
		b := make([]byte, recordHead+8)
		binary.LittleEndian.PutUint32(b, uint32(len(b)))
		binary.LittleEndian.PutUint64(b[recordSeqAt:], seq)
		return b
	}
	f.Add(append(append(record(1), record(1<<40)...), record(3)...))
	f.Add(append(record(1), record(2)...))
	f.Fuzz(func(t *testing.T, b []byte) {
		if at, seq, before, ok := findStray(b); ok && (at+recordHead > len(b) || seq <= before+maxHole) {
			t.Errorf("seq %d behind %d at %d", seq, before, at)
		}
	})
}
