package api

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/pprof"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// Bounds of the HTTP listener. It serves probes and a scraper, not the public.
const (
	httpReadTimeout  = 10 * time.Second
	httpWriteTimeout = time.Minute // a profile takes half of it
	httpIdleTimeout  = time.Minute
	httpMaxHeader    = 16 << 10 // bytes
	httpScrapes      = 4        // of /metrics at once; more are answered 503
	httpShutdown     = 1500 * time.Millisecond
)

// HTTPConfig says what the HTTP listener shows, and where.
type HTTPConfig struct {
	Addr string // host:port; port 0 takes a free one; required

	// Source, if not nil, adds its positions to /metrics. See newPositions.
	Source Source

	Registry *prometheus.Registry // shown at /metrics; required
	Ready    func() error         // why not ready, nil for ready; a nil func: always ready
	But      func() error         // what is wrong all the same, reported by /readyz when ready; may be nil
	Profiles bool                 // serve Go's profiles at /debug/pprof/
	AnyHost  bool                 // answer under any name, not only under the address's own
	Logger   *slog.Logger         // nil logs nothing
}

// HTTP serves
//
//	/healthz  200 "ok" while the process lives
//	/readyz   200 "ready", on a second line what is wrong all the same, or 503
//	          with the reason
//	/metrics  the registry's metrics in Prometheus's formats
//
// with Profiles Go's own /debug/pprof/, and 404 for all else. A request for
// another name than a loopback one or the listener's own is answered 403: nobody
// is asked who they are, and a page of another site that a browser on this
// machine shows must not read the figures by a name that leads here.
type HTTP struct {
	cfg      HTTPConfig
	server   *http.Server
	listener net.Listener
}

// NewHTTP returns a listener that Listen and Run start.
func NewHTTP(cfg HTTPConfig) (*HTTP, error) {
	switch {
	case cfg.Addr == "":
		return nil, errors.New("http: no address")
	case cfg.Registry == nil:
		return nil, errors.New("http: no metrics registry")
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	h := &HTTP{cfg: cfg}
	h.server = &http.Server{
		Handler:           h.guarded(h.routes()),
		ReadHeaderTimeout: httpReadTimeout,
		ReadTimeout:       httpReadTimeout,
		WriteTimeout:      httpWriteTimeout,
		IdleTimeout:       httpIdleTimeout,
		MaxHeaderBytes:    httpMaxHeader,
		ErrorLog:          slog.NewLogLogger(cfg.Logger.Handler(), slog.LevelWarn),
	}
	return h, nil
}

func (h *HTTP) routes() http.Handler {
	gather := prometheus.Gatherers{h.cfg.Registry}
	if h.cfg.Source != nil {
		own := prometheus.NewRegistry()
		own.MustRegister(newPositions(h.cfg.Source))
		gather = append(gather, own)
	}
	mux := http.NewServeMux()
	if h.cfg.Profiles {
		mux.HandleFunc("GET /debug/pprof/", pprof.Index)
		mux.HandleFunc("GET /debug/pprof/profile", pprof.Profile)
		mux.HandleFunc("GET /debug/pprof/trace", pprof.Trace)
	}
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) {
		text(w, http.StatusOK, "ok")
	})
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, _ *http.Request) {
		if h.cfg.Ready != nil {
			if err := h.cfg.Ready(); err != nil {
				text(w, http.StatusServiceUnavailable, err.Error())
				return
			}
		}
		line := "ready"
		if h.cfg.But != nil {
			if err := h.cfg.But(); err != nil {
				line += "\nbut " + err.Error()
			}
		}
		text(w, http.StatusOK, line)
	})
	mux.Handle("GET /metrics", promhttp.HandlerFor(gather, promhttp.HandlerOpts{
		ErrorLog:            slog.NewLogLogger(h.cfg.Logger.Handler(), slog.LevelWarn),
		ErrorHandling:       promhttp.ContinueOnError,
		MaxRequestsInFlight: httpScrapes,
		EnableOpenMetrics:   true,
	}))
	return mux
}

// guarded answers only requests for a name that is the listener's.
func (h *HTTP) guarded(next http.Handler) http.Handler {
	if h.cfg.AnyHost {
		return next
	}
	own, _, _ := net.SplitHostPort(h.cfg.Addr)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		name := r.Host
		if host, _, err := net.SplitHostPort(name); err == nil {
			name = host
		}
		name = strings.TrimSuffix(strings.TrimPrefix(name, "["), "]")
		if name != own && !Loopback(name) {
			text(w, http.StatusForbidden, "this address is not "+strconv.Quote(name)+": ask 127.0.0.1 or localhost, or start reddot with --insecure-open")
			return
		}
		next.ServeHTTP(w, r)
	})
}

// Loopback reports whether a host names this machine to itself alone.
func Loopback(host string) bool {
	if strings.EqualFold(strings.TrimSuffix(host, "."), "localhost") {
		return true
	}
	address, err := netip.ParseAddr(host)
	return err == nil && address.Unmap().IsLoopback()
}

func text(w http.ResponseWriter, code int, line string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(code)
	io.WriteString(w, line+"\n") // an asker that has gone away is no error
}

// Listen takes the address. It is apart from Run so that a caller knows the
// port, or that the address is taken, before anything else starts.
func (h *HTTP) Listen() error {
	l, err := net.Listen("tcp", h.cfg.Addr)
	if err != nil {
		return fmt.Errorf("listen for HTTP: %w; give a free host:port with --http", err)
	}
	h.listener = l
	return nil
}

// Addr is the address listened on, as host:port; empty before Listen.
func (h *HTTP) Addr() string {
	if h.listener == nil {
		return ""
	}
	return h.listener.Addr().String()
}

// Run serves until ctx is done, then lets requests under way end and returns
// nil within two seconds. It calls Listen if that has not been done. An error
// says why it stopped by itself. Run runs once.
func (h *HTTP) Run(ctx context.Context) error {
	if h.listener == nil {
		if err := h.Listen(); err != nil {
			return err
		}
	}
	failed := make(chan error, 1)
	go func() { failed <- h.server.Serve(h.listener) }()
	select {
	case err := <-failed:
		return fmt.Errorf("serve HTTP on %s: %w", h.Addr(), err)
	case <-ctx.Done():
	}
	ending, cancel := context.WithTimeout(context.WithoutCancel(ctx), httpShutdown)
	defer cancel()
	if err := h.server.Shutdown(ending); err != nil {
		h.cfg.Logger.Warn("close HTTP connections still in use", "error", err)
		return h.server.Close()
	}
	return nil
}
