package main

import (
	"encoding/binary"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

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
	if err := checkBlocks(filepath.Join(dir, natsFolder)); err != nil {
		t.Error(err)
	}
	if err := checkBlocks(filepath.Join(dir, "nothing")); err != nil {
		t.Error(err)
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
