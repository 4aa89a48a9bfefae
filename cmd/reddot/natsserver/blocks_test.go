package natsserver_test

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"reddot/cmd/reddot/datadir"
	"reddot/cmd/reddot/natsserver"
	"reddot/projector/testkit"
)

// blockFile is the first file of a stream.
func blockFile(dir, stream string) string {
	return filepath.Join(datadir.Dir(dir).NATS(), "jetstream", "$G", "streams", stream, "msgs", "1.blk")
}

// TestFlippedSeq flips an upper bit of a stored message's seq: the server does
// not start, and says which file is damaged.
func TestFlippedSeq(t *testing.T) {
	const messages = 100
	rng := testkit.Rand(t)
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
		at := places[n] + natsserver.RecordSeqAt + bit/8
		content[at] ^= 1 << (bit % 8)
		if err := os.WriteFile(file, content, 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := natsserver.Start(natsserver.Config{Data: datadir.Dir(dir), Listen: "127.0.0.1:0", Sync: natsserver.SyncPolicy{Always: true}, Logger: slog.New(slog.DiscardHandler)})
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

// TestValidBlocks: files with seqs that are missing, deleted or compressed are
// well.
func TestValidBlocks(t *testing.T) {
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
		if files, err := natsserver.CheckBlocks(datadir.Dir(dir).NATS(), natsserver.Reads{Stream: name}); err != nil || files == 0 {
			t.Errorf("%s: %d files: %v", name, files, err)
		}
	}
	if files, err := natsserver.CheckBlocks(filepath.Join(dir, "nothing"), natsserver.Reads{}); err != nil || files != 0 {
		t.Errorf("%d files: %v", files, err)
	}
	err = natsserver.ScrubBlocks(t.Context(), datadir.Dir(dir).NATS(), func(d *natsserver.CorruptFileError) { t.Error(d) })
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
	err = natsserver.EachStream(datadir.Dir(dir).NATS(), func(_ string, blocks []natsserver.Block) error {
		files = len(blocks)
		for _, b := range blocks {
			long := time.Now().Add(-2 * natsserver.Recently)
			if err := os.Chtimes(b.Path(), long, long); err != nil {
				return err
			}
		}
		second, _, known, err := natsserver.BeginOf(blocks[1].Path())
		if !known {
			t.Errorf("%s begins with what?", blocks[1].Path())
		}
		perFile = second - 1
		return err
	})
	if err != nil || files < natsserver.TailFiles+4 {
		t.Fatalf("%d files: %v", files, err)
	}
	for _, c := range []struct {
		reads natsserver.Reads
		want  int
	}{
		{natsserver.Reads{Stream: name, After: messages}, natsserver.TailFiles},
		{natsserver.Reads{Stream: "ANOTHER", After: 0}, natsserver.TailFiles},
		{natsserver.Reads{Stream: name, After: 0}, files},
		{natsserver.Reads{Stream: name, After: perFile}, files - 1},
		{natsserver.Reads{Stream: name, After: messages, Seqs: []uint64{1}}, natsserver.TailFiles + 1},
		{natsserver.Reads{Stream: name, After: messages, Seqs: []uint64{1, 2, perFile + 1, messages}}, natsserver.TailFiles + 2},
	} {
		got, err := natsserver.CheckBlocks(datadir.Dir(dir).NATS(), c.reads)
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
	content[second+natsserver.RecordSeqAt+5] ^= 1
	old := time.Now().Add(-2 * natsserver.Recently)
	if err := errors.Join(os.WriteFile(file, content, 0o600), os.Chtimes(file, old, old)); err != nil {
		t.Fatal(err)
	}
	if _, err := natsserver.CheckBlocks(datadir.Dir(dir).NATS(), natsserver.Reads{Stream: name, After: messages}); err != nil {
		t.Errorf("a file that is not read: %v", err)
	}
	var found []string
	err = natsserver.ScrubBlocks(t.Context(), datadir.Dir(dir).NATS(), func(d *natsserver.CorruptFileError) { found = append(found, d.Path) })
	if err != nil || len(found) != 1 || found[0] != file {
		t.Errorf("found %v, %v", found, err)
	}
	for _, reads := range []natsserver.Reads{{Stream: name, After: messages, Seqs: []uint64{2}}, {Stream: name}} {
		if _, err := natsserver.CheckBlocks(datadir.Dir(dir).NATS(), reads); err == nil || !strings.Contains(err.Error(), file) {
			t.Errorf("%+v: %v", reads, err)
		}
	}
	if err := os.Chtimes(file, time.Now(), time.Now()); err != nil {
		t.Fatal(err)
	}
	if _, err := natsserver.CheckBlocks(datadir.Dir(dir).NATS(), natsserver.Reads{Stream: name, After: messages}); err != nil {
		t.Errorf("a file far behind old ones: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := natsserver.ScrubBlocks(ctx, datadir.Dir(dir).NATS(), func(*natsserver.CorruptFileError) {}); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}

// FuzzFindStray reads any bytes.
func FuzzFindStray(f *testing.F) {
	record := func(seq uint64) []byte {
		b := make([]byte, natsserver.RecordHead+8)
		binary.LittleEndian.PutUint32(b, uint32(len(b)))
		binary.LittleEndian.PutUint64(b[natsserver.RecordSeqAt:], seq)
		return b
	}
	f.Add(append(append(record(1), record(1<<40)...), record(3)...))
	f.Add(append(record(1), record(2)...))
	f.Fuzz(func(t *testing.T, b []byte) {
		if at, seq, before, ok := natsserver.FindStray(b); ok && (at+natsserver.RecordHead > len(b) || seq <= before+natsserver.MaxHole) {
			t.Errorf("seq %d behind %d at %d", seq, before, at)
		}
	})
}
