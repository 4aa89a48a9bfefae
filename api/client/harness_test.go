package client_test

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"golang.org/x/sync/errgroup"

	"reddot/api"
	"reddot/api/client"
	"reddot/api/gate"
	"reddot/events"
	"reddot/projector"
	"reddot/projector/peers"
	"reddot/projector/testkit"
	"reddot/projector/testkit/natstest"
)

func TestMain(m *testing.M) { testkit.Main(m) }

// host is a NATS server and a reddot, each of which can be ended and started
// again with the files it had.
type host struct {
	*natstest.Server
	dir    string         // reddot's
	users  []*server.User // of the server; the first is reddot
	fanout uint64
	rate   int // of users' commands, as in gate.Config
	log    *slog.Logger

	reddot *running
}

func newHost(dir string, change ...func(*host)) *host {
	h := &host{dir: dir, fanout: 1000, log: slog.New(slog.DiscardHandler)}
	for _, f := range change {
		f(h)
	}
	return h
}

// running is a reddot that runs.
type running struct {
	conn *nats.Conn
	stop context.CancelFunc
	part *errgroup.Group
	over context.Context // ends with it

	p       *projector.Projector
	service *api.Service
}

// projection lets the query service ask a projector.
type projection struct{ *projector.Projector }

func (s projection) View() (api.View, error) { return s.Projector.View() }

func (s projection) Holds(user string, c events.ConversationID) (bool, error) {
	v, err := s.Projector.View()
	if err != nil {
		return false, err
	}
	holds, err := v.Holds(user, c)
	return holds, errors.Join(err, v.Close())
}

func (s projection) HoldsThread(user string, c events.ConversationID, thread string) (bool, error) {
	v, err := s.Projector.View()
	if err != nil {
		return false, err
	}
	holds, err := v.HoldsThread(user, c, thread)
	return holds, errors.Join(err, v.Close())
}

func (s projection) SelfMade(user string) (int, error) {
	v, err := s.Projector.View()
	if err != nil {
		return 0, err
	}
	n, err := v.SelfMade(user)
	return n, errors.Join(err, v.Close())
}

// keeper rebuilds, and takes no snapshots.
type keeper struct{ *projector.Projector }

func (k keeper) Rebuild(context.Context) (events.Rebuild, error) { return k.Projector.Rebuild() }

func (keeper) Snapshot(context.Context) (events.Snapshot, error) {
	return events.Snapshot{}, &events.Invalid{Reason: "snapshots are off"}
}

// startReddot starts the projector and the query service, and returns once
// they are ready.
func (h *host) startReddot() error {
	applies := make(chan struct{})
	close(applies)
	if err := h.beginReddot(applies); err != nil {
		return err
	}
	return h.ready()
}

// ready waits until queries are answered.
func (h *host) ready() error {
	select {
	case <-h.reddot.service.Ready():
		return nil
	case <-h.reddot.over.Done():
		return h.reddot.part.Wait()
	}
}

// beginReddot starts a reddot that applies nothing until the channel is closed.
func (h *host) beginReddot(applies <-chan struct{}) error {
	conn, err := nats.Connect(h.URL(), nats.MaxReconnects(-1), nats.ReconnectWait(20*time.Millisecond), h.user())
	if err != nil {
		return err
	}
	subjects, err := events.NewSubjects(events.DefaultPrefix)
	if err != nil {
		return err
	}
	ctx, stop := context.WithCancel(context.Background())
	others, err := peers.New(peers.Config{Conn: conn, Subjects: subjects, Self: func() events.Peer { return events.Peer{} }, Logger: h.log})
	if err != nil {
		stop()
		return err
	}
	p, err := projector.Open(ctx, projector.Config{
		Peers: others, Conn: conn, Subjects: subjects, Dir: h.dir, Logger: h.log, FanoutLimit: h.fanout,
	})
	if err != nil {
		stop()
		return err
	}
	door, err := gate.New(gate.Config{Conn: conn, Subjects: subjects, Source: projection{p}, Rate: h.rate})
	if err != nil {
		stop()
		return err
	}
	service, err := api.NewService(api.ServiceConfig{
		Conn: conn, Subjects: subjects, Source: projection{p}, Gate: door, Keeper: keeper{p}, Version: "0.0.0", Logger: h.log,
	})
	if err != nil {
		stop()
		return err
	}
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error {
		select {
		case <-applies:
		case <-ctx.Done():
		}
		return p.Run(ctx)
	})
	g.Go(func() error {
		others.Run(ctx)
		return nil
	})
	g.Go(func() error { return service.Run(ctx) })
	h.reddot = &running{conn: conn, stop: stop, part: g, over: ctx, p: p, service: service}
	return nil
}

