package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync/atomic"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/nats-io/nats.go"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"golang.org/x/sync/errgroup"

	"reddot/api"
	"reddot/events"
	"reddot/projector"
)

// serving is one server.
type serving struct {
	cfg *serveConfig
	log *slog.Logger

	// ready is called once, when commands are accepted and queries are
	// answered, with the URL of the NATS server and the address of the HTTP
	// server; the latter is empty if there is none.
	ready func(nats, http string)

	checked bool // the log, for the first projector
}

// serve runs the server until ctx ends or a part of it fails.
func (a *app) serve(ctx context.Context, cfg serveConfig) error {
	s := &serving{cfg: &cfg, log: a.logger(&cfg), ready: func(nats, http string) {
		line := "ready nats=" + nats
		if http != "" {
			line += " http=" + http
		}
		fmt.Fprintln(a.stdout, line)
	}}
	return s.run(ctx)
}

// run serves until ctx ends or a part of the server fails.
func (s *serving) run(ctx context.Context) (err error) {
	unlock, err := lockData(s.cfg.data)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, unlock()) }()
	if err := sweepScratch(s.cfg.data); err != nil {
		s.log.Warn("what a crashed command has left is not removed", "error", err)
	}
	if s.cfg.external() {
		urls, err := s.cfg.urls()
		if err != nil {
			return err
		}
		return s.runAt(ctx, urls)
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var failure atomic.Pointer[error]
	defer func() {
		if why := failure.Load(); why != nil {
			err = errors.Join(*why, err)
		}
	}()
	server, err := openServer(serverConfig{dir: s.cfg.data, listen: s.cfg.listen, sync: s.cfg.sync, log: s.log, failed: func(err error) {
		failure.CompareAndSwap(nil, &err)
		cancel()
	}})
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
	// Without the network a command or an answer costs two calls of the system
	// less.
	return s.runAt(ctx, server.URL(), nats.InProcessServer(server.srv))
}

// listen checks the log of the embedded server and then lets others connect.
func (s *serving) listen(ctx context.Context, server *natsServer) error {
	conn, err := server.Connect()
	if err != nil {
		return err
	}
	taker, err := openSnapshots(ctx, s.cfg, conn, s.log)
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

func (a *app) logger(cfg *serveConfig) *slog.Logger {
	options := &slog.HandlerOptions{Level: slog.Level(cfg.logLevel), ReplaceAttr: logged}
	if cfg.logFormat == "json" {
		return slog.New(slog.NewJSONHandler(a.stderr, options))
	}
	return slog.New(slog.NewTextHandler(a.stderr, options))
}

// logged is an attribute as the log has it: without secrets, and with times that
// name their unit.
func logged(_ []string, a slog.Attr) slog.Attr {
	switch a.Value.Kind() {
	case slog.KindDuration:
		a.Value = slog.StringValue(a.Value.Duration().String())
	case slog.KindString:
		a.Value = slog.StringValue(scrubbed(a.Value.String()))
	case slog.KindAny:
		switch v := a.Value.Any().(type) {
		case error:
			a.Value = slog.StringValue(scrubbed(v.Error()))
		case fmt.Stringer:
			a.Value = slog.StringValue(scrubbed(v.String()))
		}
	}
	return a
}

// lockData takes the data folder for this process.
func lockData(dir string) (unlock func() error, err error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, fmt.Errorf("create the data folder: %w", err)
	}
	lock, err := vfs.Default.Lock(filepath.Join(dir, "LOCK"))
	if err != nil {
		return nil, fmt.Errorf("data folder %s is in use by another reddot: end that one, or choose another folder with --data (%w)", dir, err)
	}
	return lock.Close, nil
}

