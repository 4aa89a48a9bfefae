package rest

import (
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"net/http/pprof"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// figures are the server's numbers for Prometheus.
type figures struct {
	requests *prometheus.CounterVec
	seconds  *prometheus.HistogramVec
	limits   *prometheus.CounterVec
	routes   map[string]*answers // by path
}

// answers are the numbers of one route, which take longer to find than to change.
type answers struct {
	ok        prometheus.Counter
	unchanged func() prometheus.Counter
	seconds   func() prometheus.Observer
}

// Paths of requests that no route has are counted as one.
const noRoute = "none"

// What a rate is of, as a label.
const (
	limitedQueries  = "queries"
	limitedCommands = "commands"
	limitedStreams  = "streams"
	limitedFailures = "failed_authentication"
	limitedPast     = "past"
)

// newFigures registers
//
//	reddot_http_requests_total{route,code}  requests answered, by route and status
//	reddot_http_seconds{route}              from a request's head to the end of its answer
//	reddot_rate_limited_total{what}         requests turned away since they came too often
func newFigures(registry *prometheus.Registry, routes []Route) (*figures, error) {
	f := &figures{
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "reddot_http_requests_total",
			Help: "HTTP requests answered, by route and status.",
		}, []string{"route", "code"}),
		seconds: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name:                        "reddot_http_seconds",
			Help:                        "Time from the head of an HTTP request to the end of its answer, what it was asked to wait included.",
			Buckets:                     []float64{.0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 10, 30},
			NativeHistogramBucketFactor: 1.1, NativeHistogramMaxBucketNumber: 100, NativeHistogramMinResetDuration: time.Hour,
		}, []string{"route"}),
		limits: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "reddot_rate_limited_total",
			Help: "HTTP requests turned away because there were too many of them, by what they were.",
		}, []string{"what"}),
	}
	for _, c := range []prometheus.Collector{f.requests, f.seconds, f.limits} {
		if err := registry.Register(c); err != nil {
			return nil, fmt.Errorf("register HTTP metrics: %w", err)
		}
	}
	f.routes = map[string]*answers{}
	for i := range routes {
		path := routes[i].Path
		f.routes[path] = &answers{
			ok:        f.requests.WithLabelValues(path, "200"),
			unchanged: sync.OnceValue(func() prometheus.Counter { return f.requests.WithLabelValues(path, "304") }),
			seconds:   sync.OnceValue(func() prometheus.Observer { return f.seconds.WithLabelValues(path) }),
		}
	}
	for _, what := range []string{limitedQueries, limitedCommands, limitedStreams, limitedFailures, limitedPast} {
		f.limits.WithLabelValues(what)
	}
	return f, nil
}

func (f *figures) limited(what string) { f.limits.WithLabelValues(what).Inc() }

// answered counts an answer. path is that of a route, or noRoute.
func (f *figures) answered(path string, code int, took time.Duration, stream bool) {
	of := f.routes[path]
	switch {
	case of != nil && code == http.StatusOK:
		of.ok.Inc()
	case of != nil && code == http.StatusNotModified:
		of.unchanged().Inc()
	default:
		f.requests.WithLabelValues(path, strconv.Itoa(code)).Inc()
	}
	switch {
	case stream:
	case of != nil:
		of.seconds().Observe(took.Seconds())
	default:
		f.seconds.WithLabelValues(path).Observe(took.Seconds())
	}
}

// The headers of every answer.
const (
	headerRequest = "Reddot-Request"
	headerApplied = "Reddot-Applied"
)

// Headers that are the same in many answers. Nobody changes a header's values in place.
var (
	nosniff     = []string{"nosniff"}
	private     = []string{"private, no-cache"}
	isJSON      = []string{"application/json; charset=utf-8"}
	variesByZip = []string{"Accept-Encoding"}
)

