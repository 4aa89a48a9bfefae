package natsserver_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"testing"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"reddot/cmd/reddot/datadir"
	"reddot/cmd/reddot/natsserver"
	"reddot/projector/testkit"
)

// stored is a message of a stream.
type stored struct {
	seq              uint64
	at               int64
	subject, payload string
}

// recorded is a server with a stream of some files, and what that holds.
type recorded struct {
	*natsserver.Server
	t      *testing.T
	dir    datadir.Dir
	js     jetstream.JetStream
	stream jetstream.Stream
	rng    *rand.Rand
	all    []stored
}

// recordedName is the stream's name. A server makes the smallest files, of some 32,000
// bytes, for a stream that may hold no more than recordedBytes when it is made.
const (
	recordedName  = "RECORDED"
	recordedBytes = 100_000
)

// record fills some files of a stream with messages of many sizes, some with headers.
func record(t *testing.T) *recorded {
	t.Helper()
	r := &recorded{t: t, dir: datadir.Dir(t.TempDir()), rng: testkit.Rand(t)}
	r.Server = start(t, string(r.dir))
	t.Cleanup(func() { stopServer(t, r.Server) })
	r.js = testkit.Must(jetstream.New(connect(t, r.URL())))(t)
	c := jetstream.StreamConfig{Name: recordedName, Subjects: []string{"recorded.>"}, MaxBytes: recordedBytes}
	testkit.Must(r.js.CreateStream(t.Context(), c))(t)
	c.MaxBytes = -1
	r.stream = testkit.Must(r.js.UpdateStream(t.Context(), c))(t)
	r.publish(100)
	if n := len(r.blocks()); n < 4 {
		t.Fatalf("%d files", n)
	}
	return r
}

// publish stores messages.
func (r *recorded) publish(n int) {
	r.t.Helper()
	for range n {
		msg := nats.NewMsg(fmt.Sprintf("recorded.%d.é", r.rng.IntN(1000)))
		msg.Data = make([]byte, r.rng.IntN(4000))
		for i := range msg.Data {
			msg.Data[i] = byte(r.rng.Uint32())
		}
		if r.rng.IntN(3) == 0 {
			msg.Header.Set("Something", fmt.Sprint(r.rng.Uint64()))
		}
		ack := testkit.Must(r.js.PublishMsg(r.t.Context(), msg))(r.t)
		raw := testkit.Must(r.stream.GetMsg(r.t.Context(), ack.Sequence))(r.t)
		r.all = append(r.all, stored{raw.Sequence, raw.Time.UnixNano(), raw.Subject, string(raw.Data)})
	}
}

// blocks are the stream's files.
func (r *recorded) blocks() (all []natsserver.Block) {
	r.t.Helper()
	testkit.OK(r.t, natsserver.EachStream(r.dir.NATS(), func(stream string, blocks []natsserver.Block) error {
		if stream == recordedName {
			all = blocks
		}
		return nil
	}))
	return all
}

// begin is the seq that a file begins with.
func (r *recorded) begin(b natsserver.Block) uint64 {
	r.t.Helper()
	seq, _, known, err := natsserver.BeginOf(b.Path())
	if err != nil || !known {
		r.t.Fatalf("%s begins with what? %v", b.Path(), err)
	}
	return seq
}

// read reads records from a seq on.
func (r *recorded) read(from uint64) (all []stored, err error) {
	err = r.Records(recordedName)(r.t.Context(), from, func(seq uint64, at int64, subject string, payload []byte) error {
		all = append(all, stored{seq, at, subject, string(payload)})
		return nil
	})
	return all, err
}

// TestRecordsVersion fails when nats-server becomes another one: look whether its files
// have changed (filestore.go: writeMsgRecordLocked, msgFromBufEx, hashKeyForBlock,
// newMsgBlockForWrite), and whether the tests below hold.
func TestRecordsVersion(t *testing.T) {
	if natsserver.RecordsOf != server.VERSION {
		t.Errorf("files of nats-server %s are read, and this is %s", natsserver.RecordsOf, server.VERSION)
	}
}

