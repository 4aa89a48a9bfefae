package projector_test

import (
	"context"
	"log/slog"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"reddot/events"
	"reddot/projector"
	"reddot/projector/testkit"
	"reddot/projector/testkit/natstest"
)

// takeover is after how long a process goes on where another one was killed.
const takeover = 100 * time.Millisecond

// bus is a NATS server that can be stopped and started again.
type bus struct {
	*natstest.Server
	authors  []*author // who dial again after a restart
	t        testing.TB
	subjects events.Subjects
	js       jetstream.JetStream // the test's own
}

func newBus(t testing.TB) *bus { return newBusWith(t, 0) }

// newBusWith bounds the messages that the server takes, unless maxPayload is 0.
func newBusWith(t testing.TB, maxPayload int32) *bus {
	b := &bus{t: t, subjects: testkit.Must(events.NewSubjects("unread"))(t)}
	b.Server = natstest.Start(t, func(o *server.Options) { o.MaxPayload, o.MaxControlLine = maxPayload, 4_096 })
	b.js = b.JetStream()
	return b
}

// restart starts the server again; those who write have new connections.
func (b *bus) restart() {
	b.t.Helper()
	b.Restart()
	for _, a := range b.authors {
		a.redial(b)
	}
}

// events is the event stream.
func (b *bus) events() jetstream.Stream {
	b.t.Helper()
	return testkit.Must(b.js.Stream(testkit.Context(b.t), b.subjects.EventStream()))(b.t)
}

// commands is the command stream.
func (b *bus) commands() jetstream.Stream {
	b.t.Helper()
	return testkit.Must(b.js.Stream(testkit.Context(b.t), b.subjects.CommandStream()))(b.t)
}

// process is a running projector with a connection of its own.
type process struct {
	*projector.Projector
	t      testing.TB
	conn   *nats.Conn
	cancel context.CancelFunc
	ended  chan error
	over   bool
	log    testkit.Buffer
}

// run opens a projector on a folder and runs it.
func (b *bus) run(dir string, change ...func(*projector.Config)) *process {
	b.t.Helper()
	p := &process{t: b.t, conn: b.Connect(), ended: make(chan error, 1)}
	cfg := projector.Config{
		Conn: p.conn, Subjects: b.subjects, Dir: dir, Logger: slog.New(slog.NewTextHandler(&p.log, nil)), FanoutLimit: 1_000, Takeover: takeover,
	}
	for _, f := range change {
		f(&cfg)
	}
	p.Projector = testkit.Must(projector.Open(testkit.Context(b.t), cfg))(b.t)
	var ctx context.Context
	ctx, p.cancel = context.WithCancel(context.Background())
	go func() { p.ended <- p.Run(ctx) }()
	b.t.Cleanup(func() {
		p.stop()
		if b.t.Failed() && p.log.String() != "" {
			b.t.Logf("log of the projector in %s:\n%s", dir, p.log.String())
		}
	})
	return p
}

// stop ends the projector as its program does; twice is once.
func (p *process) stop() {
	if p.over {
		return
	}
	p.over = true
	p.end()
	if err := p.Close(); err != nil {
		p.t.Error(err)
	}
	p.conn.Close()
}

// end ends the run of the projector, and leaves it open.
func (p *process) end() {
	p.cancel()
	if err := <-p.ended; err != nil {
		p.t.Errorf("the projector ends with: %v", err)
	}
	p.ended <- nil
}

// kill cuts the projector off in the middle of whatever it sends.
func (p *process) kill() {
	p.over = true
	p.conn.Close()
	p.cancel()
	<-p.ended // why does not matter
	if err := p.Close(); err != nil {
		p.t.Error(err)
	}
}

// fails waits for the projector to end by itself, closes it and returns why it
// has ended.
func (p *process) fails() error {
	p.t.Helper()
	p.over = true
	defer p.conn.Close()
	select {
	case err := <-p.ended:
		if e := p.Close(); e != nil {
			p.t.Error(e)
		}
		return err
	case <-time.After(testkit.Patience):
		p.t.Fatal("the projector goes on")
		return nil
	}
}

// settle waits until a command is applied and all its events are stored.
func (p *process) settle(seq events.Seq) {
	p.t.Helper()
	ctx := testkit.Context(p.t)
	if err := p.WaitApplied(ctx, seq); err != nil {
		p.t.Fatalf("wait for seq %d to be applied: %v", seq, err)
	}
	if err := p.WaitEmitted(ctx, seq); err != nil {
		p.t.Fatalf("wait for the events of seq %d: %v", seq, err)
	}
}

func (p *process) status() events.Status {
	p.t.Helper()
	return testkit.Must(p.Status(testkit.Context(p.t)))(p.t)
}

// author writes the command stream and keeps a copy of it.
type author struct {
	t        testing.TB
	js       jetstream.JetStream
	subjects events.Subjects
	log      []command
}

// command is a command as it was written: by its form it is refused, or it is
// in Command.
type command struct {
	events.Command
	subject   string
	malformed bool
}

func (b *bus) author() *author {
	a := &author{t: b.t, js: testkit.Must(jetstream.New(b.Connect(), jetstream.WithPublishAsyncMaxPending(1024)))(b.t), subjects: b.subjects}
	b.authors = append(b.authors, a)
	return a
}

// last is the seq of the newest command.
func (a *author) last() events.Seq { return events.Seq(len(a.log)) }

// write stores a command.
func (a *author) write(c events.Command) {
	a.t.Helper()
	payload := testkit.Must(events.Encode(&c))(a.t)
	a.log = append(a.log, command{Command: c, subject: a.subjects.Command(events.Target{Verb: c.Verb, Inbox: c.Inbox})})
	a.publish(payload)
}

// garble stores a message that is not a command.
func (a *author) garble(subject string, payload []byte) {
	a.t.Helper()
	a.log = append(a.log, command{subject: subject, malformed: true})
	a.publish(payload)
}

func (a *author) publish(payload []byte) {
	a.t.Helper()
	_, err := a.js.PublishAsync(a.log[len(a.log)-1].subject, payload, jetstream.WithExpectLastSequence(uint64(a.last()-1)), jetstream.WithStallWait(testkit.Patience))
	if err != nil {
		a.t.Fatal(err)
	}
}

// redial goes on with a new connection: the old one may not have noticed yet
// that the server was away.
func (a *author) redial(b *bus) {
	a.t.Helper()
	a.js = b.JetStream()
}

// flush waits until what was written is stored, and returns its last seq.
func (a *author) flush() events.Seq {
	a.t.Helper()
	select {
	case <-a.js.PublishAsyncComplete():
	case <-time.After(testkit.Patience):
		a.t.Fatal("commands are not acknowledged")
	}
	stream := testkit.Must(a.js.Stream(testkit.Context(a.t), a.subjects.CommandStream()))(a.t)
	if end := stream.CachedInfo().State.LastSeq; end != uint64(a.last()) {
		a.t.Fatalf("the command stream ends at %d, not at %d", end, a.last())
	}
	return a.last()
}

// message has a user receive a C2C message.
func (a *author) message(to, from, id string) {
	a.t.Helper()
	a.write(events.Command{Verb: events.UserMessage, Inbox: to, From: from, ID: id})
}

// authorAt goes on writing the log of another author, with a new connection.
func (b *bus) authorAt(a *author) *author {
	b.t.Helper()
	next := b.author()
	next.log = a.log
	return next
}
