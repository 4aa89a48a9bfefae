package server

import (
	"context"
	"errors"
	"log/slog"
	"sync/atomic"

	"github.com/prometheus/client_golang/prometheus"

	"reddot/api"
	"reddot/api/gate"
	"reddot/api/rest"
	"reddot/api/stream"
	"reddot/cmd/reddot/datadir"
	"reddot/events"
	"reddot/projector/log"
)

// httpServer is the HTTP listener at work; none if addr is empty.
type httpServer struct {
	addr string
	wait func() // until it has ended
}

// web is what the HTTP API asks, once there is a connection to NATS. It implements
// rest.Live.
type web struct {
	*api.Service
	*gate.Gate
	*refusedLog
	source  *projection
	streams *stream.Hub
	data    datadir.Dir
	log     *slog.Logger
	end     func(user string) (closed int) // of what a user has open
	epoch   atomic.Pointer[epoch]
}

// epoch is a log's, which takes longer to make than to find.
type epoch struct {
	of   *log.Log
	name string
}

// Epoch implements rest.Live.
func (w *web) Epoch() string {
	p, err := w.source.running()
	if err != nil {
		return ""
	}
	of := p.Log()
	known := w.epoch.Load()
	if known == nil || known.of != of {
		known = &epoch{of, of.Epoch()}
		w.epoch.Store(known)
	}
	return known.name
}

// Snapshots implements rest.Live.
func (w *web) Snapshots(ctx context.Context) ([]rest.Snapshot, error) {
	if w.source.snapshots == nil {
		return nil, nil
	}
	entries, err := w.source.snapshots.repo.List(ctx)
	if err != nil {
		return nil, err
	}
	all := make([]rest.Snapshot, len(entries))
	for i, e := range entries {
		all[i] = rest.Snapshot{ID: e.ID, Seq: e.Seq}
		if e.Err != nil {
			all[i].Error = e.Err.Error()
			continue
		}
		m := e.Manifest
		all[i].Digest, all[i].Taken, all[i].Bytes = m.Digest, events.Time(m.Taken.UnixMilli()), m.Bytes
		all[i].Stream, all[i].Program = m.Stream.Epoch(), m.Program
		if !m.LogTime.IsZero() {
			all[i].LogTime = events.Time(m.LogTime.UnixMilli())
		}
	}
	return all, nil
}

// Streams implements rest.Live.
func (w *web) Streams() *stream.Hub { return w.streams }

// Disconnect implements rest.Live.
func (w *web) Disconnect(user string) (closed int) { return w.streams.Disconnect(user) + w.end(user) }

// asked is what the HTTP API asks now.
type asked struct{ now atomic.Pointer[web] }

// errNotConnected is why nothing is answered over HTTP at first.
var errNotConnected = errors.New("there is no connection to NATS yet")

func (a *asked) live() (rest.Live, error) {
	if w := a.now.Load(); w != nil {
		return w, nil
	}
	return nil, errNotConnected
}

// serveHTTP serves the HTTP API, health and metrics, before anything else works, until
// ctx ends.
func (s *Server) serveHTTP(ctx context.Context) (httpServer, error) {
	if s.cfg.HTTP == "" {
		return httpServer{wait: func() {}}, nil
	}
	sessions, err := s.sessions()
	if err != nil {
		return httpServer{}, err
	}
	positions := prometheus.NewRegistry()
	positions.MustRegister(api.NewPositions(s.source))
	h, err := rest.New(rest.Config{
		Addr: s.cfg.HTTP, Authority: s.authority, Sessions: sessions, AnyHost: s.cfg.InsecureOpen, QueryToken: s.cfg.QueryToken, Live: s.web.live,
		Registry: s.registry, Gatherers: []prometheus.Gatherer{positions}, Ready: s.readyUntil(ctx), But: s.source.flaws,
		Profiles: s.cfg.Profiles, Version: s.cfg.ServiceVersion, Logger: s.log,
		TLS: s.certificate.config(), H2C: s.cfg.H2C, Routes: append(s.webRoutes(), s.pages()...), Transports: s.transports(), Fanout: s.cfg.FanoutLimit,
		Webhooks: s.askWebhooks(),
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
