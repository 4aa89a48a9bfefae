package server

import (
	"context"
	"errors"
	"sync/atomic"

	"github.com/prometheus/client_golang/prometheus"

	"reddot/api"
	"reddot/api/gate"
	"reddot/api/rest"
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
	source *projection
}

// Epoch implements rest.Live.
func (w *web) Epoch() string {
	p, err := w.source.running()
	if err != nil {
		return ""
	}
	return p.Log().Identity().Epoch()
}

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
	positions := prometheus.NewRegistry()
	positions.MustRegister(api.NewPositions(s.source))
	h, err := rest.New(rest.Config{
		Addr: s.cfg.HTTP, Authority: s.authority, AnyHost: s.cfg.InsecureOpen, Live: s.web.live,
		Registry: s.registry, Gatherers: []prometheus.Gatherer{positions}, Ready: s.ready, But: s.source.flaws,
		Profiles: s.cfg.Profiles, Version: s.cfg.ServiceVersion, Logger: s.log,
		TLS: s.certificate.config(), H2C: s.cfg.H2C, Routes: s.webRoutes(), Transports: s.transports(),
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