// user is who reddot is, where the server asks.
func (h *host) user() nats.Option {
	if len(h.users) == 0 {
		return func(*nats.Options) error { return nil }
	}
	return nats.UserInfo(h.users[0].Username, h.users[0].Password)
}

func (h *host) stopReddot() error {
	r := h.reddot
	if r == nil {
		return nil
	}
	h.reddot = nil
	r.stop()
	err := errors.Join(r.part.Wait(), r.p.Close())
	r.conn.Close()
	return err
}

// start starts a host for a test, and ends it with the test.
func start(tb testing.TB, change ...func(*host)) *host {
	tb.Helper()
	h := newHost(tb.TempDir(), change...)
	h.Server = natstest.Start(tb, func(o *server.Options) { o.Users = h.users })
	tb.Cleanup(func() {
		if err := h.stopReddot(); err != nil {
			tb.Error(err)
		}
	})
	testkit.OK(tb, h.startReddot())
	return h
}

// serve is start for an example: it panics where a test would fail.
func serve() (url string, stop func()) {
	must := func(err error) {
		if err != nil {
			panic(err)
		}
	}
	dir, err := os.MkdirTemp("", "reddot")
	must(err)
	h := newHost(filepath.Join(dir, "reddot"))
	h.Server, err = natstest.Open(filepath.Join(dir, "nats"))
	must(err)
	must(h.startReddot())
	return h.URL(), func() {
		must(h.stopReddot())
		h.Stop()
		must(os.RemoveAll(dir))
	}
}

// connect opens a connection as a program would that is to survive outages.
func (h *host) connect(tb testing.TB, opts ...nats.Option) *nats.Conn {
	tb.Helper()
	opts = append([]nats.Option{
		nats.MaxReconnects(-1), nats.ReconnectWait(10 * time.Millisecond), nats.ReconnectJitter(0, 0), h.user(),
		nats.ErrorHandler(func(*nats.Conn, *nats.Subscription, error) {}), // else it prints
	}, opts...)
	conn, err := nats.Connect(h.URL(), opts...)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(conn.Close)
	return conn
}

// client returns a client on a connection of its own.
func (h *host) client(tb testing.TB, opts client.Options) *client.Client {
	tb.Helper()
	return newClient(tb, h.connect(tb), opts)
}

func newClient(tb testing.TB, conn *nats.Conn, opts client.Options) *client.Client {
	tb.Helper()
	if opts.Timeout == 0 {
		opts.Timeout = testkit.Patience
	}
	c, err := client.New(conn, opts)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(c.Close)
	return c
}

// script stores commands one after the other and returns the last one's seq
// once its events are stored.
func script(tb testing.TB, c *client.Client, commands ...events.Command) events.Seq {
	tb.Helper()
	var seq events.Seq
	for i, command := range commands {
		var opts []client.CommandOption
		if i == len(commands)-1 {
			opts = append(opts, client.WaitEmitted())
		}
		var err error
		if seq, err = c.Send(tb.Context(), command, opts...); err != nil {
			tb.Fatal(err)
		}
	}
	return seq
}

// message is a C2C message.
func message(to, from, id string) events.Command {
	return events.Command{Verb: events.UserMessage, Inbox: to, From: from, ID: id}
}

// groupMessage is a message in a group.
func groupMessage(group, from, id string) events.Command {
	return events.Command{Verb: events.GroupMessage, Inbox: group, From: from, ID: id}
}

// join makes users members of a group.
func join(group string, users ...string) events.Command {
	return events.Command{Verb: events.GroupJoin, Inbox: group, Users: users}
}

// answered asks, and again while reddot can't know what the newest state is, as just
// after an outage.
func answered(tb testing.TB, ask func(context.Context) error) {
	tb.Helper()
	ctx := testkit.Context(tb) // longer than a client's timeout
	testkit.Eventually(tb, "an answer", func() bool {
		err := ask(ctx)
		if err != nil && !errors.Is(err, client.ErrUnavailable) {
			tb.Fatal(err)
		}
		return err == nil
	})
}
