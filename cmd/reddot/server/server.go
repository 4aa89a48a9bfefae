package server

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync/atomic"
	"time"

	"github.com/nats-io/nkeys"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"reddot/api/identity"
	"reddot/cmd/reddot/natsserver"
	"reddot/cmd/reddot/term"
	"reddot/events"
)

// Server is a reddot: the projector, the queries and what belongs to them, with an
// embedded NATS server or an existing one. It runs once.
type Server struct {
	cfg *Config
	log *slog.Logger

	instance string      // the name of the data folder
	fail     func(error) // ends the server with a reason; valid within Run
	subjects events.Subjects
	registry *prometheus.Registry
	source   *projection
	web      asked
	hooks    hooks
	checked  bool // the log, for the first projector

	authority   *identity.Authority               // who may come in
	sealing     []byte                            // the secret of sessions; nil: the data folder's own
	issuer      nkeys.KeyPair                     // of answers to an existing NATS server that asks who connects; nil: none
	certificate *certificate                      // of the listeners; nil: they have none
	embedded    atomic.Pointer[natsserver.Server] // that listens; nil: none
}

// New prepares a server, and starts nothing. It fails where Validate does, and where the
// files of the credentials can't be used.
func New(cfg Config) (*Server, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	if cfg.IsExternal() {
		if _, err := cfg.Auth.Options(); err != nil {
			return nil, err
		}
	}
	subjects, err := events.NewSubjects(cfg.Prefix)
	if err != nil {
		return nil, err
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	cfg.ServiceVersion = cmp.Or(cfg.ServiceVersion, "0.0.0")
	s := &Server{cfg: &cfg, log: cfg.Logger, subjects: subjects, registry: prometheus.NewRegistry()}
	s.registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	for _, c := range cfg.Figures {
		if err := s.registry.Register(c); err != nil {
			return nil, err
		}
	}
	if err := s.loadAuthority(); err != nil {
		return nil, err
	}
	if err := s.readKeys(); err != nil {
		return nil, err
	}
	if err := s.readWebhooks(); err != nil {
		return nil, err
	}
	s.source = &projection{log: s.log, stream: subjects.CommandStream()}
	s.source.begin(errStarting)
	return s, nil
}

// readKeys reads the keys of the server's own.
func (s *Server) readKeys() (err error) {
	if s.cfg.Sessions != "" {
		if s.sealing, err = identity.ReadSecret(s.cfg.Sessions); err != nil {
			return fmt.Errorf("--session-secret: %w", err)
		}
	}
	if s.cfg.AuthCallout != "" {
		if s.issuer, err = ReadSeed(s.cfg.AuthCallout); err != nil {
			return fmt.Errorf("--auth-callout: %w", err)
		}
	}
	s.certificate, err = openCertificate(s.cfg.TLSCert, s.cfg.TLSKey, s.log)
	return err
}

// errStarting is why a server is not ready at first.
var errStarting = errors.New("starting")

// failure is why a server ends by itself.
type failure struct{ error }

func (f failure) Unwrap() error { return f.error }

// Run serves until ctx ends, or a part of the server fails: then it says why. All of it
// has ended when it returns.
func (s *Server) Run(ctx context.Context) (err error) {
	data := s.cfg.Data
	unlock, err := data.Lock()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, unlock()) }()
	if s.instance, err = data.Instance(); err != nil {
		return err
	}
	data.Tighten(s.log)
	if err := data.SweepScratch(); err != nil {
		s.log.Warn("what a crashed command has left is not removed", "error", err)
	}
	defer s.logLife(&err)()
	s.warnOfFiles()
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	s.fail = func(err error) { cancel(failure{err}) }
	defer func() {
		if why, ok := errors.AsType[failure](context.Cause(ctx)); ok {
			if errors.Is(err, context.Canceled) {
				err = nil // that is how the others ended
			}
			err = errors.Join(why.error, err)
		}
	}()
	defer s.keepAuthority(ctx)()
	defer cancel(nil)
	http, err := s.serveHTTP(ctx)
	if err != nil {
		return err
	}
	defer http.wait()
	defer cancel(nil)
	if s.cfg.IsExternal() {
		return s.runExternal(ctx, http.addr)
	}
	return s.runEmbedded(ctx, http.addr)
}

// logLife logs the beginning, and the end when the function is called that it
// returns. The reason of an end that nobody asked for is on standard error as
// well.
func (s *Server) logLife(err *error) func() {
	began := time.Now()
	host, _ := os.Hostname() // empty if it has none
	data, e := filepath.Abs(string(s.cfg.Data))
	if e != nil {
		data = string(s.cfg.Data)
	}
	s.log.LogAttrs(context.Background(), slog.LevelInfo, "reddot starts", slog.String("version", s.cfg.Program),
		slog.String("host", host), slog.Int("pid", os.Getpid()), slog.String("data", data), slog.GroupAttrs("settings", s.cfg.Settings...))
	return func() {
		attrs := []slog.Attr{slog.Duration("after", time.Since(began).Round(time.Millisecond))}
		if *err != nil {
			attrs = append(attrs, slog.String("error", term.OneLine(*err)))
		}
		s.log.LogAttrs(context.Background(), slog.LevelInfo, "reddot ends", attrs...)
	}
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
