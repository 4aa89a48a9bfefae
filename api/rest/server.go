package rest

import (
	"context"
	"crypto/tls"
	"errors"
	"log/slog"
	"net/http"
	"slices"
	"sync/atomic"
	"time"

	"github.com/klauspost/compress/gzhttp"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/rs/cors"
	"golang.org/x/time/rate"

	"reddot/api/gate"
	"reddot/api/gate/bucket"
	"reddot/api/identity"
	"reddot/api/stream"
	"reddot/events"
)

// Live is what answers, once there is a connection to NATS.
type Live interface {
	// Ask answers a query about a user, or about none, whose request has body. The
	// reply is nil if known is the version of all that the user is shown, still.
	// applied is the seq that the reply shows, 0 if it shows no state.
	Ask(ctx context.Context, user, query string, body []byte, known events.Seq) (reply any, applied events.Seq, err error)

	// Check checks commands; see gate.Gate.
	Check(who gate.Caller, key string, r events.DoRequest, commands []gate.Asked) (*gate.Batch, []gate.Broken)

	// Admit takes tokens of a user's rate of commands, or returns why there are none.
	Admit(user string, n int) error

	// AdmitQuery takes a token of a user's rate of queries, or says after how long there
	// will be one.
	AdmitQuery(user string) (wait time.Duration, ok bool)

	// Store stores commands and waits for them. user is whose they are, empty for those
	// of a back end.
	Store(ctx context.Context, user string, check func() (*gate.Batch, []gate.Broken)) (gate.Outcome, []gate.Broken, error)

	// Streams tells clients what happens.
	Streams() *stream.Hub

	// Epoch names the log, fit for an ETag; empty: it is not known yet.
	Epoch() string

	Operator
}

// Config says what a Server answers, and where.
type Config struct {
	Addr       string              // HOST:PORT; port 0 takes a free one; required
	Authority  *identity.Authority // required
	Sessions   *identity.Sessions  // of the authority's keys; required unless nobody is asked who they are
	TLS        *tls.Config         // nil: none
	H2C        bool                // HTTP/2 without TLS, for a proxy in front
	QueryToken bool                // a token may stand in the URL of a stream
	AnyHost    bool                // answer under any name where nobody is asked who they are

	// Live returns what answers; an error is why nothing does yet. Required.
	Live func() (Live, error)

	// Webhooks returns what is asked about webhooks, nil before it is there; a nil func:
	// there are none.
	Webhooks func() Webhooks

	Registry   *prometheus.Registry  // where the server's own metrics are; required
	Gatherers  []prometheus.Gatherer // shown at /metrics beside it
	Ready      func() error          // why not ready, nil for ready; a nil func: always ready
	But        func() error          // what is wrong all the same, reported by /readyz when ready; may be nil
	Profiles   bool                  // serve Go's profiles at /debug/pprof/
	Fanout     int                   // members up to which a group's changes go to everyone, for discovery
	Transports []string              // how changes are heard, for discovery
	Version    string                // of the program, for discovery
	Routes     []Route               // beside the server's own
	Logger     *slog.Logger          // nil logs nothing
}

// Rates that are not configured: of streams that one user opens a second and at once, and
// of failed authentications of one address.
const (
	streamRate, streamBurst = 1, 5
	failedPerMinute         = 20
)

// warningsBurst lines about requests that were not answered are logged at once, then one
// a second: whoever asks decides how many there are.
const warningsBurst = 20

// Server serves HTTP. It runs once.
type Server struct {
	cfg   Config
	log   *slog.Logger
	table *table
	all   []Route
	http  *http.Server
	figs  *figures

	streamsOf *bucket.Buckets // by user
	failures  *bucket.Buckets // by address
	keys      keyRates
	repeats   *repeats
	bodies    atomic.Int64 // bytes of bodies that are held
	past      chan struct{}
	samples   *samples
	warnings  *rate.Limiter // of lines about requests that were not answered
	listening
}

// New returns a server that Listen and Run start.
func New(cfg Config) (*Server, error) {
	switch {
	case cfg.Addr == "":
		return nil, errors.New("http: no address")
	case cfg.Registry == nil:
		return nil, errors.New("http: no metrics registry")
	case cfg.Authority == nil:
		return nil, errors.New("http: no authority")
	case cfg.Sessions == nil && !cfg.Authority.IsOpen():
		return nil, errors.New("http: no sessions")
	case cfg.Live == nil:
		return nil, errors.New("http: nothing that answers")
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	s := &Server{
		cfg: cfg, log: cfg.Logger, repeats: newRepeats(maxRepeats), past: make(chan struct{}, 1), samples: newSamples(cfg.Registry), warnings: rate.NewLimiter(1, warningsBurst),
		streamsOf: bucket.New(streamRate, streamBurst),
		failures:  bucket.New(failedPerMinute/time.Minute.Seconds(), failedPerMinute),
	}
	s.all = s.routes()
	s.table = newTable(s.all)
	var err error
	if s.figs, err = newFigures(cfg.Registry, s.all); err != nil {
		return nil, err
	}
	handler, err := s.handler()
	if err != nil {
		return nil, err
	}
	s.http = s.newHTTP(handler)
	return s, nil
}

// Routes are all that the server answers.
func (s *Server) Routes() []Route { return s.all }

// handler puts what every request goes through around the routes.
func (s *Server) handler() (http.Handler, error) {
	zip, err := gzhttp.NewWrapper(gzhttp.MinSize(minCompressed), gzhttp.EnableZstd(false),
		gzhttp.ContentTypes([]string{"application/json", "application/problem+json", "application/yaml", "image/svg+xml",
			"text/html", "text/css", "text/javascript", "text/plain"}))
	if err != nil {
		return nil, err
	}
	plain := http.HandlerFunc(s.serve)
	zipped := zip(plain)
	routed := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if route := exchangeOf(w).route; route != nil && (route.Stream || route.Path == "/metrics") { // it compresses by itself, or never
			plain(w, r)
			return
		}
		if h := w.Header(); len(r.Header["Accept-Encoding"]) == 0 && h["Vary"] == nil { // as zipped answers then
			h["Vary"] = variesByZip
			plain(w, r)
			return
		}
		zipped(w, r)
	})
	return s.observed(s.cors(routed)), nil
}

// minCompressed is from how many bytes on an answer is compressed, if asked for.
const minCompressed = 1 << 10

// maxAge is how long a browser may remember what CORS lets it do, in seconds.
const maxAge = 7200

// cors lets pages of the configured origins ask. Without any there is no word of CORS.
func (s *Server) cors(next http.Handler) http.Handler {
	wrapped := cors.New(cors.Options{
		AllowOriginFunc: func(origin string) bool { return slices.Contains(s.cfg.Authority.Origins(), origin) },
		AllowedMethods:  []string{http.MethodGet, http.MethodHead, http.MethodPost, http.MethodDelete},
		AllowedHeaders:  []string{"Authorization", "Content-Type", "Idempotency-Key", "Last-Event-ID", "If-None-Match", "X-Request-Id"},
		ExposedHeaders:  []string{"Reddot-Applied", "Reddot-Request", "ETag", "Retry-After", "Link"},
		MaxAge:          maxAge,
	}).Handler(next)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if len(s.cfg.Authority.Origins()) == 0 {
			next.ServeHTTP(w, r)
			return
		}
		wrapped.ServeHTTP(w, r)
	})
}
