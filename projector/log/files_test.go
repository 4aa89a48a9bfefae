package log_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"reddot/cmd/reddot/datadir"
	"reddot/cmd/reddot/natsserver"
	"reddot/events"
	"reddot/projector/log"
	"reddot/projector/store"
	"reddot/projector/testkit"
)

// filed is a log whose NATS server is in this process.
type filed struct {
	t        *testing.T
	js       jetstream.JetStream
	subjects events.Subjects
	server   *natsserver.Server
	said     testkit.Buffer
	read     int // commands that came from files
	fails    error
}

// Commands of filedSize bytes fill a file of the server, of 8 MiB, in some hundred.
const (
	filedSize = 80_000
	filedFar  = 20
)

func newFiled(t *testing.T) *filed {
	t.Parallel()
	f := &filed{t: t, subjects: testkit.Must(events.NewSubjects("unread"))(t)}
	f.server = testkit.Must(natsserver.Start(natsserver.Config{Data: datadir.Dir(t.TempDir()), Listen: "127.0.0.1:0", Logger: slog.New(slog.DiscardHandler)}))(t)
	t.Cleanup(func() { testkit.OK(t, f.server.Shutdown()) })
	conn := testkit.Must(nats.Connect(f.server.URL()))(t)
	t.Cleanup(conn.Close)
	f.js = testkit.Must(jetstream.New(conn))(t)
	return f
}

// log opens the log as serve does.
func (f *filed) log() *log.Log {
	f.t.Helper()
	records := f.server.Records(f.subjects.CommandStream())
	l := testkit.Must(log.Ensure(testkit.Context(f.t), f.js, log.Config{
		Subjects: f.subjects, Logger: slog.New(slog.NewTextHandler(&f.said, nil)), Derived: none,
		Files: func(ctx context.Context, from uint64, fn func(uint64, int64, string, []byte) error) error {
			return records(ctx, from, func(seq uint64, at int64, subject string, payload []byte) error {
				if f.fails != nil && f.read > 10 {
					return f.fails
				}
				f.read++
				return fn(seq, at, subject, payload)
			})
		},
	}))(f.t)
	l.SetFar(filedFar)
	return l
}

// write stores commands, of which some are refused.
func (f *filed) write(n int) {
	f.t.Helper()
	for i := range n {
		subject := f.subjects.Command(events.Target{Verb: events.UserMessage, Inbox: fmt.Sprint("user", i%7)})
		payload := fmt.Appendf(nil, `{"id":"m%d","from":"bob","text":%q}`, i, strings.Repeat("x", filedSize))
		if i%5 == 0 {
			payload = payload[1:]
		}
		testkit.Must(f.js.Publish(testkit.Context(f.t), subject, payload))(f.t)
	}
}

// same checks that a log's commands are those that it has without files.
func (f *filed) same(l *log.Log, after, upto events.Seq) {
	f.t.Helper()
	collect := func(l *log.Log) (all []store.Entry) {
		testkit.OK(f.t, l.ReadTo(testkit.Context(f.t), after, upto, func(e *store.Entry) error {
			all = append(all, *e)
			return nil
		}))
		return all
	}
	got := collect(l)
	want := collect(testkit.Must(log.Find(testkit.Context(f.t), f.js, f.subjects, slog.New(slog.DiscardHandler)))(f.t))
	if len(want) != int(upto-after) || !reflect.DeepEqual(got, want) {
		f.t.Errorf("%d commands of %d, or other ones", len(got), len(want))
	}
}

// TestFiles: what is far from the end is read from the server's files, what is near is not,
// and all of it is what a consumer delivers.
func TestFiles(t *testing.T) {
	f := newFiled(t)
	l := f.log()
	f.write(250)
	f.same(l, 0, 250)
	if f.read < 100 || f.read >= 250 {
		t.Errorf("%d commands are read from files", f.read)
	}
	f.read = 0
	f.same(l, 250-filedFar, 250)
	if f.read != 0 {
		t.Errorf("%d commands near the end are read from files", f.read)
	}
}

// TestFilesBehind: a reading that falls behind, as who reads has more than there is room
// for, turns to the files, and back.
func TestFilesBehind(t *testing.T) {
	testkit.Unraced(t)
	f := newFiled(t)
	l := f.log()
	f.write(1)
	const many, upto = 2*log.MaxBatch + 1, 2*log.MaxBatch + 250
	read := 0
	testkit.OK(t, l.ReadTo(testkit.Context(t), 0, upto, func(e *store.Entry) error {
		if read++; e.Seq != events.Seq(read) {
			t.Fatalf("seq %d where %d was due", e.Seq, read)
		}
		if read == 1 { // the reading stands still meanwhile
			for range many - 1 {
				testkit.Must(f.js.PublishAsync(f.subjects.Prefix()+".cmd.policy", nil, jetstream.WithStallWait(10*time.Second)))(t)
			}
			<-f.js.PublishAsyncComplete()
			f.write(upto - many)
		}
		return nil
	}))
	if f.read == 0 || f.read > upto-filedFar {
		t.Errorf("%d of %d commands are read from files", f.read, read)
	}
}

// TestFilesFail: where files can't be read, a consumer goes on, and the log says so.
func TestFilesFail(t *testing.T) {
	f := newFiled(t)
	l := f.log()
	f.write(150)
	f.fails = errors.New("the disk is on fire")
	f.same(l, 0, 150)
	if f.read != 11 || !f.said.Has("commands are read by a consumer", "the disk is on fire") {
		t.Errorf("%d commands are read from files; the log says %q", f.read, f.said.String())
	}
}

// TestFilesHold: files of a stream that has them packed, or from which something was
// removed, are not read.
func TestFilesHold(t *testing.T) {
	for what, change := range map[string]func(*filed, *log.Log, jetstream.StreamConfig) events.Seq{
		"packed": func(f *filed, _ *log.Log, c jetstream.StreamConfig) events.Seq {
			c.Compression = jetstream.S2Compression
			testkit.Must(f.js.UpdateStream(testkit.Context(t), c))(t)
			return 0
		},
		"trimmed": func(f *filed, l *log.Log, _ jetstream.StreamConfig) events.Seq {
			testkit.OK(t, l.Trim(testkit.Context(t), 5))
			return 5
		},
	} {
		t.Run(what, func(t *testing.T) {
			f := newFiled(t)
			l := f.log()
			f.write(150)
			stream := testkit.Must(f.js.Stream(testkit.Context(t), f.subjects.CommandStream()))(t)
			after := change(f, l, stream.CachedInfo().Config)
			f.same(l, after, 150)
			if trimmed := after > 0; trimmed != (f.read > 0) {
				t.Errorf("%d commands are read from files", f.read)
			}
		})
	}
}