// runAt serves with the NATS server at a URL.
func (s *serving) runAt(ctx context.Context, url string, how ...nats.Option) (err error) {
	cfg, log := s.cfg, s.log
	subjects, err := events.NewSubjects(cfg.prefix)
	if err != nil {
		return err
	}
	encoding, err := events.ParseEncoding(cfg.eventEncoding)
	if err != nil {
		return err
	}
	// The log is read on a connection of its own: a full pipe of commands must
	// not hold up the answers.
	logConn, err := connectServer(cfg, url, "reddot projector", log, how...)
	if err != nil {
		return err
	}
	defer logConn.Close()
	apiConn, err := connectServer(cfg, url, "reddot queries", log, how...)
	if err != nil {
		return err
	}
	defer apiConn.Close()
	registry := prometheus.NewRegistry()
	registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	taker, err := openSnapshots(ctx, cfg, apiConn, log)
	if err != nil {
		return err
	}
	next := projector.Config{
		Conn: logConn, Subjects: subjects, Dir: filepath.Join(cfg.data, storeFolder), Logger: log, Registry: registry,
		FanoutLimit: uint64(cfg.fanoutLimit), Encoding: encoding,
		EventsMaxAge: cfg.eventsMaxAge, EventsMaxBytes: int64(cfg.eventsMaxSize),
	}
	source := &projection{log: log, stream: subjects.CommandStream(), snapshots: taker, open: func(ctx context.Context) (*projector.Projector, error) {
		return s.openProjector(ctx, next, taker, apiConn)
	}}
	err = source.openFirst(ctx)
	if ctx.Err() != nil && errors.Is(err, context.Canceled) {
		return nil // asked to end while it opened
	}
	if err != nil {
		return err
	}
	return s.runParts(ctx, source, apiConn, subjects, registry)
}

// openProjector opens the first projector or a further one.
func (s *serving) openProjector(ctx context.Context, cfg projector.Config, taker *snapshots, conn *nats.Conn) (*projector.Projector, error) {
	if !s.checked {
		if err := s.checkLog(ctx, conn, taker); err != nil {
			return nil, err
		}
	}
	s.checked = false
	if taker != nil {
		cfg.Restore = taker.restore
	}
	p, err := projector.Open(ctx, cfg)
	return p, taker.advise(ctx, conn, err)
}

// runParts runs the projection, the queries and the HTTP server until ctx ends
// or one of them does.
func (s *serving) runParts(ctx context.Context, source *projection, conn *nats.Conn,
	subjects events.Subjects, registry *prometheus.Registry,
) (err error) {
	cfg, log := s.cfg, s.log
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
	if source.snapshots != nil {
		if err := errors.Join(source.snapshots.of(source), source.snapshots.register(registry)); err != nil {
			return err
		}
	}
	service, err := api.NewService(api.ServiceConfig{
		Conn: conn, Subjects: subjects, Source: source, Keeper: source, Version: serviceVersion(), Logger: log, Metrics: queryMetrics,
	})
	if err != nil {
		return err
	}
	g, ctx := errgroup.WithContext(ctx)
	addr := ""
	if cfg.http != "" {
		h, err := api.NewHTTP(api.HTTPConfig{Addr: cfg.http, Source: source, Registry: registry, Ready: source.Ready, Profiles: cfg.profiles, AnyHost: cfg.insecureOpen, Logger: log})
		if err == nil {
			err = h.Listen()
		}
		if err != nil {
			return err
		}
		addr = h.Addr()
		g.Go(func() error { return part(ctx, "HTTP server", h.Run(ctx)) })
	}
	// The projector ends after the queries, which it answers to the last.
	projecting, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	ran = true
	g.Go(func() error { return part(ctx, "projector", source.run(projecting)) })
	if source.snapshots != nil {
		g.Go(func() error { return part(ctx, "snapshots", source.snapshots.run(ctx)) })
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
		if err := source.waitReady(ctx); err != nil {
			return nil // the projector's own error is told
		}
		s.ready(redacted(conn.ConnectedUrl()), addr)
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

// connectServer connects to the NATS server, and again whenever it was away.
func connectServer(cfg *serveConfig, urls, name string, log *slog.Logger, how ...nats.Option) (*nats.Conn, error) {
	options, err := cfg.auth.options()
	if err != nil {
		return nil, err
	}
	options = append(options,
		nats.Name(name),
		nats.MaxReconnects(-1),
		nats.ReconnectWait(200*time.Millisecond),
		nats.DisconnectErrHandler(func(_ *nats.Conn, err error) {
			if err != nil {
				log.Warn("NATS server lost", "connection", name, "error", err)
			}
		}),
		nats.ReconnectHandler(func(c *nats.Conn) {
			log.Info("NATS server back", "connection", name, "url", redacted(c.ConnectedUrl()))
		}),
		nats.ErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) {
			log.Warn("NATS connection", "connection", name, "error", err)
		}),
	)
	conn, err := nats.Connect(urls, append(options, how...)...)
	if err != nil {
		if refused := cfg.auth.refused(err, urls); refused != nil {
			return nil, refused
		}
		return nil, fmt.Errorf("no NATS server at %s: check --nats, or leave it out to start one (%w)", redacted(urls), safe(err))
	}
	return conn, nil
}
