package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"golang.org/x/sync/errgroup"

	"reddot/api"
	"reddot/api/gate"
	"reddot/cmd/reddot/datadir"
	"reddot/cmd/reddot/natsconn"
	"reddot/cmd/reddot/natsserver"
	"reddot/cmd/reddot/repository"
	"reddot/events"
	"reddot/projector"
)

// serving is one server.
type serving struct {
	cfg    *serveConfig
	log    *slog.Logger
	stderr io.Writer

	// ready is called once, when commands are accepted and queries are
	// answered, with the URL of the NATS server and the address of the HTTP
	// server; the latter is empty if there is none.
	ready func(nats, http string)

	instance string      // the name of the data folder
	settings []slog.Attr // what the command line and the environment say, for the log

	fail     func(error) // ends the server with a reason; valid within run
	subjects events.Subjects
	registry *prometheus.Registry
	source   *projection
	checked  bool // the log, for the first projector
}

// serve runs the server until ctx ends or a part of it fails.
func (a *app) serve(ctx context.Context, cfg serveConfig, settings []slog.Attr) error {
	s := &serving{cfg: &cfg, log: a.logger(&cfg), settings: settings, stderr: a.stderr, ready: func(nats, http string) {
		line := "ready nats=" + nats
		if http != "" {
			line += " http=" + http
		}
		fmt.Fprintln(a.stdout, line)
	}}
	return s.run(ctx)
}

// errStarting is why a server is not ready at first.
var errStarting = errors.New("starting")

// failure is why a server ends by itself.
type failure struct{ error }

func (f failure) Unwrap() error { return f.error }

// run serves until ctx ends or a part of the server fails.
func (s *serving) run(ctx context.Context) (err error) {
	data := datadir.Dir(s.cfg.data)
	unlock, err := data.Lock()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, unlock()) }()
	if s.instance, err = data.Instance(); err != nil {
		return err
	}
	data.Tighten(s.log)
	if err := data.SweepScratch(); err != nil {
		s.log.Warn("what a crashed command has left is not removed", "error", err)
	}
	defer s.logLife(&err)()
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	s.fail = func(err error) { cancel(failure{err}) }
	defer func() {
		if why, ok := errors.AsType[failure](context.Cause(ctx)); ok {
			if errors.Is(err, context.Canceled) {
				err = nil // that is how the others ended
			}
			err = errors.Join(why.error, err)
		}
	}()
	subjects, err := events.NewSubjects(s.cfg.prefix)
	if err != nil {
		return err
	}
	s.subjects, s.registry = subjects, prometheus.NewRegistry()
	s.registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}), buildFigure())
	s.source = &projection{log: s.log, stream: subjects.CommandStream()}
	s.source.begin(errStarting)
	http, err := s.serveHTTP(ctx)
	if err != nil {
		return err
	}
	defer http.wait()
	defer cancel(nil)
	if s.cfg.external() {
		err = s.runExternal(ctx, http.addr)
	} else {
		err = s.runEmbedded(ctx, http.addr)
	}
	return err
}

// logLife logs the beginning, and the end when the function is called that it
// returns. The reason of an end that nobody asked for is on standard error as
// well.
func (s *serving) logLife(err *error) func() {
	began := time.Now()
	host, _ := os.Hostname() // empty if it has none
	data, e := filepath.Abs(s.cfg.data)
	if e != nil {
		data = s.cfg.data
	}
	s.log.LogAttrs(context.Background(), slog.LevelInfo, "reddot starts", slog.String("version", version()),
		slog.String("host", host), slog.Int("pid", os.Getpid()), slog.String("data", data), slog.GroupAttrs("settings", s.settings...))
	return func() {
		attrs := []slog.Attr{slog.Duration("after", time.Since(began).Round(time.Millisecond))}
		if *err != nil {
			attrs = append(attrs, slog.String("error", oneLine(*err)))
		}
		s.log.LogAttrs(context.Background(), slog.LevelInfo, "reddot ends", attrs...)
	}
}

