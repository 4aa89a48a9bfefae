package projector_test

import (
	"context"
	"flag"
	"log/slog"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"reddot/events"
	"reddot/projector"
)

var seedFlag = flag.Uint64("seed", 0, "replay the random commands of this seed; 0 draws new ones")

// drawSeed returns the seed to run with, and prints it.
func drawSeed(t *testing.T) uint64 {
	seed := *seedFlag
	if seed == 0 {
		seed = rand.Uint64()
	}
	t.Logf("replay with: go test ./projector -run %s -seed %d", t.Name(), seed)
	return seed
}

// tooLong is how long a test waits for what must happen.
const tooLong = 30 * time.Second

// takeover is after how long a process goes on where another one was killed.
const takeover = 100 * time.Millisecond

// within is a context that ends with the test, or after tooLong.
func within(t testing.TB) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), tooLong)
	t.Cleanup(cancel)
	return ctx
}

// eventually waits until something holds that nothing announces.
func eventually(t testing.TB, what string, holds func() bool) {
	t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(tooLong); !holds(); <-tick.C {
		if time.Now().After(end) {
			t.Fatalf("not within %v: %s", tooLong, what)
		}
	}
}

// must returns a value that the test can't do without.
func must[V any](v V, err error) func(testing.TB) V {
	return func(t testing.TB) V {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

// bus is a NATS server that can be stopped and started again.
type bus struct {
	authors  []*author // who dial anew after a restart
	t        testing.TB
	options  server.Options
	srv      *server.Server
	subjects events.Subjects
	js       jetstream.JetStream // the test's own
}

func newBus(t testing.TB) *bus { return newBusWith(t, 0) }

// newBusWith bounds the messages that the server takes, unless maxPayload is 0.
func newBusWith(t testing.TB, maxPayload int32) *bus {
	b := &bus{t: t, subjects: must(events.NewSubjects("unread"))(t), options: server.Options{
		Host: "127.0.0.1", Port: server.RANDOM_PORT, JetStream: true, StoreDir: t.TempDir(), JetStreamMaxStore: 1 << 50, NoSigs: true, NoLog: true,
		MaxPayload: maxPayload, MaxControlLine: 4_096,
	}}
	b.start()
	t.Cleanup(b.stop)
	b.js = must(jetstream.New(b.connect()))(t)
	return b
}

// start starts the server, again at the same address and with the same files.
func (b *bus) start() {
	b.t.Helper()
	options := b.options
	b.srv = must(server.NewServer(&options))(b.t)
	b.srv.Start()
	if !b.srv.ReadyForConnections(tooLong) {
		b.t.Fatal("the NATS server does not start")
	}
	b.options.Port = options.Port
	for _, a := range b.authors {
		a.redial(b)
	}
}

// stop stops the server; twice is once.
func (b *bus) stop() {
	b.srv.Shutdown()
	b.srv.WaitForShutdown()
}

// connect opens a connection that is found again after a restart.
func (b *bus) connect() *nats.Conn {
	b.t.Helper()
	c := must(nats.Connect(b.srv.ClientURL(), nats.MaxReconnects(-1), nats.ReconnectWait(20*time.Millisecond)))(b.t)
	b.t.Cleanup(c.Close)
	return c
}

// events is the event stream.
func (b *bus) events() jetstream.Stream {
	b.t.Helper()
	return must(b.js.Stream(within(b.t), b.subjects.EventStream()))(b.t)
}

// commands is the command stream.
func (b *bus) commands() jetstream.Stream {
	b.t.Helper()
	return must(b.js.Stream(within(b.t), b.subjects.CommandStream()))(b.t)
}

// process is a running projector with a connection of its own.
type process struct {
	*projector.Projector
	t      testing.TB
	conn   *nats.Conn
	cancel context.CancelFunc
	ended  chan error
	over   bool
	log    logged
}

// logged is what a process has logged.
type logged struct {
	mu   sync.Mutex
	text strings.Builder
}

func (l *logged) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(b)
}

func (l *logged) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

func (l *logged) has(text string) bool { return strings.Contains(l.String(), text) }

// run opens a projector on a folder and runs it.
func (b *bus) run(dir string, change ...func(*projector.Config)) *process {
	b.t.Helper()
	p := &process{t: b.t, conn: b.connect(), ended: make(chan error, 1)}
	cfg := projector.Config{
		Conn: p.conn, Subjects: b.subjects, Dir: dir, Logger: slog.New(slog.NewTextHandler(&p.log, nil)), FanoutLimit: 1_000, Takeover: takeover,
	}
	for _, f := range change {
		f(&cfg)
	}
	p.Projector = must(projector.Open(within(b.t), cfg))(b.t)
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
	p.cancel()
	if err := <-p.ended; err != nil {
		p.t.Errorf("the projector ends with: %v", err)
	}
	if err := p.Close(); err != nil {
		p.t.Error(err)
	}
	p.conn.Close()
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
	case <-time.After(tooLong):
		p.t.Fatal("the projector goes on")
		return nil
	}
}

// settle waits until a command is applied and all its events are stored.
func (p *process) settle(seq events.Seq) {
	p.t.Helper()
	ctx := within(p.t)
	if err := p.WaitApplied(ctx, seq); err != nil {
		p.t.Fatalf("wait for seq %d to be applied: %v", seq, err)
	}
	if err := p.WaitEmitted(ctx, seq); err != nil {
		p.t.Fatalf("wait for the events of seq %d: %v", seq, err)
	}
}

func (p *process) status() events.Status {
	p.t.Helper()
	return must(p.Status(within(p.t)))(p.t)
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
	a := &author{t: b.t, js: must(jetstream.New(b.connect(), jetstream.WithPublishAsyncMaxPending(1024)))(b.t), subjects: b.subjects}
	b.authors = append(b.authors, a)
	return a
}

// last is the seq of the newest command.
func (a *author) last() events.Seq { return events.Seq(len(a.log)) }

// write stores a command.
func (a *author) write(c events.Command) {
	a.t.Helper()
	payload := must(events.Encode(&c))(a.t)
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
	_, err := a.js.PublishAsync(a.log[len(a.log)-1].subject, payload, jetstream.WithExpectLastSequence(uint64(a.last()-1)), jetstream.WithStallWait(tooLong))
	if err != nil {
		a.t.Fatal(err)
	}
}

// redial goes on with a new connection: the old one may not have noticed yet
// that the server was away.
func (a *author) redial(b *bus) {
	a.t.Helper()
	a.js = must(jetstream.New(b.connect()))(a.t)
}

// flush waits until what was written is stored, and returns its last seq.
func (a *author) flush() events.Seq {
	a.t.Helper()
	select {
	case <-a.js.PublishAsyncComplete():
	case <-time.After(tooLong):
		a.t.Fatal("commands are not acknowledged")
	}
	stream := must(a.js.Stream(within(a.t), a.subjects.CommandStream()))(a.t)
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
