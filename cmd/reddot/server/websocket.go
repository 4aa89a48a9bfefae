package server

import (
	"net/http"
	"net/http/httputil"
	"net/url"
	"slices"
	"strings"

	"reddot/api"
)

// webSocket is the embedded NATS server for browsers: a proxy to its own port, which
// checks where a page comes from, as browsers let every page open a WebSocket to anywhere.
func (s *Server) webSocket() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !s.mayComeFrom(r) {
			s.log.Warn("NATS connection refused", "reason", "a page of another origin", "origin", r.Header.Get("Origin"), "from", r.RemoteAddr)
			http.Error(w, "pages of this origin may not come in: name it under origins in the file of --auth", http.StatusForbidden)
			return
		}
		embedded := s.embedded.Load()
		if embedded == nil {
			w.Header().Set("Retry-After", "1")
			http.Error(w, "the NATS server is not ready", http.StatusServiceUnavailable)
			return
		}
		to, err := url.Parse(strings.Replace(embedded.WebSocketURL(), "ws:", "http:", 1))
		if err != nil {
			http.Error(w, "the NATS server is not ready", http.StatusServiceUnavailable)
			return
		}
		proxy := &httputil.ReverseProxy{
			Rewrite: func(p *httputil.ProxyRequest) {
				p.SetURL(to)
				p.Out.URL.Path, p.Out.URL.RawPath, p.Out.URL.RawQuery = "/", "", ""
				for _, name := range []string{"Origin", "Cookie", "Authorization"} {
					p.Out.Header.Del(name) // it is checked here, and NATS asks in its own way
				}
			},
			ErrorHandler: func(w http.ResponseWriter, _ *http.Request, err error) {
				s.log.Debug("a NATS connection over HTTP", "error", err)
				w.WriteHeader(http.StatusBadGateway)
			},
		}
		proxy.ServeHTTP(w, r)
	})
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
	return s.cfg.InsecureOpen || !s.authority.IsOpen() || api.Loopback(u.Hostname())
}
