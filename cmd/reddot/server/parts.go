package server

import (
	"context"
	"errors"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"golang.org/x/sync/errgroup"

	"reddot/api"
	"reddot/api/gate"
	"reddot/api/stream"
	"reddot/cmd/reddot/natsconn"
	"reddot/events"
	"reddot/projector"
)

// runAt serves with the NATS server at the end of a link.
func (s *Server) runAt(ctx context.Context, l *link, http string) (err error) {
	encoding, err := events.ParseEncoding(s.cfg.EventEncoding)
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
	// not hold up the answers, nor events for many streams either of them.
	names := []string{"reddot projector", "reddot queries", "reddot streams"}
	if s.cfg.Webhooks != "" { // acknowledgements by the thousand must not, either
		names = append(names, "reddot webhooks")
	}
	for _, name := range names {
		c, err := l.connect(ctx, name)
		if err != nil {
			return askedToEnd(ctx, err)
		}
		conns = append(conns, c)
	}
	apiConn := conns[1]
	asking, err := s.answerCallouts(ctx, apiConn)
	if err != nil {
		return err
	}
	defer asking()
	s.source.begin(errStarting)
	others, err := s.listenToPeers(conns[0])
	if err != nil {
		return err
	}
	s.source.peers.Store(others)
	next := projector.Config{
		Conn: conns[0], Peers: others, Subjects: s.subjects, Dir: s.cfg.Data.Store(), Logger: s.log, Registry: s.registry,
		Skip: s.cfg.Skip, FanoutLimit: uint64(s.cfg.FanoutLimit), Encoding: encoding,
		EventsMaxAge: s.cfg.EventsMaxAge, EventsMaxBytes: int64(s.cfg.EventsMaxBytes), Takeover: s.cfg.Takeover, Instance: s.instance,
	}
	if server := s.embedded.Load(); server != nil {
		next.Files = server.Records(s.subjects.CommandStream())
	}
	on := &replicas{asked: s.cfg.Replicas, log: s.log, settle: settleTime}
	explain := func(err error) error {
		return l.explainOpen(on.explainRefusal(apiConn, err), apiConn.ConnectedClusterName() != "")
	}
	err = l.retry(ctx, func() (err error) {
		if err := l.probe(apiConn); err != nil {
			return err
		}
		if next.Replicas, err = on.choose(apiConn); err != nil {
			return err
		}
		return s.open(ctx, next, apiConn, explain)
	})
	if err != nil {
		return askedToEnd(ctx, err)
	}
	at, err := newSite(apiConn, s.cfg, s.subjects, on.alone, s.log)
	if err != nil {
		return errors.Join(err, s.source.close())
	}
	s.source.site.Store(at)
	if s.cfg.Webhooks != "" {
		if err := s.openWebhooks(conns[3], next.Replicas); err != nil {
			return errors.Join(err, s.source.close())
		}
	}
	return s.runParts(ctx, apiConn, conns[2], http)
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
func (s *Server) runParts(ctx context.Context, conn, hears *nats.Conn, http string) (err error) {
	source := s.source
	service, streams, err := s.prepare(conn, hears)
	if err != nil {
		return errors.Join(err, source.close())
	}
	at := source.site.Load()
	at.look(ctx)
	at.logStatus()
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return at.run(ctx) })
	g.Go(func() error { return part(ctx, "streams", streams.Run(ctx)) })
	if !s.cfg.IsExternal() {
		g.Go(func() error { return s.scrub(ctx) })
	}
	// The projector ends after the queries, which it answers to the last.
	projecting, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	source.peers.Load().Hello(ctx) // before anything is read
	g.Go(func() error { return part(ctx, "projector", source.run(projecting)) })
	g.Go(func() error {
		source.peers.Load().Run(projecting)
		return nil
	})
	if source.snapshots != nil {
		g.Go(func() error { return part(ctx, "snapshots", source.snapshots.scheduler.Load().Run(ctx)) })
	}
	g.Go(func() error {
		defer stop()
		return part(ctx, "query service", service.Run(ctx))
	})
	if h := s.hooks.now.Load(); h != nil {
		g.Go(func() error { return part(ctx, "webhooks", h.Run(ctx)) })
	}
	g.Go(func() error {
		select {
		case <-service.Ready():
			if s.awaitAuthority(ctx) && s.awaitWebhooks(ctx) && s.cfg.Ready != nil {
				s.cfg.Ready(s.natsURL(conn), http)
			}
		case <-ctx.Done():
		}
		return nil
	})
	return g.Wait()
}

// natsURL is where others reach the NATS server that a connection is to.
func (s *Server) natsURL(conn *nats.Conn) string {
	if embedded := s.embedded.Load(); embedded != nil {
		return embedded.URL()
	}
	return natsconn.Redacted(conn.ConnectedUrl())
}

// prepare makes the queries and everybody's figures, of a projection that is open.
func (s *Server) prepare(conn, hears *nats.Conn) (*api.Service, *stream.Hub, error) {
	js, err := jetstream.New(conn)
	if err != nil {
		return nil, nil, err
	}
	queryMetrics, err := api.NewMetrics(s.registry)
	err = errors.Join(err, s.registry.Register(newStreamFigures(js, s.subjects)), s.registry.Register(newPeerFigures(s.source)), s.registry.Register(newDiskFigures(string(s.cfg.Data))))
	if err != nil {
		return nil, nil, err
	}
	if taken := s.source.snapshots; taken != nil {
		if err := errors.Join(taken.attach(s.source), taken.register(s.registry)); err != nil {
			return nil, nil, err
		}
	}
	door, err := gate.New(gate.Config{Conn: conn, Subjects: s.subjects, Source: s.source, Rate: s.cfg.gateRate()})
	if err != nil {
		return nil, nil, err
	}
	service, err := api.NewService(api.ServiceConfig{
		Conn: conn, Subjects: s.subjects, Source: s.source, Keeper: s.source, Gate: door, ReplyPrefixes: s.cfg.ReplyPrefixes,
		Version: s.cfg.ServiceVersion, Logger: s.log, Metrics: queryMetrics,
	})
	if err != nil {
		return nil, nil, err
	}
	w := &web{Service: service, Gate: door, refusedLog: &refusedLog{js, s.subjects}, source: s.source, data: s.cfg.Data, log: s.log, end: s.disconnect}
	if err := s.openStreams(w, hears); err != nil {
		return nil, nil, err
	}
	s.web.now.Store(w)
	return service, w.streams, nil
}
