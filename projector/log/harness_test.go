package log_test

import (
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"testing"

	"github.com/nats-io/nats.go/jetstream"

	"reddot/events"
	"reddot/projector/fold"
	"reddot/projector/log"
	"reddot/projector/store"
	"reddot/projector/testkit"
	"reddot/projector/testkit/natstest"
)

// bench is a NATS server, and a command stream at it.
type bench struct {
	*natstest.Server
	t        *testing.T
	js       jetstream.JetStream
	subjects events.Subjects
	said     testkit.Buffer // what the log has logged
}

func newBench(t *testing.T) *bench {
	t.Parallel()
	b := &bench{Server: natstest.Start(t), t: t, subjects: testkit.Must(events.NewSubjects("unread"))(t)}
	b.js = b.JetStream()
	return b
}

// none is of a folder without a store.
func none() (store.Info, string, error) { return store.Info{}, "", nil }

// ensure opens or creates the log.
func (b *bench) ensure() *log.Log {
	b.t.Helper()
	return testkit.Must(log.Ensure(testkit.Context(b.t), b.js, log.Config{Subjects: b.subjects, Logger: b.logger(), Derived: none}))(b.t)
}

// find opens the log as who only reads it does.
func (b *bench) find() *log.Log {
	b.t.Helper()
	return testkit.Must(log.Find(testkit.Context(b.t), b.js, b.subjects, b.logger()))(b.t)
}

func (b *bench) logger() *slog.Logger { return slog.New(slog.NewTextHandler(&b.said, nil)) }

func (b *bench) stream() jetstream.Stream {
	b.t.Helper()
	return testkit.Must(b.js.Stream(testkit.Context(b.t), b.subjects.CommandStream()))(b.t)
}

// configure changes the stream's configuration.
func (b *bench) configure(change func(*jetstream.StreamConfig)) {
	b.t.Helper()
	c := b.stream().CachedInfo().Config
	change(&c)
	testkit.Must(b.js.UpdateStream(testkit.Context(b.t), c))(b.t)
}

// write stores so many messages to alice, whose ids begin with a text.
func (b *bench) write(id string, n int) {
	b.t.Helper()
	subject := b.subjects.Command(events.Target{Verb: events.UserMessage, Inbox: "alice"})
	for i := range n {
		testkit.Must(b.js.Publish(testkit.Context(b.t), subject, fmt.Appendf(nil, `{"id":"%s%d","from":"bob"}`, id, i)))(b.t)
	}
}

// remove removes commands in the middle of the log, as a corrupt file does.
func (b *bench) remove(seqs ...uint64) {
	b.t.Helper()
	stream := b.remake(func(c *jetstream.StreamConfig) { c.DenyDelete = false })
	for _, seq := range seqs {
		testkit.OK(b.t, stream.DeleteMsg(testkit.Context(b.t), seq))
	}
	b.configure(func(c *jetstream.StreamConfig) { c.DenyDelete = true })
}

// remake makes the stream again from its messages, with another configuration: as a
// backup that is restored, it has another time of creation.
func (b *bench) remake(change func(*jetstream.StreamConfig)) jetstream.Stream {
	b.t.Helper()
	ctx := testkit.Context(b.t)
	stream := b.stream()
	info := testkit.Must(stream.Info(ctx))(b.t)
	var all []*jetstream.RawStreamMsg
	for seq := uint64(1); seq <= info.State.LastSeq; seq++ {
		all = append(all, testkit.Must(stream.GetMsg(ctx, seq))(b.t))
	}
	c := info.Config
	change(&c)
	testkit.OK(b.t, b.js.DeleteStream(ctx, c.Name))
	testkit.Eventually(b.t, "the server has done with the files of the stream that is deleted", func() (done bool) {
		var err error
		stream, err = b.js.CreateStream(ctx, c)
		return err == nil
	})
	for _, m := range all {
		testkit.Must(b.js.Publish(ctx, m.Subject, m.Data))(b.t)
	}
	return stream
}

// read reads the log up to a seq.
func (b *bench) read(l *log.Log, after, upto events.Seq) (all []store.Entry, err error) {
	b.t.Helper()
	err = l.ReadTo(testkit.Context(b.t), after, upto, func(e *store.Entry) error {
		all = append(all, *e)
		return nil
	})
	return all, err
}

// fold is the position of a store that has applied the log up to a seq.
func (b *bench) fold(l *log.Log, upto events.Seq) store.Position {
	b.t.Helper()
	s := testkit.Must(store.Open(store.Config{Dir: b.t.TempDir(), Identity: l.Identity()}))(b.t)
	defer func() { testkit.OK(b.t, s.Close()) }()
	var fx fold.Effects
	for _, e := range testkit.Must(b.read(l, 0, upto))(b.t) {
		testkit.OK(b.t, s.Apply(&e, &fx))
	}
	testkit.Must(s.Commit())(b.t)
	return s.Position()
}

// damageLast has the server read another payload of the last command than was written, as a
// disk may.
func (b *bench) damageLast() {
	b.t.Helper()
	b.Stop()
	files := testkit.Must(filepath.Glob(filepath.Join(b.Options.StoreDir, "jetstream", "*", "streams", b.subjects.CommandStream(), "msgs", "*.blk")))(b.t)
	if len(files) != 1 {
		b.t.Fatalf("the stream's file is not found: %v", files)
	}
	content := testkit.Must(os.ReadFile(files[0]))(b.t)
	const checksum = 8 // bytes, behind the payload
	content[len(content)-checksum-2] ^= 0x10
	testkit.OK(b.t, os.WriteFile(files[0], content, 0o600))
	b.Restart()
	b.js = b.JetStream()
}
