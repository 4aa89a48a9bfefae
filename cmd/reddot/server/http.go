package server

import (
	"context"

	"reddot/api"
)

// httpServer is the HTTP listener at work; none if addr is empty.
type httpServer struct {
	addr string
	wait func() // until it has ended
}

// serveHTTP serves health and metrics, before anything else works, until ctx
// ends.
func (s *Server) serveHTTP(ctx context.Context) (httpServer, error) {
	if s.cfg.HTTP == "" {
		return httpServer{wait: func() {}}, nil
	}
	h, err := api.NewHTTP(api.HTTPConfig{
		Addr: s.cfg.HTTP, Source: s.source, Registry: s.registry, Ready: s.ready, But: s.source.flaws,
		Profiles: s.cfg.Profiles, AnyHost: s.cfg.InsecureOpen || !s.authority.IsOpen(), Logger: s.log,
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