// runExternal serves with an existing NATS server.
func (s *serving) runExternal(ctx context.Context, http string) error {
	urls, err := s.cfg.urls()
	if err != nil {
		return err
	}
	return s.runAt(ctx, &link{cfg: s.cfg, urls: urls, needs: needs(s.cfg, s.subjects), log: s.log, stop: s.fail, waiting: s.source.begin}, http)
}

// runEmbedded serves with a NATS server in this process.
func (s *serving) runEmbedded(ctx context.Context, http string) error {
	reads, err := readsAtStart(repository.Place{Data: datadir.Dir(s.cfg.data), At: s.cfg.snapshots}, s.subjects.CommandStream())
	if err != nil {
		return err
	}
	server, err := natsserver.Open(natsserver.Config{
		Data: datadir.Dir(s.cfg.data), Listen: s.cfg.listen, Sync: s.cfg.sync, Reads: reads, Logger: s.log, Failed: s.fail,
	})
	if err != nil {
		return err
	}
	defer func() {
		if e := server.Shutdown(); e != nil {
			s.log.Error("ending the NATS server", "error", e)
		}
	}()
	err = s.listen(ctx, server)
	if ctx.Err() != nil && errors.Is(err, context.Canceled) {
		return nil // asked to end while the log was checked
	}
	if err != nil {
		return err
	}
	how := []nats.Option{server.InProcess()}
	return s.runAt(ctx, &link{cfg: s.cfg, urls: server.URL(), how: how, log: s.log, stop: s.fail, waiting: s.source.begin}, http)
}

// httpServer is the HTTP listener at work; none if addr is empty.
type httpServer struct {
	addr string
	wait func() // until it has ended
}

// serveHTTP serves health and metrics, before anything else works, until ctx
// ends.
func (s *serving) serveHTTP(ctx context.Context) (httpServer, error) {
	if s.cfg.http == "" {
		return httpServer{wait: func() {}}, nil
	}
	h, err := api.NewHTTP(api.HTTPConfig{
		Addr: s.cfg.http, Source: s.source, Registry: s.registry, Ready: s.source.Ready, But: s.source.flaws,
		Profiles: s.cfg.profiles, AnyHost: s.cfg.insecureOpen, Logger: s.log,
	})
	if err == nil {
		err = h.Listen()
	}
	if err != nil {
		return httpServer{}, err
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		if err := part(ctx, "HTTP server", h.Run(ctx)); err != nil {
			s.fail(err)
		}
	}()
	return httpServer{h.Addr(), func() { <-ended }}, nil
}

// listen checks the log of the embedded server and then lets others connect.
func (s *serving) listen(ctx context.Context, server *natsserver.Server) error {
	conn, err := server.Connect()
	if err != nil {
		return err
	}
	taker, err := openSnapshots(ctx, s.cfg, conn, 1, s.log)
	if err == nil {
		err = s.checkLog(ctx, conn, taker)
	}
	conn.Close()
	if err != nil {
		return err
	}
	s.checked = true
	return server.Listen()
}

// runAt serves with the NATS server at the end of a link.
func (s *serving) runAt(ctx context.Context, l *link, http string) (err error) {
	encoding, err := events.ParseEncoding(s.cfg.eventEncoding)
	if err != nil {
		return err
	}
	var conns []*nats.Conn
	defer func() {
		for _, c := range conns {
			c.Close()
		}
	}()
	// The log is read on a connection of its own: a full pipe of commands must
	// not hold up the answers.
	for _, name := range []string{"reddot projector", "reddot queries"} {
		c, err := l.connect(ctx, name)
		if err != nil {
			return askedToEnd(ctx, err)
		}
		conns = append(conns, c)
	}
	apiConn := conns[1]
	s.source.begin(errStarting)
	others, err := listenToPeers(conns[0], s.subjects, s.source, s.log)
	if err != nil {
		return err
	}
	s.source.peers.Store(others)
	next := projector.Config{
		Conn: conns[0], Peers: others, Subjects: s.subjects, Dir: datadir.Dir(s.cfg.data).Store(), Logger: s.log, Registry: s.registry,
		Skip: s.cfg.skip, FanoutLimit: uint64(s.cfg.fanoutLimit), Encoding: encoding,
		EventsMaxAge: s.cfg.eventsMaxAge, EventsMaxBytes: int64(s.cfg.eventsMaxSize), Takeover: s.cfg.takeover, Instance: s.instance,
	}
	on := &replicas{asked: s.cfg.replicas, log: s.log, settle: settleTime}
	opened := func(err error) error {
		return l.opened(on.refused(apiConn, err), apiConn.ConnectedClusterName() != "")
	}
	err = l.patiently(ctx, func() (err error) {
		if err := l.probe(apiConn); err != nil {
			return err
		}
		if next.Replicas, err = on.of(apiConn); err != nil {
			return err
		}
		return s.open(ctx, next, apiConn, opened)
	})
	if err != nil {
		return askedToEnd(ctx, err)
	}
	at, err := newSite(apiConn, s.cfg, s.subjects, on.alone, s.log)
	if err != nil {
		return errors.Join(err, s.source.close())
	}
	s.source.site.Store(at)
	return s.runParts(ctx, apiConn, http)
}