// TestRecords: from any seq on, what is in all files but the newest is read as the server
// has it, while more is stored.
func TestRecords(t *testing.T) {
	r := record(t)
	for range 3 {
		blocks := r.blocks()
		newest := r.begin(blocks[len(blocks)-1])
		for _, from := range []uint64{1, 2, r.begin(blocks[1]) - 1, r.begin(blocks[1]), newest - 1} {
			all, err := r.read(from)
			if err != nil || !slices.Equal(all, r.all[from-1:newest-1]) {
				t.Errorf("from %d to %d: %d messages, %v", from, newest-1, len(all), err)
			}
		}
		for _, from := range []uint64{newest, newest + 1, uint64(len(r.all)) + 100} {
			if all, err := r.read(from); len(all) > 0 || err != nil {
				t.Errorf("from %d: %d messages, %v", from, len(all), err)
			}
		}
		r.publish(100)
	}
}

// TestRecordsEnd: the reader ends a reading, and so does its context.
func TestRecordsEnd(t *testing.T) {
	r := record(t)
	enough := errors.New("enough")
	n := 0
	err := r.Records(recordedName)(t.Context(), 1, func(uint64, int64, string, []byte) error {
		if n++; n == 5 {
			return enough
		}
		return nil
	})
	if !errors.Is(err, enough) || errors.Is(err, natsserver.ErrRecords) || n != 5 {
		t.Errorf("%d messages, %v", n, err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	n = 0
	err = r.Records(recordedName)(ctx, 1, func(uint64, int64, string, []byte) error {
		n++
		cancel()
		return nil
	})
	if !errors.Is(err, context.Canceled) || n >= len(r.all)-10 {
		t.Errorf("%d messages, %v", n, err)
	}
	if err := r.Records("ANOTHER")(t.Context(), 1, nil); err != nil {
		t.Errorf("a stream that there is not: %v", err)
	}
}

// TestRecordsTrimmed: what was trimmed is not there, and what is left is read.
func TestRecordsTrimmed(t *testing.T) {
	r := record(t)
	first := r.begin(r.blocks()[1]) + 3
	testkit.OK(t, r.stream.Purge(t.Context(), jetstream.WithPurgeSequence(first)))
	r.publish(100)
	newest := r.begin(r.blocks()[len(r.blocks())-1])
	if all, err := r.read(first); err != nil || !slices.Equal(all, r.all[first-1:newest-1]) {
		t.Errorf("%d messages, %v", len(all), err)
	}
	all, err := r.read(1)
	testkit.WantError(t, err, natsserver.ErrRecords, "seq 1")
	if len(all) > 0 {
		t.Errorf("%d messages are read", len(all))
	}
}

// TestRecordsDamaged: whatever happens to a file, no message is read that was not stored,
// and none is left out.
func TestRecordsDamaged(t *testing.T) {
	r := record(t)
	path := r.blocks()[1].Path()
	content := testkit.Must(os.ReadFile(path))(t)
	newest := r.begin(r.blocks()[len(r.blocks())-1])
	try := func(what string, damaged []byte) {
		t.Helper()
		testkit.OK(t, os.WriteFile(path, damaged, 0o600))
		all, err := r.read(1)
		if !slices.Equal(all, r.all[:len(all)]) {
			t.Errorf("%s: another message is read, or one is left out", what)
		}
		if whole := uint64(len(all)) == newest-1; whole == errors.Is(err, natsserver.ErrRecords) {
			t.Errorf("%s: %d messages of %d, and the error is %v", what, len(all), newest-1, err)
		}
	}
	for range testkit.Effort(200) {
		at, bit := r.rng.IntN(len(content)), r.rng.IntN(8)
		damaged := slices.Clone(content)
		damaged[at] ^= 1 << bit
		try(fmt.Sprintf("bit %d of byte %d is flipped", bit, at), damaged)
	}
	for range 50 {
		n := r.rng.IntN(len(content))
		try(fmt.Sprintf("cut off after %d bytes", n), content[:n])
	}
	try("packed", append([]byte("cmp"), content...))
	testkit.OK(t, os.Remove(path))
	all, err := r.read(1)
	testkit.WantError(t, err, natsserver.ErrRecords)
	if !slices.Equal(all, r.all[:len(all)]) {
		t.Error("another message is read, or one is left out")
	}
	testkit.OK(t, os.WriteFile(path, content, 0o600))
	if all, err := r.read(1); err != nil || uint64(len(all)) != newest-1 {
		t.Errorf("%d messages, %v", len(all), err)
	}
}
