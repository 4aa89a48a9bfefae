package server

import (
	"net/http"
	"net/http/httputil"
	"net/url"
	"slices"
	"strings"

	"reddot/api/rest"
	"reddot/api/stream"
)

// webRoutes are those of HTTP that this package adds.
func (s *Server) webRoutes() []rest.Route {
	if !s.cfg.WebSocket {
		return nil
	}
	return []rest.Route{{Method: http.MethodGet, Path: "/nats", Stream: true, Serve: s.serveNATS}}
}

// transports are the ways to hear changes that browsers have.
func (s *Server) transports() []string {
	t := []string{string(stream.SSE), string(stream.Poll)}
	if s.cfg.WebSocket {
		t = append(t, "nats")
	}
	return t
}

// serveNATS is the embedded NATS server for browsers: a proxy to its own port, which
// checks where a page comes from, as browsers let every page open a WebSocket to anywhere.
func (s *Server) serveNATS(x *rest.Exchange) error {
	r := x.Request
	if !s.mayComeFrom(r) {
		s.log.Warn("NATS connection refused", "request", x.ID, "reason", "a page of another origin", "origin", r.Header.Get("Origin"), "from", r.RemoteAddr)
		return rest.Fail(rest.Forbidden, "pages of this origin may not come in: name it under origins in the file of --auth")
	}
	if !strings.EqualFold(r.Header.Get("Upgrade"), "websocket") {
		return rest.Fail(rest.BadRequest, "this is for WebSockets: connect to it with a NATS client")
	}
	embedded := s.embedded.Load()
	if embedded == nil {
		return rest.Fail(rest.Unavailable, "the NATS server is not ready")
	}
	to, err := url.Parse(strings.Replace(embedded.WebSocketURL(), "ws:", "http:", 1))
	if err != nil {
		return err
	}
	proxy := &httputil.ReverseProxy{
		Rewrite: func(p *httputil.ProxyRequest) {
			p.SetURL(to)
			p.SetXForwarded() // for the NATS server's list of connections
			p.Out.URL.Path, p.Out.URL.RawPath, p.Out.URL.RawQuery = "/", "", ""
			for _, name := range []string{"Origin", "Cookie", "Authorization", "X-Api-Key"} {
				p.Out.Header.Del(name) // it is checked here, and NATS asks in its own way
			}
		},
		ErrorHandler: func(w http.ResponseWriter, _ *http.Request, err error) {
			s.log.Debug("a NATS connection over HTTP", "request", x.ID, "error", err)
			w.WriteHeader(http.StatusBadGateway)
		},
	}
	proxy.ServeHTTP(x.Writer, r)
	return nil
}

// mayComeFrom reports whether a request comes from no page, from one of this address or
// from one of an origin that the file names.
func (s *Server) mayComeFrom(r *http.Request) bool {
	origins := r.Header.Values("Origin")
	if len(origins) == 0 {
		return true
	}
	if len(origins) > 1 {
		return false
	}
	if slices.Contains(s.authority.Origins(), origins[0]) {
		return true
	}
	u, err := url.Parse(origins[0])
	if err != nil || u.Host == "" || !strings.EqualFold(u.Host, r.Host) {
		return false
	}
	return s.cfg.InsecureOpen || !s.authority.IsOpen() || rest.Loopback(u.Hostname())
}