// observed gives every request its id and counts its answer.
func (s *Server) observed(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		counted := &counting{ResponseWriter: w}
		x := &counted.x
		x.Writer, x.Request, x.ID, x.began = counted, r, requestID(r), time.Now()
		x.route, x.allow, x.missing = s.table.find(r.Method, r.URL.Path)
		x.set(headerRequest, x.ID)
		w.Header()["X-Content-Type-Options"] = nosniff
		next.ServeHTTP(counted, r)
		path, stream := noRoute, false
		if x.route != nil {
			path, stream = x.route.Path, x.route.Stream
		}
		s.figs.answered(path, counted.status(), time.Since(x.began), stream)
	})
}

// requestID is what a request calls itself, if that is sane, or a new id: nothing is let
// in for it, so others may guess it.
func requestID(r *http.Request) string {
	if id := header(r, "X-Request-Id"); saneID(id) {
		return id
	}
	var id [26]byte
	low, high := rand.Uint64(), rand.Uint64()
	for i := range len(id) / 2 {
		id[2*i], id[2*i+1] = idLetters[low%32], idLetters[high%32]
		low, high = low/32, high/32
	}
	return string(id[:])
}

const idLetters = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"

// maxRequestID bounds a request's own id: bytes.
const maxRequestID = 64

func saneID(id string) bool {
	for i := range len(id) {
		c := id[i]
		if !(c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '.' || c == '_' || c == '-') {
			return false
		}
	}
	return id != "" && len(id) <= maxRequestID
}

// counting is a writer that remembers the status, and the request that it is of.
type counting struct {
	http.ResponseWriter
	code int
	x    Exchange
}

// exchangeOf is the request that a writer is of, which may lie around that of observed.
func exchangeOf(w http.ResponseWriter) *Exchange {
	for {
		if counted, ok := w.(*counting); ok {
			return &counted.x
		}
		w = w.(interface{ Unwrap() http.ResponseWriter }).Unwrap()
	}
}

func (c *counting) WriteHeader(code int) {
	if c.code == 0 && code >= http.StatusOK {
		c.code = code
	}
	c.ResponseWriter.WriteHeader(code)
}

func (c *counting) Write(b []byte) (int, error) {
	if c.code == 0 {
		c.code = http.StatusOK
	}
	return c.ResponseWriter.Write(b)
}

// Unwrap is for http.ResponseController.
func (c *counting) Unwrap() http.ResponseWriter { return c.ResponseWriter }

// Flush implements http.Flusher.
func (c *counting) Flush() { _ = c.FlushError() } // who cares asks for the error

// FlushError is for http.ResponseController.
func (c *counting) FlushError() error { return http.NewResponseController(c.ResponseWriter).Flush() }

func (c *counting) status() int {
	if c.code == 0 {
		return http.StatusOK
	}
	return c.code
}

// maxScrapes of /metrics are answered at once; more are answered 503.
const maxScrapes = 4

// metrics shows the figures in Prometheus's formats.
func (s *Server) metrics() func(*Exchange) error {
	all := prometheus.Gatherers{s.cfg.Registry}
	all = append(all, s.cfg.Gatherers...)
	show := promhttp.HandlerFor(all, promhttp.HandlerOpts{
		ErrorLog:            slog.NewLogLogger(s.log.Handler(), slog.LevelWarn),
		ErrorHandling:       promhttp.ContinueOnError,
		MaxRequestsInFlight: maxScrapes,
		EnableOpenMetrics:   true,
	})
	return func(x *Exchange) error {
		show.ServeHTTP(x.Writer, x.Request)
		return nil
	}
}

// profiles serves Go's own profiles.
func profiles(x *Exchange) error {
	http.NewResponseController(x.Writer).SetWriteDeadline(time.Now().Add(2 * answerTimeout))
	switch strings.TrimPrefix(x.Request.URL.Path, "/debug/pprof/") {
	case "profile":
		pprof.Profile(x.Writer, x.Request)
	case "trace":
		pprof.Trace(x.Writer, x.Request)
	case "cmdline":
		return Fail(NotFound, "the command line is not shown")
	default:
		pprof.Index(x.Writer, x.Request)
	}
	return nil
}