// askedToEnd is an error of a server that had not begun to serve: none if it was
// asked to end.
func askedToEnd(ctx context.Context, err error) error {
	if ctx.Err() != nil && errors.Is(err, context.Canceled) {
		return nil
	}
	return err
}

// runParts runs the projection and the queries until ctx ends or one of them
// does.
func (s *serving) runParts(ctx context.Context, conn *nats.Conn, http string) (err error) {
	source, registry := s.source, s.registry
	ran := false
	defer func() {
		if !ran {
			err = errors.Join(err, source.close())
		}
	}()
	queryMetrics, err := api.NewMetrics(registry)
	if err != nil {
		return err
	}
	js, err := jetstream.New(conn)
	if err == nil {
		err = registry.Register(newStreamFigures(js, s.subjects))
	}
	if err != nil {
		return err
	}
	if source.snapshots != nil {
		if err := errors.Join(source.snapshots.of(source), source.snapshots.register(registry)); err != nil {
			return err
		}
	}
	door, err := gate.New(gate.Config{Conn: conn, Subjects: s.subjects, Source: source, Rate: s.cfg.gate.rate()})
	if err != nil {
		return err
	}
	service, err := api.NewService(api.ServiceConfig{
		Conn: conn, Subjects: s.subjects, Source: source, Keeper: source, Gate: door, ReplyPrefixes: s.cfg.gate.replyPrefixes,
		Version: serviceVersion(), Logger: s.log, Metrics: queryMetrics,
	})
	if err != nil {
		return err
	}
	if err := registry.Register(newPeerFigures(source)); err != nil {
		return err
	}
	at := source.site.Load()
	at.look(ctx)
	at.logged()
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return at.run(ctx) })
	if !s.cfg.external() {
		g.Go(func() error { return s.scrub(ctx) })
	}
	// The projector ends after the queries, which it answers to the last.
	projecting, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	ran = true
	source.peers.Load().Hello(ctx) // before anything is read
	g.Go(func() error { return part(ctx, "projector", source.run(projecting)) })
	g.Go(func() error {
		source.peers.Load().Run(projecting)
		return nil
	})
	if source.snapshots != nil {
		g.Go(func() error { return part(ctx, "snapshots", source.snapshots.scheduler.Run(ctx)) })
	}
	g.Go(func() error {
		defer stop()
		return part(ctx, "query service", service.Run(ctx))
	})
	g.Go(func() error {
		select {
		case <-service.Ready():
		case <-ctx.Done():
			return nil
		}
		s.ready(natsconn.Redacted(conn.ConnectedUrl()), http)
		return nil
	})
	return g.Wait()
}

// part is the end of one part of the server: any end but the one asked for is
// an error, so that nothing ends silently.
func part(ctx context.Context, name string, err error) error {
	switch {
	case err != nil:
		return fmt.Errorf("%s: %w", name, err)
	case ctx.Err() == nil:
		return fmt.Errorf("%s ended by itself", name)
	}
	return nil
}
